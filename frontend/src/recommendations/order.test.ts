import { expect, test } from 'vitest';
import { fillSlots, keepInPlace } from './order';

/** Movies as a list has them the first time or, with 10, the second. */
const items = (ids: string, stars = 0) => [...ids].map((id) => ({ id, stars }));
const idOf = ({ id }: { id: string }) => id;

test('what was rated stays where it was while the others move', () => {
  const order = keepInPlace(items('abcd'), items('dcea'), idOf, (id) => id === 'b');

  expect(order.map(idOf).join('')).toBe('dbcea');
});

test('a pinned item never stands twice, and is as the new list has it', () => {
  const order = keepInPlace(items('ab'), items('ba', 10), idOf, (id) => id === 'b');

  expect(order).toEqual(items('ab', 10));
});

test('a shorter list keeps its pinned items at the end', () => {
  expect(keepInPlace(items('abc'), [], idOf, (id) => id === 'c')).toEqual(items('c'));
});

test('what is pinned elsewhere comes where the list has it', () => {
  expect(keepInPlace(items('a'), items('ba'), idOf, (id) => id === 'b')).toEqual(items('ba'));
});

const movies = (...ids: number[]) => ids.map((id) => ({ id }));

test('the best new movie takes the place of one that goes, and the others stay', () => {
  const filled = fillSlots(movies(1, 2, 3), movies(3, 9, 8), ({ id }) => id === 2, 3);

  expect(filled).toEqual(movies(1, 9, 3));
});

test('a place that nothing is left for is closed', () => {
  expect(fillSlots(movies(1, 2), movies(1), ({ id }) => id === 2, 2)).toEqual(movies(1));
});
