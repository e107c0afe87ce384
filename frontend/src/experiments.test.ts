import { expect, test } from 'vitest';
import type { Experiment } from './api';
import {
  changedFields,
  cumulated,
  differences,
  evenWeights,
  experimentOf,
  metricOf,
  numberIn,
  type Plan,
  planOf,
  planProblems,
  ticks,
} from './experiments';

const PLAN: Plan = {
  name: ' Rating head ',
  hypothesis: 'It is liked more.',
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

test.each([
  ['5', 5],
  [' 0,5 ', 0.5],
  ['.5', 0.5],
  ['', Number.NaN],
  ['1e3', Number.NaN],
  ['-1', Number.NaN],
])('"%s" is the number %d', (text, value) => {
  expect(numberIn(text)).toBe(value);
});

test.each([2, 3, 4])('even weights of %d variants sum to 100', (n) => {
  const weights = evenWeights(n).map(Number);

  expect(weights).toHaveLength(n);
  expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(100, 9);
  expect(Math.max(...weights) - Math.min(...weights)).toBeLessThan(0.2);
});

test('counts are summed day by day, also over days without any', () => {
  const variants = ['A', 'B'].map((name) => ({ name })) as never;
  const row = (day: string, variant: string, n_likes: number) => ({
    day,
    variant,
    n_users: 1,
    n_likes,
    n_dislikes: 1,
  });

  const { days, series } = cumulated({
    variants,
    timeline: [row('2026-01-02', 'A', 3), row('2026-01-01', 'A', 1), row('2026-01-01', 'B', 2)],
  });

  expect(days).toEqual(['2026-01-01', '2026-01-02']);
  expect(series.map(({ counts }) => counts.map(({ n_likes }) => n_likes))).toEqual([
    [1, 4],
    [2, 2],
  ]);
});

test('a metric is a share of votes or a number a user, and nothing without any', () => {
  const counts = { n_users: 10, n_likes: 6, n_dislikes: 2 };

  expect(metricOf('like_share', counts)).toBe(0.75);
  expect(metricOf('likes_per_user', counts)).toBe(0.6);
  expect(metricOf('net_likes_per_user', counts)).toBe(0.4);
  expect(metricOf('like_share', { ...counts, n_likes: 0, n_dislikes: 0 })).toBeUndefined();
});

test.each([
  [0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
  [-3, 11, [-5, 0, 5, 10, 15]],
  [0.61, 0.68, [0.6, 0.62, 0.64, 0.66, 0.68]],
  [4, 4, [4]],
])('ticks from %d to %d are round and span both', (low, high, expected) => {
  expect(ticks(low, high)).toEqual(expected);
});

test('differences are drawn on the days on which one could look, and never for the control', () => {
  const variants = ['A', 'B'].map((name) => ({ name })) as never;
  const looks = [{ day: '2026-01-02', variant: 'B', value: 0.1, low: -0.1, high: 0.3 }];

  const [control, treatment] = differences({ looks, variants }, ['2026-01-01', '2026-01-02']);

  expect(control?.values).toEqual([undefined, undefined]);
  expect(treatment?.values).toEqual([undefined, 0.1]);
  expect(treatment?.band).toEqual({ low: [undefined, -0.1], high: [undefined, 0.3] });
});
