/** Feedback on recommendations: likes, dislikes and hidden movies. */

import { type Signal, signal, useComputed } from '@preact/signals';
import { ApiError, call, type Movie, type Vote } from '../api';
import { announce, notify } from '../app/notices';
import { OptimisticWrites } from '../app/optimistic';
import { displayTitle } from '../movies/titles';
import { texts } from '../texts';

/** Votes cast on this page; earlier ones come with each list. */
const votes = signal<ReadonlyMap<number, Vote>>(new Map());

/** Movies hidden (true) or shown again (false) on this page, which override lists loaded earlier. */
export const hiding = signal<ReadonlyMap<number, boolean>>(new Map());

/** Rises when the service has learned of a vote or a hidden movie, so that lists know when to ask again. */
export const storedFeedback = signal(0);

/** The user's vote on one movie: cast here, or as its list has it. */
export function useOwnVote(movieId: number, listed: Vote): Vote {
  return useComputed(() => votes.value.get(movieId)).value ?? listed;
}

/** Tell whether the user voted on this page, even if they removed the vote since. */
export function hasVoted(movieId: number): boolean {
  return votes.peek().has(movieId);
}

export function forgetFeedback(): void {
  votes.value = new Map();
  hiding.value = new Map();
}

interface About {
  readonly movie: Movie;
  /** The signed name of the list that held the movie, or whose lists it is to leave. */
  readonly recommendationId?: string;
  readonly userId?: number;
}

const abouts = new Map<number, About>();

function about(movieId: number, what: About): void {
  abouts.set(movieId, { ...abouts.get(movieId), ...what });
}

function titleOf(movieId: number): string {
  return displayTitle(abouts.get(movieId)?.movie.title ?? '');
}

/** Vote on a movie of a list; the same vote again takes it back. */
export function toggleVote(movie: Movie, recommendationId: string, vote: Vote, current: Vote): void {
  about(movie.id, { movie, recommendationId });
  void voting.write(movie.id, vote === current ? 'none' : vote, current);
}

/** Hide a movie from all lists, with a way to undo it. */
export function hideWithUndo(userId: number, movie: Movie): void {
  setHidden(userId, movie, true);
  offerUndo(userId, movie, true);
}

/** Let a movie be recommended again, with a way to undo it. */
export function showAgainWithUndo(userId: number, movie: Movie): void {
  setHidden(userId, movie, false);
  offerUndo(userId, movie, false);
}

function offerUndo(userId: number, movie: Movie, isHidden: boolean): void {
  const { hidden, shownAgain, undo } = texts.feedback;
  notify({
    text: (isHidden ? hidden : shownAgain)(displayTitle(movie.title)),
    action: { label: undo, run: () => setHidden(userId, movie, !isHidden) },
  });
}

function setHidden(userId: number, movie: Movie, isHidden: boolean): void {
  about(movie.id, { movie, userId });
  void hides.write(movie.id, isHidden, !isHidden);
}

const voting = new OptimisticWrites<Vote>({
  show: (movieId, vote) => setEntry(votes, movieId, vote),
  send: async (movieId, vote) => {
    const recommendation_id = abouts.get(movieId)?.recommendationId ?? '';
    await call('put', '/feedback', { body: { recommendation_id, movie_id: movieId, vote } });
  },
  stored: (movieId, vote) => {
    storedFeedback.value += 1;
    announce(texts.feedback.voted[vote](titleOf(movieId)));
  },
  refused: (movieId, _, error) => tell(texts.feedback.voteRefused(titleOf(movieId)), error),
});

const hides = new OptimisticWrites<boolean>({
  show: (movieId, isHidden) => setEntry(hiding, movieId, isHidden),
  send: async (movieId, isHidden) => {
    const path = { user_id: abouts.get(movieId)?.userId ?? 0, movie_id: movieId };
    if (isHidden) await call('put', '/hidden/{user_id}/{movie_id}', { path });
    else await call('delete', '/hidden/{user_id}/{movie_id}', { path }).catch(unlessGone);
  },
  stored: () => {
    storedFeedback.value += 1;
  },
  refused: (movieId, isHidden, error) => {
    const { hideRefused, showRefused } = texts.feedback;
    tell((isHidden ? hideRefused : showRefused)(titleOf(movieId)), error);
  },
});

function setEntry<T>(map: Signal<ReadonlyMap<number, T>>, key: number, value: T): void {
  map.value = new Map(map.value).set(key, value);
}

/** Another window may have shown the movie again already. */
function unlessGone(error: unknown): void {
  if (!(error instanceof ApiError) || error.status !== 404) throw error;
}

function tell(text: string, error: unknown): void {
  if (!(error instanceof ApiError)) throw error;
  notify({ text, error });
}
