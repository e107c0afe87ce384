/** The contracts on imports in biome.json: every way of breaking one is reported. */

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const BIOME = resolve('node_modules/.bin/biome');
const folder = mkdtempSync(join(tmpdir(), 'contracts-'));
copyFileSync('biome.json', join(folder, 'biome.json'));
afterAll(() => rmSync(folder, { recursive: true }));

function reportedOf(files) {
  for (const [name, imported] of Object.entries(files)) {
    const path = join(folder, 'src', `${name}.ts`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `import '${imported}';\n`);
  }
  const { stdout } = spawnSync(BIOME, ['lint', '--reporter=json', 'src'], { cwd: folder, encoding: 'utf8' });
  return JSON.parse(stdout).diagnostics.map(({ category, location }) => `${location.path} ${category}`);
}

test('a folder that imports what it may not is reported', () => {
  const forbidden = {
    'api/broken': '../texts',
    'texts/broken': '../app/routes',
    'app/broken': '../movies/ratings',
    'charts/broken': '../movies/ratings',
    'movies/broken': '../recommendations/requests',
    'recommendations/broken': '../account/session',
    'account/broken': '../map/camera',
    'map/broken': '../models/diff',
    'insights/broken': '../map/camera',
    'models/broken': '../admin/admin',
    'experiments/broken': '../models/diff',
    'admin/broken': '../pages',
  };
  const expected = Object.keys(forbidden).map((name) => `src/${name}.ts lint/style/noRestrictedImports`);

  expect(reportedOf({ ...forbidden, 'charts/allowed': '../texts' }).sort()).toEqual(expected.sort());
});

test('a circle of imports is reported in each of its files', () => {
  const reported = reportedOf({ 'movies/one': './two', 'movies/two': './one' });

  expect(reported).toContain('src/movies/one.ts lint/suspicious/noImportCycles');
  expect(reported).toContain('src/movies/two.ts lint/suspicious/noImportCycles');
});
