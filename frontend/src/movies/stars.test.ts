import { expect, test } from 'vitest';
import { texts } from '../texts';
import { HALF_STARS, ratingForKey } from './stars';

test('there are ten half stars from 0.5 to 5', () => {
  expect(HALF_STARS).toEqual([0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]);
});

test.each([
  ['4', null, 4],
  ['4', 2, 4],
  ['4', 4, 4.5],
  ['4', 4.5, 4],
  ['5', 5, 5],
  ['0', null, 0.5],
  ['Delete', 3, null],
  ['Backspace', null, null],
  ['6', 3, undefined],
  ['a', 3, undefined],
  ['ArrowRight', 3, undefined],
])('%s on %s gives %s', (key, current, expected) => {
  expect(ratingForKey(key, current)).toBe(expected);
});

test.each([
  [0.5, 'half of 5'],
  [1, '1 of 5'],
  [4.5, '4 and a half of 5'],
])('%s is read out as %s', (value, spoken) => {
  expect(texts.stars.spoken(value)).toBe(spoken);
});
