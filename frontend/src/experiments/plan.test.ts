import { expect, test } from 'vitest';
import type { Experiment } from '../api';
import { changedFields, evenWeights, experimentOf, type Plan, planOf, planProblems, withKind } from './plan';

const PLAN: Plan = {
  name: ' Rating head ',
  hypothesis: 'It is liked more.',
  kind: 'split',
  metric: 'like_share',
  effect: '5',
  traffic: '100',
  alpha: '5',
  power: '80',
  variants: [
    { name: 'A', weight: '33.3', model: '1', head: 'ranking', diversity: '0', exploration: '25' },
    { name: 'B', weight: '33,3', model: '1', head: 'rating', diversity: '50', exploration: '0' },
    { name: 'C', weight: '33.4', model: '2', head: 'ranking', diversity: '0', exploration: '0' },
  ],
};

test('a plan becomes shares of one, without digits that nobody typed', () => {
  expect(planProblems(PLAN)).toEqual({});

  expect(experimentOf(PLAN)).toEqual({
    name: 'Rating head',
    hypothesis: 'It is liked more.',
    kind: 'split',
    metric: 'like_share',
    minimum_effect: 0.05,
    traffic_share: 1,
    alpha: 0.05,
    power: 0.8,
    variants: [
      { name: 'A', weight: 0.333, model_id: 1, head: 'ranking', diversity: 0, exploration: 0.25 },
      { name: 'B', weight: 0.333, model_id: 1, head: 'rating', diversity: 0.5, exploration: 0 },
      { name: 'C', weight: 0.334, model_id: 2, head: 'ranking', diversity: 0, exploration: 0 },
    ],
  });
});

test('an interleaved plan has two variants of one model that are unlike, and no share of likes', () => {
  const pair = withKind({ ...PLAN, variants: PLAN.variants.slice(1) }, 'interleaved');
  const alike = pair.variants.map((variant) => ({ ...variant, head: 'rating' as const, diversity: '0,0' }));

  expect([pair.metric, pair.effect]).toEqual(['net_likes_per_user', '50']);
  expect(pair.variants.map(({ weight, model }) => [weight, model])).toEqual([
    ['50', '1'],
    ['50', '1'],
  ]);
  expect(planProblems(pair)).toEqual({});
  expect(Object.keys(planProblems({ ...pair, variants: alike }))).toEqual(['variants']);
  expect(planProblems({ ...withKind(pair, 'split'), variants: alike })).toEqual({});
});

test('a draft reads as it was typed, and what differs from it is named', () => {
  const draft = experimentOf(PLAN) as Experiment;
  const typed = planOf(draft);

  expect(experimentOf(typed)).toEqual(draft);
  expect(typed.variants.map(({ weight }) => weight)).toEqual(['33.3', '33.3', '33.4']);
  expect(changedFields(draft, draft)).toEqual([]);
  expect(changedFields(draft, { ...draft, alpha: 0.1, variants: draft.variants.slice(1) })).toEqual([
    'alpha',
    'variants',
  ]);
});

test.each([
  [{ name: ' ' }, 'name'],
  [{ hypothesis: '' }, 'hypothesis'],
  [{ effect: '0' }, 'effect'],
  [{ effect: 'five' }, 'effect'],
  [{ traffic: '101' }, 'traffic'],
  [{ traffic: '-5' }, 'traffic'],
  [{ alpha: '' }, 'alpha'],
  [{ power: '100' }, 'power'],
  [{ variants: PLAN.variants.slice(0, 2) }, 'variants'],
  [{ variants: PLAN.variants.map((variant) => ({ ...variant, name: 'A' })) }, 'variants'],
  [{ variants: PLAN.variants.map((variant) => ({ ...variant, diversity: '101' })) }, 'variants'],
  [{ variants: PLAN.variants.map((variant) => ({ ...variant, exploration: '' })) }, 'variants'],
])('%j is refused at the field %s', (change, field) => {
  expect(Object.keys(planProblems({ ...PLAN, ...change }))).toEqual([field]);
});

test.each([2, 3, 4])('even weights of %d variants sum to 100', (n) => {
  const weights = evenWeights(n).map(Number);

  expect(weights).toHaveLength(n);
  expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(100, 9);
  expect(Math.max(...weights) - Math.min(...weights)).toBeLessThan(0.2);
});
