import { useEffect, useRef, useState } from 'preact/hooks';
import { call, type Movie } from '../api';
import { SearchField, SelectField } from '../app/form';
import { LinkButton, PageHead } from '../app/parts';
import { useFirstThenAll, usePages } from '../app/resource';
import { href, replace, route } from '../app/routes';
import { Empty, Failure, Skeletons } from '../app/states';
import { texts } from '../texts';
import { type Change, Filters, filterQuery } from './filters';
import { MovieCard } from './movie-card';
import { predict, usePredictions } from './predictions';

const PAGE = 36;
const FIRST = 12;
const TYPING_MILLISECONDS = 150;
const SORTS = ['popular', 'predicted', 'title', 'year', 'polarizing'] as const;
type Sort = (typeof SORTS)[number];

const change: Change = (patch) => {
  replace(href('browse', { ...Object.fromEntries(route.value.query), ...patch }));
};

/** Search, filter and sort the catalogue; rate in place. */
export function Browse() {
  const { query } = route.value;
  const search = query.get('query') ?? '';
  const sort = SORTS.find((name) => name === query.get('sort')) ?? 'popular';
  const wanted = { query: search, sort, ...filterQuery(query) };
  const movies = usePages(`movies ${JSON.stringify(wanted)}`, (cursor, signal) => load(wanted, cursor, signal));
  const { data, error } = movies;
  // Ratings move predictions, so the next page may bring a movie again.
  const items = [...new Map(data?.items.map((movie) => [movie.id, movie])).values()];
  const predictions = usePredictions(items);
  const painted = useFirstThenAll(items, FIRST);
  const isFiltered = query.size > (query.has('sort') ? 1 : 0);

  return (
    <>
      <PageHead title={texts.browse.title} lead={texts.browse.lead} />
      <search class="toolbar">
        <TitleSearch value={search} />
        <Filters query={query} onChange={change} />
        <SelectField
          label={texts.browse.sort}
          value={sort}
          options={texts.browse.sorts}
          onValue={(name) => change({ sort: name })}
        />
      </search>
      <div class="toolbar-foot">
        <p role="status">{data && texts.browse.shown(items.length, data.next_cursor === null)}</p>
        {isFiltered && <a href={href('browse')}>{texts.browse.clear}</a>}
      </div>
      {!data && movies.isLoading && <Skeletons count={18} kind="poster" />}
      {data && data.items.length > 0 && (
        <ul class="grid" data-stale={movies.isStale}>
          {painted.map((movie) => (
            <MovieCard key={movie.id} movie={movie} prediction={predictions.get(movie.id)} />
          ))}
        </ul>
      )}
      {data?.items.length === 0 && !error && (
        <Empty title={texts.browse.empty} hint={texts.browse.emptyHint}>
          <LinkButton href={href('browse')}>{texts.browse.clear}</LinkButton>
        </Empty>
      )}
      {error && !movies.isLoading && <Failure error={error} retry={movies.reload} />}
      {data?.next_cursor && !error && <MoreButton isBusy={movies.isLoading} onMore={movies.loadMore} />}
    </>
  );
}

interface Wanted extends ReturnType<typeof filterQuery> {
  readonly query: string;
  readonly sort: Sort;
}

/** A search brings its own order, so the order by prediction is for browsing. */
async function load({ query, sort, ...filters }: Wanted, cursor: string | null, signal: AbortSignal) {
  const page = { limit: PAGE, cursor };
  if (sort !== 'predicted') return call('get', '/movies', { query: { ...filters, ...page, query, sort }, signal });
  if (query) return call('get', '/movies', { query: { ...filters, ...page, query }, signal });
  const predicted = await predict({ ...filters, ...page }, signal);
  return { items: predicted.items.map(({ movie }): Movie => movie), next_cursor: predicted.next_cursor };
}

/** Types ahead of the address: what is typed is never overwritten by what comes back. */
function TitleSearch({ value }: { value: string }) {
  const [text, setText] = useState(value);
  const sent = useRef(value);
  useEffect(() => {
    if (value !== sent.current) setText(value);
    sent.current = value;
  }, [value]);
  useEffect(() => {
    if (text === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = text.trim();
      change({ query: sent.current });
    }, TYPING_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [text]);
  const { search, placeholder } = texts.browse;
  return <SearchField label={search} placeholder={placeholder} value={text} onValue={setText} />;
}

/** Loads when it comes near the window; a real button for everybody who does not scroll. */
function MoreButton({ isBusy, onMore }: { isBusy: boolean; onMore: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (isBusy || !button.current) return;
    const near = new IntersectionObserver(([entry]) => entry?.isIntersecting && onMore(), {
      rootMargin: '600px',
    });
    near.observe(button.current);
    return () => near.disconnect();
  });
  return (
    <button type="button" class="button more" ref={button} aria-busy={isBusy} onClick={onMore}>
      {texts.browse.more}
    </button>
  );
}
