import { expect, test } from 'vitest';
import { readPython } from './python';

const kinds = (source: string) =>
  readPython(source)
    .flat()
    .filter(({ kind }) => kind !== null)
    .map(({ kind, text }) => `${kind} ${text}`);

test.each([
  ['def fit(x): # of "x"', ['keyword def', 'name fit', 'comment # of "x"']],
  ["x = f'a # b' + \"it's\"", ["string f'a # b'", 'string "it\'s"']],
  ['"\\"" + \'\\\\\'', ['string "\\""', "string '\\\\'"]],
  ['@dataclass(frozen=True)', ['name @dataclass', 'number True']],
  ['a @ b', []],
  ['x1 = 1_000 + 1e-3 + 0.5', ['number 1_000', 'number 1e-3', 'number 0.5']],
  ['importance = forest.If', []],
  ['"""A # b\n\n\'c\'"""\nif', ['string """A # b', 'string \'c\'"""', 'keyword if']],
  ['"open\nif', ['keyword if']],
])('%j has the right colours', (source, expected) => {
  expect(kinds(source)).toEqual(expected);
});

test('no character is lost, whatever the lines end in', () => {
  const source = 'x = """\n  a\n"""\n\n\nif x:\f\n\tpass # ü 🎬\n';

  const lines = readPython(source).map((pieces) => pieces.map(({ text }) => text).join(''));

  expect(lines.map((line) => `${line}\n`).join('')).toBe(source);
  expect(readPython('')).toEqual([]);
  expect(readPython('x')).toHaveLength(1);
});
