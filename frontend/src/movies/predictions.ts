/** Predicted ratings of the movies on a page. */

import { call, type Movie, type Prediction } from '../api';
import { useResource } from '../app/resource';
import { owner, sentRatings, storedWrites } from './ratings';

const MOST = 100;

/** Predictions by movie: one request per hundred movies, repeated after each rating. */
export function usePredictions(movies: readonly Movie[]): ReadonlyMap<number, Prediction> {
  const ids = movies.map(({ id }) => id);
  const { data } = useResource(`predictions ${ids.join()} ${storedWrites.value}`, async (signal) => {
    const starts = ids.map((_, i) => i).filter((i) => i % MOST === 0);
    const pages = await Promise.all(
      starts.map((start) => predict({ movie_ids: ids.slice(start, start + MOST), limit: MOST }, signal)),
    );
    return new Map(pages.flatMap(({ items }) => items).map((item) => [item.movie.id, item]));
  });
  return data ?? NOTHING;
}

const NOTHING: ReadonlyMap<number, Prediction> = new Map();

interface WantedPredictions {
  readonly limit: number;
  readonly cursor?: string | null;
  readonly genre?: string | null;
  readonly year_from?: number | null;
  readonly year_to?: number | null;
  /** Restricts the predictions to these movies. */
  readonly movie_ids?: number[];
}

export function predict({ movie_ids = [], ...wanted }: WantedPredictions, signal: AbortSignal) {
  if (!owner) return call('post', '/predictions', { body: { ...wanted, movie_ids, ratings: sentRatings() }, signal });
  const query = { ...wanted, movie_id: movie_ids };
  return call('get', '/predictions/{user_id}', { path: { user_id: owner }, query, signal });
}

export function explain(movieId: number, signal: AbortSignal) {
  const path = { user_id: owner, movie_id: movieId };
  return owner
    ? call('get', '/recommendations/{user_id}/{movie_id}/explanation', { path, signal })
    : call('post', '/recommendations/{movie_id}/explanation', { path, body: { ratings: sentRatings() }, signal });
}
