import { expect, test } from 'vitest';
import { href, parseRoute, safeReturn } from './routes';

test.each([
  ['', 'browse', 0],
  ['#/', 'browse', 0],
  ['#/browse', 'browse', 0],
  ['#/movie/318', 'movie', 318],
  ['#/experiment/7', 'experiment', 7],
  ['#/edit-experiment/7', 'edit-experiment', 7],
  ['#/experiment', 'not-found', 0],
  ['#/browse/3', 'not-found', 0],
  ['#/movie/0', 'not-found', 0],
  ['#/movie/12x', 'not-found', 0],
  ['#/movie/99999999999', 'not-found', 0],
  ['#/for-you?genre=War', 'for-you', 0],
  ['#/constructor', 'not-found', 0],
])('%s is the page %s', (hash, page, id) => {
  expect(parseRoute(hash)).toMatchObject({ page, id });
});

test('an address survives the way there and back', () => {
  const address = href('browse', { query: 'a? b&c', genre: 'Sci-Fi', year_from: 1990, cursor: '' });

  const { page, query } = parseRoute(address);

  expect(page).toBe('browse');
  expect(Object.fromEntries(query)).toEqual({
    query: 'a? b&c',
    genre: 'Sci-Fi',
    year_from: '1990',
  });
});

test('after signing in only own pages are returned to', () => {
  expect(safeReturn('#/movie/1')).toBe('#/movie/1');
  expect(safeReturn('https:evil')).toBe('#/browse');
  expect(safeReturn('javascript:alert(1)')).toBe('#/browse');
  expect(safeReturn(null)).toBe('#/browse');
});
