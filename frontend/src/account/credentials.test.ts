import { expect, test } from 'vitest';
import { passwordProblem, usernameProblem } from './credentials';

test('names have 3 to 40 characters', () => {
  expect(usernameProblem('ab')).toBeDefined();
  expect(usernameProblem('abc')).toBeUndefined();
  expect(usernameProblem('x'.repeat(41))).toBeDefined();
});

test('passwords have 8 to 128 characters, whatever their alphabet', () => {
  expect(passwordProblem('1234567')).toBeDefined();
  expect(passwordProblem('🎬🎬🎬🎬')).toBeDefined();
  expect(passwordProblem('🎬'.repeat(128))).toBeUndefined();
  expect(passwordProblem('🎬'.repeat(129))).toBeDefined();
});
