/** What the service makes of somebody's ratings: those it holds, or without an account those kept in this tab. */

import { call, type InlinePredictions, type InlineQuestions, type InlineRatings, type RatedMovie } from './api';
import { owner, ratings } from './ratings';
import { readTrial } from './trial';

const MOST_SENT = 1000;

/** The latest ratings of this tab, as many as the service takes with a question. */
function sent() {
  const newestFirst = (a: RatedMovie, b: RatedMovie) => b.rated_at.localeCompare(a.rated_at);
  const latest = [...ratings.peek().values()].sort(newestFirst).slice(0, MOST_SENT);
  return latest.map(({ movie, value }) => ({ movie_id: movie.id, value }));
}

export function recommend(wanted: Partial<InlineRatings>, signal: AbortSignal) {
  if (owner !== 0) return call('get', '/recommendations/{user_id}', { path: { user_id: owner }, query: wanted, signal });
  const hidden = readTrial()?.hidden.map(({ id }) => id) ?? [];
  const exclude = [...hidden, ...(wanted.exclude ?? [])];
  return call('post', '/recommendations', { body: { ...wanted, exclude, ratings: sent() }, signal });
}

export function ask(wanted: Partial<InlineQuestions>, signal: AbortSignal) {
  if (owner !== 0) return call('get', '/elicitation/{user_id}', { path: { user_id: owner }, query: wanted, signal });
  return call('post', '/elicitation', { body: { ...wanted, ratings: sent() }, signal });
}

export function predict({ movie_ids, ...wanted }: Partial<InlinePredictions>, signal: AbortSignal) {
  if (owner === 0) return call('post', '/predictions', { body: { movie_ids, ...wanted, ratings: sent() }, signal });
  const query = { ...wanted, movie_id: movie_ids };
  return call('get', '/predictions/{user_id}', { path: { user_id: owner }, query, signal });
}

export function explain(movieId: number, signal: AbortSignal) {
  if (owner === 0) {
    const path = { movie_id: movieId };
    return call('post', '/recommendations/{movie_id}/explanation', { path, body: { ratings: sent() }, signal });
  }
  const path = { user_id: owner, movie_id: movieId };
  return call('get', '/recommendations/{user_id}/{movie_id}/explanation', { path, signal });
}

export async function listHidden(limit: number, signal: AbortSignal) {
  if (owner === 0) return { items: readTrial()?.hidden ?? [] };
  return call('get', '/hidden/{user_id}', { path: { user_id: owner }, query: { limit }, signal });
}
