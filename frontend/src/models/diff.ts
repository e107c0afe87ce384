/** Unified diffs, read line by line. */

export interface DiffLine {
  readonly kind: 'added' | 'removed' | 'kept' | 'place' | 'note';
  readonly text: string;
  /** Its numbers before and after, where it has them. */
  readonly before?: number;
  readonly after?: number;
}

const KINDS = { '+': 'added', '-': 'removed', ' ': 'kept', '@': 'place', '\\': 'note' } as const;

/** The lines of the diff of one file, without the two that name it. */
export function readDiff(diff: string): DiffLine[] {
  let [before, after] = [0, 0];
  const lines = diff.split('\n').slice(2, -1);
  return lines.map((line): DiffLine => {
    const kind = KINDS[(line[0] ?? ' ') as keyof typeof KINDS];
    const [, first, second] = /^@@ -(\d+)\S* \+(\d+)/.exec(line) ?? [];
    if (first) [before, after] = [Number(first), Number(second)];
    if (kind === 'place' || kind === 'note') return { kind, text: line };
    return {
      kind,
      text: line.slice(1),
      ...(kind !== 'added' && { before: before++ }),
      ...(kind !== 'removed' && { after: after++ }),
    };
  });
}

export function countChanges(lines: readonly DiffLine[]): { readonly added: number; readonly removed: number } {
  const count = (kind: DiffLine['kind']) => lines.filter((line) => line.kind === kind).length;
  return { added: count('added'), removed: count('removed') };
}
