/** How many stars the service expects the user to give, for the movies on a page. */

import { call, type Movie, type Prediction } from './api';
import { storedWrites } from './ratings';
import { useResource } from './resource';

const MOST = 100;

/** Predictions by movie, asked for in one request a hundred movies and anew after each rating. */
export function usePredictions(userId: number, movies: readonly Movie[]): ReadonlyMap<number, Prediction> {
  const ids = movies.map(({ id }) => id);
  const { data } = useResource(`predictions ${ids.join()} ${storedWrites.value}`, async (signal) => {
    const starts = ids.map((_, i) => i).filter((i) => i % MOST === 0);
    const pages = await Promise.all(
      starts.map((start) =>
        call('get', '/predictions/{user_id}', {
          path: { user_id: userId },
          query: { movie_id: ids.slice(start, start + MOST), limit: MOST },
          signal,
        }),
      ),
    );
    return new Map(pages.flatMap(({ items }) => items).map((item) => [item.movie.id, item]));
  });
  return data ?? NOTHING;
}

const NOTHING: ReadonlyMap<number, Prediction> = new Map();
