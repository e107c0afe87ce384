/** Python source in coloured pieces, line by line: enough to read it by, not a parser. */

export interface Piece {
  readonly kind: 'comment' | 'string' | 'keyword' | 'name' | 'number' | null;
  readonly text: string;
}

const KEYWORDS =
  'and as assert async await break class continue def del elif else except finally for from global if import in is ' +
  'lambda nonlocal not or pass raise return try while with yield';
const TOKEN = new RegExp(
  [
    '(?<comment>#.*)',
    String.raw`(?<string>(?:\b[rbfuRBFU]{1,2})?(?:"""(?:\\[^]|[^\\])*?"""|'''(?:\\[^]|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))`,
    String.raw`(?<name>(?<=\b(?:def|class)[ ]+)\w+|(?<=^[ ]*)@[\w.]+)`,
    String.raw`(?<number>\b(?:\d[\d_]*\.?\d*(?:[eE][+-]?\d+)?|True|False|None)\b)`,
    String.raw`(?<keyword>\b(?:${KEYWORDS.replaceAll(' ', '|')})\b)`,
  ].join('|'),
  'gmu',
);

/** The lines of a module, without their ends. */
export function readPython(source: string): Piece[][] {
  const lines: Piece[][] = [[]];
  const add = (kind: Piece['kind'], text: string) => {
    text.split('\n').forEach((part, i) => {
      if (i > 0) lines.push([]);
      if (part) lines.at(-1)?.push({ kind, text: part });
    });
  };
  let end = 0;
  for (const match of source.matchAll(TOKEN)) {
    const kind = Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined)?.[0];
    add(null, source.slice(end, match.index));
    add(kind as Piece['kind'], match[0]);
    end = match.index + match[0].length;
  }
  add(null, source.slice(end));
  if (lines.at(-1)?.length === 0) lines.pop(); // what follows the last line feed is no line
  return lines;
}
