import { expect, test } from 'vitest';
import { numberIn } from './numbers';

test.each([
  ['5', 5],
  [' 0,5 ', 0.5],
  ['.5', 0.5],
  ['', Number.NaN],
  ['1e3', Number.NaN],
  ['-1', Number.NaN],
])('"%s" is the number %d', (text, value) => {
  expect(numberIn(text)).toBe(value);
});
