import { expect, test } from 'vitest';
import { filterQuery } from './filters';

const read = (search: string) => filterQuery(new URLSearchParams(search));

test('the filters of an address become those of the service', () => {
  expect(read('genre=War&year_from=1940&year_to=1945')).toEqual({ genre: 'War', year_from: 1940, year_to: 1945 });
  expect(read('')).toEqual({ genre: null, year_from: null, year_to: null });
});

test('years that are none are left out, and so is a last year before the first', () => {
  expect(read('year_from=19&year_to=9999')).toMatchObject({ year_from: null, year_to: null });
  expect(read('year_from=1960&year_to=1950')).toMatchObject({ year_from: 1960, year_to: null });
  expect(read('year_from=1960&year_to=1960')).toMatchObject({ year_from: 1960, year_to: 1960 });
});
