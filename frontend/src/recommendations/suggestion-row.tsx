import { useRef } from 'preact/hooks';
import { useResource } from '../app/resource';
import { Failure, Skeletons } from '../app/states';
import { MovieCard } from '../movies/movie-card';
import { useOwnRating } from '../movies/ratings';
import { hiding } from './feedback';
import { useFlip } from './flip';
import { type Listed, recommend, type Wanted } from './requests';

interface SuggestionRowProps {
  title: string;
  lead?: string;
  wanted: Wanted;
  /** Rises when the row is to be asked for anew. */
  version: number;
}

/** One row of a shelf of lists; empty it says nothing. */
export function SuggestionRow({ title, lead, wanted, version }: SuggestionRowProps) {
  const { data, error, isLoading, reload } = useResource(`row ${JSON.stringify(wanted)} ${version}`, (signal) =>
    recommend(wanted, signal),
  );
  if (data?.items.length === 0) return null;
  return (
    <section class="similar" aria-label={title} aria-busy={isLoading}>
      <h2>{title}</h2>
      {lead && <p class="facts">{lead}</p>}
      {!data && isLoading && <Skeletons count={6} kind="poster" />}
      {error && !isLoading && <Failure error={error} retry={reload} />}
      {data && <Cards items={data.items} />}
    </section>
  );
}

/** Posters in a row that moves gently into a new order. */
function Cards({ items }: { items: readonly Listed[] }) {
  const list = useRef<HTMLUListElement>(null);
  const visible = items.filter(({ movie }) => !hiding.value.get(movie.id));
  useFlip(list, visible.map(({ movie }) => movie.id).join());
  return (
    <ul class="grid strip" ref={list}>
      {visible.map((item) => (
        <Card key={item.movie.id} item={item} />
      ))}
    </ul>
  );
}

function Card({ item: { movie, predicted_rating: stars, uncertainty: margin } }: { item: Listed }) {
  const isRated = useOwnRating(movie.id) !== null;
  const isPredicted = !isRated && stars !== null && margin !== null;
  const prediction = isPredicted ? { movie, predicted_rating: stars, uncertainty: margin } : undefined;
  return <MovieCard movie={movie} prediction={prediction} />;
}
