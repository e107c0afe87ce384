/** What somebody without an account has said: kept in this tab alone, and taken along when they sign up. */

import { ApiError, call, type Movie, type RatedMovie } from './api';
import { notify } from './notices';
import { texts } from './texts';

interface Trial {
  readonly ratings: readonly RatedMovie[];
  readonly hidden: readonly Movie[];
}

const KEY = 'cinefold.trial';

/** Null for everybody who is not trying. */
export function readTrial(): Trial | null {
  const kept = sessionStorage.getItem(KEY);
  return kept === null ? null : (JSON.parse(kept) as Trial);
}

export function keepTrial(change: Partial<Trial>): Trial {
  const trial = { ratings: [], hidden: [], ...readTrial(), ...change };
  sessionStorage.setItem(KEY, JSON.stringify(trial));
  return trial;
}

export function endTrial(): void {
  sessionStorage.removeItem(KEY);
}

/** Store what was kept as a user's own; what could not be stored stays kept, and the user is told. */
export async function carryOver(userId: number, onRetry: () => void): Promise<void> {
  const trial = readTrial();
  if (!trial) return;
  const failure = await storeAll(userId, trial);
  const left = readTrial()?.ratings.length ?? 0;
  const n = trial.ratings.length;
  if (failure) {
    notify({
      text: texts.trial.left(n - left, left),
      error: failure,
      action: { label: texts.retry, run: onRetry },
    });
  } else {
    endTrial();
    if (n > 0) notify({ text: texts.trial.carried(n) });
  }
}

/** One after the other, the oldest first, so that their order stays; the first failure ends it. */
async function storeAll(userId: number, trial: Trial): Promise<ApiError | null> {
  const ratings = [...trial.ratings].sort((a, b) => a.rated_at.localeCompare(b.rated_at));
  const path = (movie: Movie) => ({ user_id: userId, movie_id: movie.id });
  try {
    for (const [i, { movie, value }] of ratings.entries()) {
      await call('put', '/ratings/{user_id}/{movie_id}', { path: path(movie), body: { value } }).catch(unlessGone);
      keepTrial({ ratings: ratings.slice(i + 1) });
    }
    for (const movie of trial.hidden) await call('put', '/hidden/{user_id}/{movie_id}', { path: path(movie) });
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  return null;
}

/** A film that was removed meanwhile cannot be rated any more. */
function unlessGone(error: unknown): void {
  if (!(error instanceof ApiError) || error.status !== 404) throw error;
}
