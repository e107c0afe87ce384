import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { Movie } from '../api';
import { announce } from '../app/notices';
import { LinkButton, PageHead } from '../app/parts';
import { type Resource, useFirstThenAll, useResource } from '../app/resource';
import { href, replace, route } from '../app/routes';
import { Empty, Failure, More, Skeletons } from '../app/states';
import { type Change, Filters, filterQuery } from '../movies/filters';
import { PosterLink } from '../movies/movie-card';
import { Prediction, Reasons } from '../movies/prediction';
import { owner, ratings, ratingsLoading, storedWrites, useOwnRating } from '../movies/ratings';
import { StarInput } from '../movies/star-input';
import { displayTitle } from '../movies/titles';
import { texts } from '../texts';
import { hasVoted, hiding, storedFeedback } from './feedback';
import { useFlip } from './flip';
import { Level } from './level';
import { keepInPlace } from './order';
import { type Listed, type Listing, recommend, type Wanted } from './requests';
import { SuggestionRow } from './suggestion-row';
import { Votes } from './votes';

const PAGE = 12;
const FIRST = 3; // a row of most windows
const SURPRISE_STEP = 0.25;
/** At the end of the dial lists still hold what the user is likely to like. */
const MOST_SURPRISE = 0.6;
const MOST_ASKED = 100;
const MOST_SHOWN = 480; // the service leaves out at most 500
const ROW = 7;
const LOVED = 4;

const change: Change = (patch) => {
  replace(href('for-you', { ...Object.fromEntries(route.value.query), ...patch }));
};

/** Recommendations with predicted ratings and reasons; every rating updates them at once. */
export function ForYou() {
  const { query } = route.value;
  const surprise = surpriseOf(query);
  const filters = filterQuery(query);
  // Unless the dial is moved, a running experiment may decide.
  const others = surprise > 0 && { diversity: MOST_SURPRISE * surprise, exploration: MOST_SURPRISE * surprise };
  const wanted = { ...filters, ...others };
  const list = useList(wanted);
  const items = useStableOrder(list, JSON.stringify(wanted));
  const visible = items.filter(({ movie }) => !hiding.value.get(movie.id));
  const { data, error } = list;

  return (
    <>
      <PageHead title={texts.forYou.title}>
        {data && <Level personalization={data.personalization} hasModel={data.model !== null} />}
      </PageHead>
      <search class="toolbar">
        <Filters query={query} onChange={change} />
        <Dial value={surprise} />
        {query.size > 0 && <a href={href('for-you')}>{texts.forYou.clear}</a>}
      </search>
      <section aria-labelledby="top">
        <h2 id="top" class="row-title">
          {texts.forYou.top}
        </h2>
        {!data && list.isLoading && <Skeletons count={9} kind="pick" />}
        {error && !list.isLoading && <Failure error={error} retry={list.reload} />}
        {data && visible.length === 0 && !error && !list.isLoading && (
          <Empty title={texts.forYou.empty} hint={texts.forYou.emptyHint}>
            <LinkButton href={query.size > 0 ? href('for-you') : href('browse')}>
              {query.size > 0 ? texts.forYou.clear : texts.forYou.start}
            </LinkButton>
          </Empty>
        )}
        <Picks items={visible} />
        <More hasMore={!!data && list.hasMore} isBusy={list.isLoading} onMore={list.loadMore} />
      </section>
      {data?.model && <Rows filters={filters} top={data} />}
      {data && (
        <p class="footnote">
          {data.model && texts.forYou.model(data.model.id, data.model.created_at)}
          {data.model && owner > 0 && ' · '}
          {data.model && owner > 0 && <a href={href('code', {}, data.model.id)}>{texts.code.of(data.model.id)}</a>}
          {data.model && owner > 0 && ' · '}
          {owner > 0 && <a href={href('hidden')}>{texts.hidden.link}</a>}
        </p>
      )}
    </>
  );
}

/** Trades certainty for diversity and exploration; part of the address. */
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

interface Versioned extends Listing {
  /** The number of ratings, votes and hidden movies before the request. */
  readonly version: number;
  readonly hasMore: boolean;
}

interface Endless extends Resource<Versioned> {
  readonly hasMore: boolean;
  readonly loadMore: () => void;
}

/** An endless list: more pages exclude the movies shown, and a rating reloads all of it. */
function useList(wanted: Omit<Wanted, 'limit'>): Endless {
  const goOnFrom = useRef<Versioned | undefined>(undefined);
  const shown = useRef({ wanted: '', n: PAGE });
  const name = JSON.stringify(wanted);
  if (shown.current.wanted !== name) shown.current = { wanted: name, n: PAGE };
  const list = useResource(`recommendations ${name}`, async (signal): Promise<Versioned> => {
    const before = goOnFrom.current;
    goOnFrom.current = undefined;
    const version = storedWrites.peek() + storedFeedback.peek();
    const limit = before ? PAGE : Math.min(MOST_ASKED, shown.current.n);
    const exclude = before?.items.map(({ movie }) => movie.id) ?? [];
    const page = await recommend({ ...wanted, limit, exclude }, signal);
    const items = [...(before?.items ?? []), ...page.items];
    shown.current.n = Math.max(PAGE, items.length);
    return { ...page, items, version, hasMore: page.items.length === limit && items.length < MOST_SHOWN };
  });
  useReloadAfterWrites(list.reload);
  const loadMore = () => {
    if (list.isLoading) return;
    goOnFrom.current = list.data;
    list.reload();
  };
  return { ...list, hasMore: list.data?.hasMore ?? false, loadMore };
}

