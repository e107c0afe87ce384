import { expect, test } from 'vitest';
import { ticks } from './ticks';

test.each([
  [0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
  [-3, 11, [-5, 0, 5, 10, 15]],
  [0.61, 0.68, [0.6, 0.62, 0.64, 0.66, 0.68]],
  [4, 4, [4]],
])('ticks from %d to %d are round and span both', (low, high, expected) => {
  expect(ticks(low, high)).toEqual(expected);
});
