/** Ratings of somebody without an account: kept in this browser alone, and taken along when they sign up. */

import { signal } from '@preact/signals';
import { importRatings, type RatedMovie } from '../api';
import { asApiError } from '../app/errors';
import { notify } from '../app/notices';
import { texts } from '../texts';

// Not in memory: a reload or a closed window must not cost what somebody has rated.
const KEY = 'cinefold.kept-ratings';

/** The ratings kept here, oldest change first; null unless somebody tries the app without an account. */
export const kept = signal<readonly RatedMovie[] | null>(null);

/** Read it anew: another window may have kept something meanwhile. */
export function readKept(): readonly RatedMovie[] | null {
  const text = localStorage.getItem(KEY);
  kept.value = text === null ? null : ratingsIn(text);
  return kept.value;
}

/** Skips every entry that is no rating: an edited or outdated store must not stop the app. */
function ratingsIn(text: string): RatedMovie[] {
  try {
    const values: unknown = JSON.parse(text);
    return Array.isArray(values) ? values.filter(isRated) : [];
  } catch {
    return [];
  }
}

function isRated(value: Partial<RatedMovie> | null): value is RatedMovie {
  const { movie, value: stars, rated_at } = value ?? {};
  return Array.isArray(movie?.genres) && typeof movie.title === 'string' && !!stars && typeof rated_at === 'string';
}

function write(ratings: readonly RatedMovie[]): void {
  localStorage.setItem(KEY, JSON.stringify(ratings));
  kept.value = ratings;
}

/** Ratings kept before are still there. */
export function startKeeping(): readonly RatedMovie[] {
  write(readKept() ?? []);
  return kept.value ?? [];
}

/** Keep a rating, or with null none of this movie. */
export function keep(movieId: number, rating: RatedMovie | null): void {
  const others = (readKept() ?? []).filter(({ movie }) => movie.id !== movieId);
  write(rating ? [...others, rating] : others);
}

export function forgetKept(): void {
  localStorage.removeItem(KEY);
  kept.value = null;
}

/** Import the kept ratings into an account: all of them, or they stay here. Repeating it changes nothing. */
export async function carryOver(userId: number): Promise<void> {
  const carried = readKept() ?? [];
  try {
    if (carried.length > 0) await importRatings(userId, asFile(carried), false);
  } catch (reason) {
    notify({ text: texts.guest.notCarried(carried.length), error: asApiError(reason) });
    return;
  }
  // A window that has not heard of it may have kept another one while these were on their way.
  const isCarried = new Set(carried.map(({ movie, rated_at }) => `${movie.id} ${rated_at}`));
  const left = (readKept() ?? []).filter(({ movie, rated_at }) => !isCarried.has(`${movie.id} ${rated_at}`));
  if (left.length > 0) write(left);
  else forgetKept();
}

/** A file of ratings; the service imports all of it or nothing. */
export function asFile(ratings: readonly RatedMovie[]): Blob {
  const lines = ratings.map(({ movie, value, rated_at }) => `${movie.id},${value},${rated_at}`);
  return new Blob([['movie_id,rating,rated_at', ...lines].join('\n')]);
}
