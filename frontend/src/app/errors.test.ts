import { expect, test } from 'vitest';
import { ApiError, address } from '../api';
import { explain, fieldProblem } from './errors';

const problem = {
  type: '/problems/too-many-attempts',
  title: 'Too many attempts',
  status: 429,
  detail: null,
  request_id: 'a1b2',
  errors: [{ field: ['body', 'username'], code: 'string_too_short', message: 'Too short' }],
};

test('a refusal is told in the words of the service, with when to come back', () => {
  const error = new ApiError('refused', 429, problem, 120);

  expect(explain(error)).toBe('There were too many attempts. Try again in 2 minutes.');
  expect(error.slug).toBe('too-many-attempts');
  expect(error.requestId).toBe('a1b2');
  expect(fieldProblem(error, 'username')).toBe('Too short.');
  expect(fieldProblem(error, 'password')).toBeUndefined();
});

test('what is wrong with the whole of a body is told, rather than that something is', () => {
  const errors = [{ field: ['body'], code: 'value_error', message: 'Value error, the preset needs factors' }];

  expect(explain(new ApiError('refused', 422, { ...problem, errors }))).toBe('The preset needs factors.');
});

test.each([
  [new ApiError('offline'), /cannot reach the service/],
  [new ApiError('timeout'), /ten seconds/],
  [new ApiError('malformed', 200), /could not read the answer/],
  [
    new ApiError('refused', 503, { ...problem, type: '/problems/unavailable' }, 5),
    /recovers by itself\. Try again in 5 seconds/,
  ],
  [new ApiError('refused', 401, { ...problem, type: '/problems/not-signed-in' }), /Sign in and try again/],
  [
    new ApiError('refused', 500, { ...problem, type: '/problems/internal-error', detail: 'IndexError' }),
    /unexpected error/,
  ],
  [new ApiError('refused', 418), /unexpected error/],
])('every failure has a sentence', (error, sentence) => {
  expect(explain(error)).toMatch(sentence);
});

test('addresses carry encoded path values and only the query that is set', () => {
  const query = { limit: 30, query: 'a&b', genre: '', cursor: null, exclude: [1, 2] };

  expect(address('/ratings/{user_id}/{movie_id}', { user_id: 3, movie_id: 'a/b' }, {})).toBe('/ratings/3/a%2Fb');
  expect(address('/movies', {}, query)).toBe('/movies?limit=30&query=a%26b&exclude=1&exclude=2');
});
