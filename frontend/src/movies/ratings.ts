/** Somebody's own ratings, stored by the service or kept here: one copy that every page shows and edits. */

import { computed, signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { ApiError, call, importRatings, type Movie, type RatedMovie } from '../api';
import { asApiError } from '../app/errors';
import { announce, notify } from '../app/notices';
import { OptimisticWrites } from '../app/optimistic';
import { texts } from '../texts';
import { asFile, keep, startKeeping } from './guest';
import { displayTitle } from './titles';

type Ratings = ReadonlyMap<number, RatedMovie>;
type Loading = 'loading' | 'ready' | ApiError;

const PAGE = 100;
/** The service accepts no more in one request. */
const MOST_SENT = 1000;

/** The ratings as shown, which may be ahead of those stored. */
export const ratings = signal<Ratings>(new Map());
export const ratingsLoading = signal<Loading>('loading');

/** Rises with every write the service has confirmed, so that lists know when to ask again. */
export const storedWrites = signal(0);
export const nRatings = computed(() => ratings.value.size);

/** The user's rating of one movie; other ratings do not render the component again. */
export function useOwnRating(movieId: number): number | null {
  return useMemo(() => computed(() => ratings.value.get(movieId)?.value ?? null), [movieId]).value;
}

const movies = new Map<number, Movie>();
/** When restored ratings were given. */
const dates = new Map<number, string>();
/** The user whose ratings these are; 0 without an account. */
export let owner = 0;

export async function loadRatings(userId: number): Promise<void> {
  if (owner !== userId) ratings.value = new Map();
  owner = userId;
  ratingsLoading.value = 'loading';
  const loaded = new Map<number, RatedMovie>();
  try {
    let cursor: string | null | undefined;
    do {
      const page = await call('get', '/ratings/{user_id}', {
        path: { user_id: userId },
        query: { limit: PAGE, cursor: cursor ?? null },
      });
      for (const rating of page.items) loaded.set(rating.movie.id, rating);
      cursor = page.next_cursor;
    } while (cursor);
  } catch (error) {
    ratingsLoading.value = asApiError(error);
    return;
  }
  if (owner !== userId) return; // signed out meanwhile
  // Ratings made while the pages loaded are newer than the pages.
  ratings.value = new Map([...loaded, ...ratings.value]);
  ratingsLoading.value = 'ready';
}

/** The ratings of somebody without an account. */
export function loadKept(): void {
  owner = 0;
  ratings.value = new Map(startKeeping().map((rating) => [rating.movie.id, rating]));
  ratingsLoading.value = 'ready';
}

export function forgetRatings(): void {
  owner = 0;
  ratings.value = new Map();
}

/** Read everything anew: a file has changed ratings behind the copy here. */
export async function reloadRatings(userId: number): Promise<void> {
  forgetRatings();
  await loadRatings(userId);
  storedWrites.value += 1;
}

/** Rate a movie, or with null take the rating back. */
export function rate(movie: Movie, value: number | null): void {
  const current = ratings.value.get(movie.id)?.value ?? null;
  if (value === current) return;
  movies.set(movie.id, movie);
  dates.delete(movie.id);
  void writes.write(movie.id, value, current);
}

/** Give a rating back that was taken away, as old as it was. */
function restore({ movie, value, rated_at }: RatedMovie): void {
  const current = ratings.value.get(movie.id)?.value ?? null;
  if (current !== null) return; // rated anew meanwhile
  dates.set(movie.id, rated_at);
  void writes.write(movie.id, value, current);
}

/** Take several ratings back, with a way to undo it all. */
export function removeAllWithUndo(chosen: readonly RatedMovie[]): void {
  for (const { movie } of chosen) rate(movie, null);
  notify({
    text: texts.myRatings.removed(chosen.length),
    action: {
      label: texts.myRatings.undo,
      run: () => chosen.forEach(restore),
    },
  });
}

/** Take a rating back, with a way to undo it. */
export function removeWithUndo(rating: RatedMovie): void {
  rate(rating.movie, null);
  notify({
    text: texts.ratings.removed(displayTitle(rating.movie.title)),
    action: { label: texts.ratings.undo, run: () => restore(rating) },
  });
}

const writes = new OptimisticWrites<number | null>({ show, send, stored, refused });

function show(movieId: number, value: number | null): void {
  const movie = movies.get(movieId);
  const next = new Map(ratings.value);
  if (value === null) next.delete(movieId);
  else if (movie) next.set(movieId, { movie, value, rated_at: dates.get(movieId) ?? new Date().toISOString() });
  ratings.value = next;
}

async function send(movieId: number, value: number | null): Promise<void> {
  const rating = ratings.peek().get(movieId) ?? null;
  if (!owner) return keep(movieId, rating);
  const path = { user_id: owner, movie_id: movieId };
  // Only a file can say when a rating was given.
  if (value !== null && rating && dates.has(movieId)) await importRatings(owner, asFile([rating]), false);
  else if (value === null) await call('delete', '/ratings/{user_id}/{movie_id}', { path });
  else await call('put', '/ratings/{user_id}/{movie_id}', { path, body: { value } });
}

function stored(movieId: number, value: number | null): void {
  storedWrites.value += 1;
  const title = displayTitle(movies.get(movieId)?.title ?? '');
  announce(value === null ? texts.ratings.removed(title) : texts.ratings.saved(title, value));
}

function refused(movieId: number, value: number | null, error: unknown): void {
  const movie = movies.get(movieId);
  if (!movie || !(error instanceof ApiError)) throw error;
  const by = owner;
  notify({
    text: texts.ratings.refused(displayTitle(movie.title)),
    error,
    action: { label: texts.retry, run: () => by === owner && rate(movie, value) },
  });
}

/** The latest of the ratings kept here, as the service takes them. */
export function sentRatings() {
  const newestFirst = (a: RatedMovie, b: RatedMovie) => b.rated_at.localeCompare(a.rated_at);
  const latest = [...ratings.peek().values()].sort(newestFirst).slice(0, MOST_SENT);
  return latest.map(({ movie, value }) => ({ movie_id: movie.id, value }));
}
