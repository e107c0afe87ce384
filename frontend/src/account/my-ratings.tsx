import type { CSSProperties } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { ApiError, call, type RatedMovie } from '../api';
import { passFocusOn } from '../app/focus';
import { SearchField, SelectField } from '../app/form';
import { Icon } from '../app/icon';
import { Button, LinkButton, PageHead } from '../app/parts';
import { useGet, useResource } from '../app/resource';
import { href, replace, route } from '../app/routes';
import { Empty, Failure, More, Skeletons } from '../app/states';
import { PosterLink } from '../movies/movie-card';
import {
  loadRatings,
  nRatings,
  owner,
  ratings,
  ratingsLoading,
  removeAllWithUndo,
  removeWithUndo,
  storedWrites,
} from '../movies/ratings';
import { StarInput } from '../movies/star-input';
import { HALF_STARS } from '../movies/stars';
import { displayTitle } from '../movies/titles';
import { texts } from '../texts';
import { orderOf, passes, RATING_SORTS } from './rating-list';

const PAGE = 60;

const change = (patch: Readonly<Record<string, string>>) => {
  replace(href('my-ratings', { ...Object.fromEntries(route.value.query), ...patch }));
};

/** Everything the user has rated: found, ordered, edited, removed. */
export function MyRatings() {
  const { query } = route.value;
  const [shown, setShown] = useState(PAGE);
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set());
  const shares = useInfluence();
  const sort = RATING_SORTS.find((name) => name === query.get('sort')) ?? 'date';
  // An edited rating keeps its place: the order follows the set, not the times.
  const order = useMemo(
    () => orderOf(ratings.value.values(), sort, shares),
    [nRatings.value, ratingsLoading.value, sort, sort === 'influence' && shares],
  );
  const state = ratingsLoading.value;
  const all = order.flatMap((id) => ratings.value.get(id) ?? []);
  const listed = all.filter((rating) => passes(rating, query));
  const visible = listed.slice(0, shown);
  const picked = visible.filter(({ movie }) => chosen.has(movie.id));
  return (
    <>
      <PageHead title={texts.myRatings.title}>
        {state === 'ready' && (
          <p class="lead" role="status">
            {texts.myRatings.count(listed.length, all.length)}
          </p>
        )}
        {owner > 0 && (
          <p class="actions">
            <a href={href('import')}>{texts.transfer.title}</a>
            <a href={href('hidden')}>{texts.hidden.link}</a>
          </p>
        )}
      </PageHead>
      {state === 'loading' && all.length === 0 && <Skeletons count={6} kind="row" />}
      {state instanceof ApiError && <Failure error={state} retry={() => void loadRatings(owner)} />}
      {state === 'ready' && all.length === 0 && (
        <Empty title={texts.myRatings.empty} hint={texts.myRatings.emptyHint}>
          <LinkButton kind="primary" href={href('browse')}>
            {texts.myRatings.start}
          </LinkButton>
        </Empty>
      )}
      {all.length > 0 && (
        <>
          <Distribution own={all} />
          <Toolbar query={query} genres={[...new Set(all.flatMap(({ movie }) => movie.genres))].sort()} />
          <Selection
            picked={picked}
            isAll={picked.length === visible.length}
            onAll={(isAll) => setChosen(new Set(isAll ? visible.map(({ movie }) => movie.id) : []))}
          />
        </>
      )}
      {all.length > 0 && listed.length === 0 && (
        <Empty title={texts.myRatings.noMatch} hint={texts.myRatings.noMatchHint}>
          <LinkButton href={href('my-ratings')}>{texts.myRatings.clear}</LinkButton>
        </Empty>
      )}
      <ul class="rows rating-list">
        {visible.map((rating) => (
          <RatingRow
            key={rating.movie.id}
            rating={rating}
            share={shares.get(rating.movie.id)}
            isChosen={chosen.has(rating.movie.id)}
            onChoose={() => {
              const next = new Set(chosen);
              if (!next.delete(rating.movie.id)) next.add(rating.movie.id);
              setChosen(next);
            }}
          />
        ))}
      </ul>
      <More hasMore={shown < listed.length} isBusy={false} onMore={() => setShown(shown + PAGE)} />
    </>
  );
}

const NONE: ReadonlyMap<number, number> = new Map();

/** The share of the list that each rating accounts for; empty while it loads. */
function useInfluence(): ReadonlyMap<number, number> {
  const { data } = useResource(`influence ${storedWrites.value}`, async (signal) => {
    if (!owner) return NONE;
    const { items } = await call('get', '/ratings/{user_id}/influence', { path: { user_id: owner }, signal });
    return new Map(items.map(({ movie_id, share }) => [movie_id, share]));
  });
  return data ?? NONE;
}

