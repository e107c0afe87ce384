/** The user's own ratings in the order and choice that the address asks for. */

import type { RatedMovie } from '../api';
import { displayTitle } from '../movies/titles';

export const RATING_SORTS = ['date', 'title', 'stars', 'influence'] as const;
type RatingSort = (typeof RATING_SORTS)[number];

const COMPARE: Record<RatingSort, (a: RatedMovie, b: RatedMovie, share: (id: number) => number) => number> = {
  date: (a, b) => b.rated_at.localeCompare(a.rated_at),
  title: (a, b) => displayTitle(a.movie.title).localeCompare(displayTitle(b.movie.title)),
  stars: (a, b) => b.value - a.value,
  influence: (a, b, share) => share(b.movie.id) - share(a.movie.id),
};

/** The ids in order; equals follow by date, then by id, so that the order is always the same. */
export function orderOf(
  ratings: Iterable<RatedMovie>,
  sort: RatingSort,
  shares: ReadonlyMap<number, number>,
): readonly number[] {
  const share = (id: number) => shares.get(id) ?? 0;
  return [...ratings]
    .sort((a, b) => COMPARE[sort](a, b, share) || COMPARE.date(a, b, share) || a.movie.id - b.movie.id)
    .map(({ movie }) => movie.id);
}

/** Test a rating against the filters `text`, `genre` and `stars` of the address. */
export function passes({ movie, value }: RatedMovie, query: URLSearchParams): boolean {
  const [text, genre, stars] = [query.get('text') ?? '', query.get('genre'), query.get('stars')];
  return (
    displayTitle(movie.title).toLocaleLowerCase().includes(text.trim().toLocaleLowerCase()) &&
    (!genre || movie.genres.includes(genre)) &&
    (!stars || value === Number(stars))
  );
}
