/** Requests that depend on ratings: those of the account or, without one, those kept here. */

import { call, type Recommendation, type Recommendations } from '../api';
import { owner, sentRatings } from '../movies/ratings';

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
    : call('post', '/recommendations', {
        body: { diversity: 0, exploration: 0, ...wanted, ratings: sentRatings() },
        signal,
      }));
  return { ...list, items: list.items.map((item) => ({ ...item, recommendationId: list.recommendation_id })) };
}

/** The movies whose ratings would be most informative. */
export function ask(wanted: { limit: number; exclude: number[] }, signal: AbortSignal) {
  return owner
    ? call('get', '/elicitation/{user_id}', { path: { user_id: owner }, query: wanted, signal })
    : call('post', '/elicitation', { body: { ...wanted, ratings: sentRatings() }, signal });
}
