import { expect, test } from 'vitest';
import { fillSlots, keepInPlace } from './order';

test('what was rated stays where it was while the others move', () => {
  const order = keepInPlace(['a', 'b', 'c', 'd'], ['d', 'c', 'e', 'a'], (item) => item === 'b');

  expect(order).toEqual(['d', 'b', 'c', 'e', 'a']);
});

test('a pinned item never stands twice', () => {
  expect(keepInPlace(['a', 'b'], ['b', 'a'], (item) => item === 'b')).toEqual(['a', 'b']);
});

test('a shorter list keeps its pinned items at the end', () => {
  expect(keepInPlace(['a', 'b', 'c'], [], (item) => item === 'c')).toEqual(['c']);
});

const movies = (...ids: number[]) => ids.map((id) => ({ id }));

test('the best new film takes the place of one that goes, and the others stay', () => {
  const filled = fillSlots(movies(1, 2, 3), movies(3, 9, 8), ({ id }) => id === 2, 3);

  expect(filled).toEqual(movies(1, 9, 3));
});

test('a place that nothing is left for is closed', () => {
  expect(fillSlots(movies(1, 2), movies(1), ({ id }) => id === 2, 2)).toEqual(movies(1));
});
