import { expect, test } from 'vitest';
import { countChanges, readDiff } from './diff';

const DIFF = `--- a/engine/training/fit.py
+++ b/engine/training/fit.py
@@ -9,3 +9,4 @@
 one
--- two
+++ zwei
+
 three
@@ -40 +41 @@
-old
\\ No newline at end of file
+new
`;

test('each line has its kind and its numbers', () => {
  const lines = readDiff(DIFF);

  expect(lines.map(({ kind, before, after }) => [kind, before, after])).toEqual([
    ['place', undefined, undefined],
    ['kept', 9, 9],
    ['removed', 10, undefined],
    ['added', undefined, 10],
    ['added', undefined, 11],
    ['kept', 11, 12],
    ['place', undefined, undefined],
    ['removed', 40, undefined],
    ['note', undefined, undefined],
    ['added', undefined, 41],
  ]);
  expect(lines[2]?.text).toBe('-- two');
  expect(countChanges(lines)).toEqual({ added: 3, removed: 2 });
});

test('two texts that do not differ have no lines', () => {
  expect(readDiff('--- a/m.py\n+++ b/m.py\n')).toEqual([]);
  expect(readDiff('')).toEqual([]);
});
