import { expect, test } from 'vitest';
import { keepInPlace } from './order';

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
