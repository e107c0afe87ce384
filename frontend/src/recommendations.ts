/** Lists of what to watch, each movie with the name of its list. */

import { call, type Me, type Recommendation, type Recommendations } from './api';

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

export async function recommend(me: Me, wanted: Wanted, signal: AbortSignal): Promise<Listing> {
  const path = { user_id: me.id };
  const list = await call('get', '/recommendations/{user_id}', { path, query: wanted, signal });
  return { ...list, items: list.items.map((item) => ({ ...item, recommendationId: list.recommendation_id })) };
}