function useReloadAfterWrites(reload: () => void): void {
  const n = storedWrites.value + storedFeedback.value;
  const seen = useRef(n);
  useLayoutEffect(() => {
    if (n === seen.current) return;
    seen.current = n;
    reload();
  }, [n]);
}

/** The list as shown: what was rated or voted on here keeps its place until the page or the filters change. */
function useStableOrder({ data, isStale }: Resource<Listing>, filters: string): readonly Listed[] {
  const shown = useRef<{ filters: string; items: readonly Listed[] }>({ filters, items: [] });
  useAnnouncedLeader(data?.items[0]?.movie);
  if (!data || isStale) return data?.items ?? [];
  const previous = shown.current.filters === filters ? shown.current.items : [];
  const isHeld = (id: number) => ratings.peek().has(id) || hasVoted(id);
  const items = keepInPlace(previous, data.items, ({ movie }) => movie.id, isHeld);
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

interface RowsProps {
  filters: ReturnType<typeof filterQuery>;
  top: Versioned;
}

/** More lists, loaded after the main list; none repeats its first page. */
function Rows({ filters, top }: RowsProps) {
  // New ratings count only after the list above has loaded with them.
  const loved = useMemo(lovedLately, [top.version, ratingsLoading.value]);
  const exclude = top.items.slice(0, PAGE).map(({ movie }) => movie.id);
  const shared = { version: top.version };
  const wanted = { ...filters, limit: ROW, exclude };
  const { because, adventurous, adventurousLead, gems, gemsLead } = texts.forYou;
  return (
    <>
      {loved.map(({ movie }) => (
        <SuggestionRow
          key={movie.id}
          {...shared}
          title={because(displayTitle(movie.title))}
          wanted={{ ...wanted, similar_to: movie.id }}
        />
      ))}
      <SuggestionRow
        {...shared}
        title={adventurous}
        lead={adventurousLead}
        wanted={{ ...wanted, diversity: 0.5, exploration: 1 }}
      />
      <SuggestionRow {...shared} title={gems} lead={gemsLead} wanted={{ ...wanted, max_ratings: obscurity(top) }} />
    </>
  );
}

/** The user's two favourite movies; the latest rated wins a tie. */
function lovedLately() {
  const loved = [...ratings.peek().values()].filter(({ value }) => value >= LOVED);
  return loved.sort((a, b) => b.value - a.value || b.rated_at.localeCompare(a.rated_at)).slice(0, 2);
}

/** The most ratings of a gem: a quarter of the list's median. */
function obscurity({ items }: Listing): number {
  const counts = items.map(({ movie }) => movie.n_ratings).sort((a, b) => a - b);
  return Math.ceil((counts[Math.floor(counts.length / 2)] ?? 0) / 4);
}

function Picks({ items }: { items: readonly Listed[] }) {
  const list = useRef<HTMLOListElement>(null);
  const painted = useFirstThenAll(items, FIRST);
  useFlip(list, painted.map(({ movie }) => movie.id).join());
  return (
    <ol class="rows picks" ref={list}>
      {painted.map((item) => (
        <Pick key={item.movie.id} item={item} />
      ))}
    </ol>
  );
}

function Pick({ item }: { item: Listed }) {
  const { movie, predicted_rating: stars, uncertainty, reasons, recommendationId, vote } = item;
  const isRated = useOwnRating(movie.id) !== null;
  return (
    <li class="pick" data-rated={isRated}>
      <PosterLink movie={movie} />
      <div class="pick-body">
        <h3>
          <a href={href('movie', {}, movie.id)}>{displayTitle(movie.title)}</a>
        </h3>
        <p class="facts">
          {movie.year ?? texts.movie.unknownYear} · {movie.genres.join(', ')}
        </p>
        {stars != null && <Prediction stars={stars} margin={uncertainty ?? null} />}
        {isRated && <p class="facts">{texts.forYou.rated}</p>}
        {!isRated && reasons.length > 0 && (
          <>
            <p class="facts">{texts.prediction.because}</p>
            <Reasons reasons={reasons} />
          </>
        )}
        <StarInput movie={movie} />
        {recommendationId !== null && (
          <Votes movie={movie} recommendationId={recommendationId} userId={owner} listed={vote} />
        )}
      </div>
    </li>
  );
}
