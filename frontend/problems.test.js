/** Every problem and every code of a field that the service can send has a text in each language. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { de } from './src/texts/de';
import { en } from './src/texts/en';

const read = (path) => readFileSync(join('..', path), 'utf8');
const modulesOf = (folder) =>
  readdirSync(join('..', folder), { recursive: true })
    .filter((name) => name.endsWith('.py'))
    .map((name) => join(folder, name));
const found = (source, pattern) => [...source.matchAll(pattern)].map(([, name]) => name);

const slugs = found(read('api/web/problems.py'), /slug[^=\n]*= (?:\d+, )?"([a-z-]+)"/g);
const service = ['api/services', 'api/web', 'api/formats', 'engine/experiments']
  .flatMap(modulesOf)
  .map(read)
  .join('\n');
const codes = found(
  service,
  /(?:code="|_(?:refused|invalid)\(\s*"\w+", "|PlanError\(\s*"\w+", "|F(?:ieldError|ault)\([^",]*"\w*", ")([a-z_]+)"/g,
);

test('the service is read as it is written', () => {
  expect(slugs.length).toBeGreaterThan(20);
  expect(codes).toEqual(expect.arrayContaining(['unchanged', 'forged', 'alike', 'rating', 'not_yours']));
});

test.each([...new Set(slugs)])('%s has a text in both languages', (slug) => {
  expect(en.errors.problems[slug]).toMatch(/\.$/);
  expect(de.errors.problems[slug]).toMatch(/\.$/);
  expect(en.errors.refused(slug, null)).not.toBe(de.errors.refused(slug, 'what the service says'));
});

test.each([...new Set(codes)])('the code %s is German in German', (code) => {
  expect(de.errors.field(code, 'Said in English')).not.toBe('Said in English.');
});

test('a bound that the service names is kept', () => {
  expect(de.errors.field('less_than_equal', 'Input should be less than or equal to 0.5')).toBe(
    'Der Wert darf höchstens 0,5 sein.',
  );
});
