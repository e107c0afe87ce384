import { expect, test } from 'vitest';
import type { Results } from '../api';
import { de } from './de';

const COMPARISON = {
  variant: 'B',
  fixed: { value: 0.05, low: 0.02, high: 0.08, standard_error: 0.01 },
  anytime: { low: 0.01, high: 0.09 },
  p_value: 0.001,
  more_users: 0,
};
const results = (kind: Results['verdict']['kind'], comparisons: object[]) =>
  ({
    kind: 'split',
    metric: 'like_share',
    alpha: 0.05,
    comparisons,
    verdict: { kind, text: 'in English' },
  }) as unknown as Results;

test.each([
  ['better', [COMPARISON], 'B ist besser: +1,0 bis +9,0 gute von 100 Stimmen.'],
  ['worse', [{ ...COMPARISON, p_value: 0.5 }, COMPARISON], 'B ist schlechter: +1,0 bis +9,0 gute von 100 Stimmen.'],
  [
    'undecided',
    [{ ...COMPARISON, more_users: 400 }],
    'Noch ist kein Unterschied nachweisbar; es fehlen etwa 400 Leute.',
  ],
  ['too_early', [], 'Für ein Urteil ist es zu früh; es fehlen noch Stimmen.'],
] as const)('the verdict %s is German', (kind, comparisons, expected) => {
  expect(de.results.verdict(results(kind, [...comparisons]))).toBe(expected);
});
