/** Lists of what to watch: of the signed-in user, or of a visitor whose ratings only this page knows. */

import { call, type Me, type Recommendation, type Recommendations } from './api';
import { ratings } from './ratings';

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

export async function recommend(me: Me | null, wanted: Wanted, signal: AbortSignal): Promise<Listing> {
  const list = await (me ? stored(me, wanted, signal) : inline(wanted, signal));
  return { ...list, items: list.items.map((item) => ({ ...item, recommendationId: list.recommendation_id })) };
}

function stored(me: Me, wanted: Wanted, signal: AbortSignal) {
  return call('get', '/recommendations/{user_id}', { path: { user_id: me.id }, query: wanted, signal });
}

function inline(wanted: Wanted, signal: AbortSignal) {
  const own = [...ratings.peek().values()].map(({ movie, value }) => ({ movie_id: movie.id, value }));
  const body = { diversity: 0, exploration: 0, ...wanted, ratings: own };
  return call('post', '/recommendations', { body, signal });
}
