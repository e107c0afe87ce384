import { useEffect, useState } from 'preact/hooks';
import { call, type MovieDetail, type PolarizingMovie } from '../api';
import { InputField, SelectField } from '../app/form';
import { PageHead } from '../app/parts';
import { useResource } from '../app/resource';
import { href, replace, route } from '../app/routes';
import { Empty, Failure, Skeletons } from '../app/states';
import { CsvButton } from '../charts/plot';
import { Histogram } from '../movies/histogram';
import { PosterLink } from '../movies/movie-card';
import { useOwnRating } from '../movies/ratings';
import { StarInput } from '../movies/star-input';
import { displayTitle } from '../movies/titles';
import { texts } from '../texts';

const STANDARD = '10';
const isMinimum = (text: string) => /^[1-9]\d{0,6}$/.test(text) && Number(text) >= 2 && Number(text) <= 1_000_000;

const change = (patch: Readonly<Record<string, string>>) => {
  replace(href('polarizing', { ...Object.fromEntries(route.value.query), ...patch }));
};

/** The movies on which opinions differ most, with their ratings spread out. */
export function Polarizing() {
  const { query } = route.value;
  const by = query.get('by') === 'excess' ? 'excess' : 'variance';
  const least = query.get('min_ratings') ?? STANDARD;
  const minimum = Number(isMinimum(least) ? least : STANDARD);
  const { data, error, isLoading, isStale, reload } = useResource(`polarizing ${by} ${minimum}`, (signal) =>
    load(by, minimum, signal),
  );
  const { polarizing } = texts;
  return (
    <>
      <PageHead title={polarizing.title} lead={polarizing.lead[by]} />
      <search class="toolbar">
        <SelectField
          label={polarizing.by}
          value={by}
          options={polarizing.measures}
          onValue={(value) => change({ by: value })}
        />
        <Minimum value={least} />
        {data && !isStale && (
          <CsvButton name={polarizing.title} columns={polarizing.columns} rows={data.items.map(rowOf)} />
        )}
      </search>
      {!data && isLoading && <Skeletons count={6} kind="row" />}
      {error && !isLoading && <Failure error={error} retry={reload} />}
      {data?.items.length === 0 && <Empty title={polarizing.empty} hint={polarizing.emptyHint} />}
      {!error && (
        <ol class="rows rating-list" aria-busy={isLoading}>
          {data?.items.map((item) => (
            <Row key={item.movie.id} item={item} bins={data.bins.get(item.movie.id) ?? []} />
          ))}
        </ol>
      )}
    </>
  );
}

async function load(by: 'excess' | 'variance', minimum: number, signal: AbortSignal) {
  const { items } = await call('get', '/insights/polarizing', { query: { by, min_ratings: minimum }, signal });
  const movie_id = items.map(({ movie }) => movie.id);
  const spread = await call('get', '/movies/histograms', { query: { movie_id }, signal });
  return { items, bins: new Map(spread.items.map((item) => [item.movie_id, item.histogram])) };
}

function rowOf({ movie, variance, expected_variance: expected }: PolarizingMovie) {
  return [displayTitle(movie.title), movie.year, movie.n_ratings, movie.mean_rating, variance, variance - expected];
}

/** Typed ahead of the address, which takes only what the service does. */
function Minimum({ value }: { value: string }) {
  const [text, setText] = useState(value);
  useEffect(() => {
    if (isMinimum(value)) setText(value);
  }, [value]);
  return (
    <InputField
      name="min_ratings"
      label={texts.polarizing.minimum}
      value={text}
      unit=""
      error={isMinimum(text) ? undefined : texts.polarizing.minimumProblem}
      onValue={(next) => {
        setText(next.trim());
        if (isMinimum(next.trim())) change({ min_ratings: next.trim() });
      }}
    />
  );
}

interface RowProps {
  item: PolarizingMovie;
  bins: MovieDetail['histogram'];
}

function Row({ item: { movie, variance, expected_variance: expected }, bins }: RowProps) {
  const own = useOwnRating(movie.id);
  return (
    <li class="rating-row polarizing-row">
      <PosterLink movie={movie} />
      <div>
        <h2>
          <a href={href('movie', {}, movie.id)}>{displayTitle(movie.title)}</a>
        </h2>
        <p class="facts">
          {movie.year ?? texts.movie.unknownYear} · {texts.movie.nRatings(movie.n_ratings)}
        </p>
        <p class="facts">{texts.polarizing.facts(variance, variance - expected)}</p>
        <StarInput movie={movie} />
      </div>
      <Histogram bins={bins} own={own} label={texts.movie.bin} />
    </li>
  );
}
