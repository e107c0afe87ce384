import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { call, type Me, type Movie, type Personalization, type Recommendation, type Recommendations } from '../api';
import { type Change, Filters, filterQuery } from '../components/filters';
import { PosterLink } from '../components/movie-card';
import { Because, Prediction } from '../components/prediction';
import { StarInput } from '../components/stars';
import { Empty, Failure, Skeletons } from '../components/states';
import { Votes } from '../components/votes';
import { hiding, storedHides } from '../feedback';
import { useFlip } from '../flip';
import { announce } from '../notices';
import { keepInPlace } from '../order';
import { ratings, storedWrites, useOwnRating } from '../ratings';
import { type Resource, useResource } from '../resource';
import { href, replace, route } from '../routes';
import { texts } from '../texts';
import { displayTitle } from '../titles';

const PAGE = 20;
const MOST = 100;
const SURPRISE_STEP = 0.25;
/** At the end of the dial lists still hold what the user is likely to like. */
const MOST_SURPRISE = 0.6;

const change: Change = (patch) => {
  replace(href('for-you', { ...Object.fromEntries(route.value.query), ...patch }));
};

/** What to watch next, with the stars to expect and why; every rating acts at once. */
export function ForYou({ me }: { me: Me }) {
  const { query } = route.value;
  const [limit, setLimit] = useState(PAGE);
  const surprise = surpriseOf(query);
  const others = { diversity: MOST_SURPRISE * surprise, exploration: MOST_SURPRISE * surprise };
  const wanted = { limit, ...filterQuery(query), ...others };
  const list = useResource(`recommendations ${JSON.stringify(wanted)}`, (signal) =>
    call('get', '/recommendations/{user_id}', { path: { user_id: me.id }, query: wanted, signal }),
  );
  useReloadAfterWrites(list.reload);
  const items = useStableOrder(list, JSON.stringify({ ...filterQuery(query), surprise }));
  const visible = items.filter(({ movie }) => !hiding.value.get(movie.id));
  const { data, error } = list;

  return (
    <>
      <header class="page-head">
        <h1>{texts.forYou.title}</h1>
        {data && <Level personalization={data.personalization} hasModel={data.model !== null} />}
      </header>
      <search class="toolbar">
        <Filters query={query} onChange={change} />
        <Dial value={surprise} />
        {query.size > 0 && <a href={href('for-you')}>{texts.forYou.clear}</a>}
      </search>
      {!data && list.isLoading && <Skeletons count={9} kind="pick" />}
      {error && !list.isLoading && <Failure error={error} retry={list.reload} />}
      {data && visible.length === 0 && !error && !list.isLoading && (
        <Empty title={texts.forYou.empty} hint={texts.forYou.emptyHint}>
          <a class="button" href={query.size > 0 ? href('for-you') : href('browse')}>
            {query.size > 0 ? texts.forYou.clear : texts.forYou.start}
          </a>
        </Empty>
      )}
      <Picks items={visible} userId={me.id} />
      {data && data.items.length >= limit && limit < MOST && (
        <button
          type="button"
          class="button more"
          aria-busy={list.isLoading}
          onClick={() => setLimit(Math.min(MOST, limit + PAGE))}
        >
          {texts.forYou.more}
        </button>
      )}
      {data && (
        <p class="footnote">
          {data.model && `${texts.forYou.model(data.model.id, data.model.created_at)} · `}
          <a href={href('hidden')}>{texts.hidden.link}</a>
        </p>
      )}
    </>
  );
}

/** From what is surely liked to what is unlike the rest of the list and less known; part of the address. */
function Dial({ value }: { value: number }) {
  return (
    <label class="field dial">
      <span>{texts.forYou.surprise}</span>
      <input
        type="range"
        min={0}
        max={1}
        step={SURPRISE_STEP}
        value={value}
        aria-valuetext={texts.forYou.surpriseIs(value)}
        onInput={(event) => change({ surprise: Number(event.currentTarget.value) ? event.currentTarget.value : '' })}
      />
    </label>
  );
}

function surpriseOf(query: URLSearchParams): number {
  const value = Number(query.get('surprise'));
  return value >= 0 && value <= 1 ? value : 0;
}

function useReloadAfterWrites(reload: () => void): void {
  const n = storedWrites.value + storedHides.value;
  const seen = useRef(n);
  useLayoutEffect(() => {
    if (n === seen.current) return;
    seen.current = n;
    reload();
  }, [n]);
}

/** A movie with the signed name of the list that it came in: what is pinned outlives its list. */
interface Listed extends Recommendation {
  readonly recommendationId: string | null;
}

/** The list as shown: what was rated here stays in its place until the page or the filters change. */
function useStableOrder({ data, isStale }: Resource<Recommendations>, filters: string): readonly Listed[] {
  const shown = useRef<{ filters: string; items: readonly Listed[] }>({ filters, items: [] });
  useAnnouncedLeader(data?.items[0]?.movie);
  const listed = useMemo(
    () => data?.items.map((item) => ({ ...item, recommendationId: data.recommendation_id })),
    [data],
  );
  if (!listed || isStale) return listed ?? [];
  const previous = shown.current.filters === filters ? shown.current.items : [];
  const items = keepInPlace(previous, listed, ({ movie }) => ratings.peek().has(movie.id));
  shown.current = { filters, items };
  return items;
}

function useAnnouncedLeader(leader: Movie | undefined): void {
  const before = useRef<number | undefined>(undefined);
  useEffect(() => {
    if (leader && before.current !== undefined) announce(texts.forYou.changed(displayTitle(leader.title)));
    before.current = leader?.id;
  }, [leader?.id]);
}

function Level({ personalization, hasModel }: { personalization: Personalization; hasModel: boolean }) {
  const { level, n_ratings: n, n_ratings_used: used } = personalization;
  const sentence = level === 'none' ? (n > 0 ? texts.forYou.noneUnused : texts.forYou.none) : texts.forYou[level](used);
  return (
    <div class="level" data-level={level}>
      <span class="level-steps" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      <p>
        <b>{texts.forYou.levels[level]}.</b> {hasModel ? sentence : texts.forYou.popularity}{' '}
        {level !== 'none' && n > used && texts.forYou.unused(n - used)}
      </p>
    </div>
  );
}

function Picks({ items, userId }: { items: readonly Listed[]; userId: number }) {
  const list = useRef<HTMLOListElement>(null);
  useFlip(list, items.map(({ movie }) => movie.id).join());
  return (
    <ol class="rows picks" ref={list}>
      {items.map((item) => (
        <Pick key={item.movie.id} item={item} userId={userId} />
      ))}
    </ol>
  );
}

function Pick({ item, userId }: { item: Listed; userId: number }) {
  const { movie, predicted_rating: stars, uncertainty, reasons, recommendationId, vote } = item;
  const isRated = useOwnRating(movie.id) !== null;
  return (
    <li class="pick" data-rated={isRated}>
      <PosterLink movie={movie} />
      <div class="pick-body">
        <h2>
          <a href={href('movie', {}, movie.id)}>{displayTitle(movie.title)}</a>
        </h2>
        <p class="facts">
          {movie.year ?? texts.movie.unknownYear} · {movie.genres.join(', ')}
        </p>
        {stars != null && <Prediction stars={stars} margin={uncertainty ?? null} />}
        {isRated ? <p class="because">{texts.forYou.rated}</p> : <Because reasons={reasons} />}
        <StarInput movie={movie} />
        {recommendationId !== null && (
          <Votes movie={movie} recommendationId={recommendationId} userId={userId} listed={vote} />
        )}
      </div>
    </li>
  );
}