function Toolbar({ query, genres }: { query: URLSearchParams; genres: readonly string[] }) {
  const { search, sort, sorts, stars, anyStars, option } = texts.myRatings;
  return (
    <search class="toolbar own-toolbar">
      <SearchField label={search} value={query.get('text') ?? ''} onValue={(text) => change({ text })} />
      <SelectField
        label={texts.filters.genre}
        value={query.get('genre') ?? ''}
        options={[['', texts.filters.anyGenre], ...genres.map((name): [string, string] => [name, name])]}
        onValue={(genre) => change({ genre })}
      />
      <SelectField
        label={stars}
        value={query.get('stars') ?? ''}
        options={[
          ['', anyStars],
          ...HALF_STARS.map((value): [string, string] => [String(value), option(value)]).reverse(),
        ]}
        onValue={(value) => change({ stars: value })}
      />
      <SelectField
        label={sort}
        value={RATING_SORTS.find((name) => name === query.get('sort')) ?? 'date'}
        options={sorts}
        onValue={(name) => change({ sort: name })}
      />
    </search>
  );
}

interface SelectionProps {
  picked: readonly RatedMovie[];
  isAll: boolean;
  onAll: (isAll: boolean) => void;
}

function Selection({ picked, isAll, onAll }: SelectionProps) {
  return (
    <div class="toolbar-foot">
      <label class="check">
        <input
          type="checkbox"
          checked={isAll && picked.length > 0}
          onChange={(event) => onAll(event.currentTarget.checked)}
        />
        {texts.myRatings.selectShown}
      </label>
      {picked.length > 0 && (
        <Button
          kind="danger"
          onClick={() => {
            removeAllWithUndo(picked);
            onAll(false);
          }}
        >
          {texts.myRatings.removeSelected(picked.length)}
        </Button>
      )}
    </div>
  );
}

interface RatingRowProps {
  rating: RatedMovie;
  share: number | undefined;
  isChosen: boolean;
  onChoose: () => void;
}

function RatingRow({ rating, share, isChosen, onChoose }: RatingRowProps) {
  const { movie, rated_at } = rating;
  const title = displayTitle(movie.title);
  return (
    <li class="rating-row own-row">
      <input type="checkbox" aria-label={texts.myRatings.select(title)} checked={isChosen} onChange={onChoose} />
      <PosterLink movie={movie} />
      <div>
        <h2>
          <a href={href('movie', {}, movie.id)}>{title}</a>
        </h2>
        <p class="facts">
          {movie.year ?? texts.movie.unknownYear} · {texts.myRatings.ratedOn(rated_at)}
          {share !== undefined && <span title={texts.myRatings.influenceHelp}> · {texts.myRatings.shapes(share)}</span>}
        </p>
      </div>
      <StarInput movie={movie} />
      <Button
        kind="icon"
        aria-label={texts.myRatings.remove(title)}
        title={texts.myRatings.remove(title)}
        onClick={(event) => {
          passFocusOn(event.currentTarget);
          removeWithUndo(rating);
        }}
      >
        <Icon name="remove" />
      </Button>
    </li>
  );
}

/** The user's ratings beside everyone's, and the number of changes since the last training. */
function Distribution({ own }: { own: readonly RatedMovie[] }) {
  const everyone = useGet('/insights/ratings');
  const active = useResource(`active model ${storedWrites.value}`, async (signal) =>
    owner ? call('get', '/models/active', { signal }) : null,
  );
  const { data_cutoff: cutoff, n_changes_since: n } = active.data ?? {};
  const total = everyone.data?.n_ratings || 1;
  const bins = HALF_STARS.map((value) => ({
    value,
    mine: own.filter((rating) => rating.value === value).length / own.length,
    all: (everyone.data?.distribution.find((bin) => bin.value === value)?.count ?? 0) / total,
  }));
  const most = Math.max(...bins.flatMap(({ mine, all }) => [mine, all]));
  return (
    <section class="panel own-distribution">
      <h2>{texts.myRatings.distribution}</h2>
      <p class="legend" aria-hidden="true">
        <span>
          <i class="swatch series-2" /> {texts.myRatings.yours}
        </span>
        <span>
          <i class="swatch series-0" /> {texts.myRatings.everyone}
        </span>
      </p>
      <ol class="histogram paired">
        {bins.map(({ value, mine, all }) => (
          <li key={value} title={texts.myRatings.bin(value, mine, all)}>
            <i data-own="true" style={{ '--share': mine / most } as CSSProperties} />
            <i style={{ '--share': all / most } as CSSProperties} />
            <span class="visually-hidden">{texts.myRatings.bin(value, mine, all)}</span>
            <b aria-hidden="true">{value % 1 === 0 ? value : ''}</b>
          </li>
        ))}
      </ol>
      {everyone.error && !everyone.isLoading && <Failure error={everyone.error} retry={everyone.reload} />}
      {cutoff && n != null && <p class="facts">{texts.myRatings.retrain(cutoff, n)}</p>}
    </section>
  );
}
