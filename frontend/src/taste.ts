/** What the service makes of somebody's ratings: of those it holds or, without an account, of those kept here. */

import { call, type RatedMovie, type Recommendation, type Recommendations } from './api';
import { owner, ratings } from './ratings';

/** As many as the service takes with a question. */
const MOST_SENT = 1000;

export interface Wanted {
  readonly limit: number;
  readonly genre?: string | null;
  readonly year_from?: number | null;
  readonly year_to?: number | null;
  readonly max_ratings?: number | null;
  readonly exclude?: number[];
  readonly similar_to?: number | null;
  readonly diversity?: number;
  readonly exploration?: number;
}

/** A movie with the signed name of the list that it came in: what is pinned outlives its list. */
export interface Listed extends Recommendation {
  readonly recommendationId: string | null;
}

export interface Listing extends Recommendations {
  readonly items: Listed[];
}

export async function recommend(wanted: Wanted, signal: AbortSignal): Promise<Listing> {
  const list = await (owner
    ? call('get', '/recommendations/{user_id}', { path: { user_id: owner }, query: wanted, signal })
    : call('post', '/recommendations', { body: { diversity: 0, exploration: 0, ...wanted, ratings: sent() }, signal }));
  return { ...list, items: list.items.map((item) => ({ ...item, recommendationId: list.recommendation_id })) };
}

interface WantedPredictions {
  readonly limit: number;
  readonly cursor?: string | null;
  readonly genre?: string | null;
  readonly year_from?: number | null;
  readonly year_to?: number | null;
  /** Of these alone; left out, of all. */
  readonly movie_ids?: number[];
}

export function predict({ movie_ids = [], ...wanted }: WantedPredictions, signal: AbortSignal) {
  if (!owner) return call('post', '/predictions', { body: { ...wanted, movie_ids, ratings: sent() }, signal });
  const query = { ...wanted, movie_id: movie_ids };
  return call('get', '/predictions/{user_id}', { path: { user_id: owner }, query, signal });
}

export function explain(movieId: number, signal: AbortSignal) {
  const path = { user_id: owner, movie_id: movieId };
  return owner
    ? call('get', '/recommendations/{user_id}/{movie_id}/explanation', { path, signal })
    : call('post', '/recommendations/{movie_id}/explanation', { path, body: { ratings: sent() }, signal });
}

/** The films whose ratings would tell most. */
export function ask(wanted: { limit: number; exclude: number[] }, signal: AbortSignal) {
  return owner
    ? call('get', '/elicitation/{user_id}', { path: { user_id: owner }, query: wanted, signal })
    : call('post', '/elicitation', { body: { ...wanted, ratings: sent() }, signal });
}

/** The latest of the ratings kept here. */
function sent() {
  const newestFirst = (a: RatedMovie, b: RatedMovie) => b.rated_at.localeCompare(a.rated_at);
  const latest = [...ratings.peek().values()].sort(newestFirst).slice(0, MOST_SENT);
  return latest.map(({ movie, value }) => ({ movie_id: movie.id, value }));
}
