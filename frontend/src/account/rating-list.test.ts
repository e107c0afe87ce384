import { expect, test } from 'vitest';
import type { RatedMovie } from '../api';
import { orderOf, passes } from './rating-list';

const rated = (id: number, title: string, value: number, day: number): RatedMovie => ({
  movie: { id, title, year: 1990, genres: id % 2 ? ['Comedy'] : ['Drama'], n_ratings: 1, mean_rating: 3 },
  value,
  rated_at: `2026-01-0${day}T00:00:00Z`,
});
const LIST = [rated(1, 'Usual Suspects, The', 4, 1), rated(2, 'Alien', 5, 2), rated(3, 'Brazil', 4, 3)];

test.each([
  ['date', [3, 2, 1]],
  ['title', [2, 3, 1]],
  ['stars', [2, 3, 1]],
  ['influence', [1, 3, 2]],
] as const)('ratings are ordered by %s, equals by date', (sort, ids) => {
  expect(orderOf(LIST, sort, new Map([[1, 0.7]]))).toEqual(ids);
});

test.each([
  ['', [1, 2, 3]],
  ['text=the%20usual', [1]],
  ['genre=Comedy', [1, 3]],
  ['stars=4&genre=Comedy&text=bra', [3]],
  ['stars=0.5', []],
])('the filters %s leave %j', (query, ids) => {
  const left = LIST.filter((rating) => passes(rating, new URLSearchParams(query)));
  expect(left.map(({ movie }) => movie.id)).toEqual(ids);
});
