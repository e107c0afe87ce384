import { expect, test } from 'vitest';
import type { TrainingRun, TrainingSweep } from '../api';
import {
  bestRmse,
  curve,
  differing,
  parameterProblem,
  parametersOf,
  secondsOf,
  sortedBy,
  valuesOf,
  withSweeps,
} from './training-runs';

const SCHEMA = {
  properties: {
    n_factors: { anyOf: [{ type: 'integer', minimum: 0, maximum: 256 }, { type: 'null' }] },
    n_sweeps: { anyOf: [{ type: 'integer', minimum: 1, maximum: 100 }, { type: 'null' }] },
    rated_sets: { anyOf: [{ type: 'boolean' }, { type: 'null' }] },
    user_weight: { anyOf: [{ type: 'number', exclusiveMinimum: 0, maximum: 10 }, { type: 'null' }] },
  },
};
const SWEEP: TrainingSweep = {
  fit: 'evaluation',
  head: 'rating',
  sweep: 1,
  n_sweeps: 3,
  rmse: 1,
  test_rmse: null,
  loss: 5,
  test_loss: null,
  seconds: 1,
};
const ESTIMATE = { value: 0.9, low: 0.8, high: 1, n_users: 9, n_excluded: 0 };
const METHOD = { name: 'rating head', rmse: ESTIMATE, mae: null, ndcg: null, recall: null, coverage: 1 };
const run = (fields: Partial<TrainingRun>) =>
  ({ parameters: {}, metrics: [], best_test_rmse: null, ...fields }) as TrainingRun;

test('a preset offers what it takes, the ranking head all but the sets', () => {
  const names = (head: 'rating' | 'ranking', preset: 'bias' | 'plain' | 'default') =>
    parametersOf(SCHEMA, head, preset).map(({ name }) => name);

  expect(names('rating', 'bias')).toEqual(['n_sweeps']);
  expect(names('rating', 'default')).toEqual(['n_factors', 'n_sweeps', 'rated_sets']);
  expect(names('rating', 'plain')).toEqual(['n_factors', 'n_sweeps', 'user_weight']);
  expect(names('ranking', 'bias')).toEqual(['n_factors', 'n_sweeps', 'user_weight']);
});

test.each([
  ['', false],
  ['1', false],
  ['256', false],
  ['257', true],
  ['1.5', true],
  ['many', true],
])('%s factors are wrong: %s', (text, isWrong) => {
  expect(parameterProblem({ type: 'integer', minimum: 0, maximum: 256 }, text) !== undefined).toBe(isWrong);
});

test('a bound that is not part of the range is refused', () => {
  const field = { type: 'number', exclusiveMinimum: 0, maximum: 10 };

  expect(parameterProblem(field, '0')).toBeDefined();
  expect(parameterProblem(field, '0,1')).toBeUndefined();
});

test('only what was typed is sent, each as what it is', () => {
  const typed: Record<string, string> = { n_factors: '8', rated_sets: 'false', user_weight: '0,5' };
  const parameters = [...parametersOf(SCHEMA, 'rating', 'plain'), { name: 'rated_sets', type: 'boolean' }];

  expect(valuesOf(parameters, (name) => typed[name] ?? '')).toEqual({
    n_factors: 8,
    rated_sets: false,
    user_weight: 0.5,
  });
});

test('only the parameters that differ are named, absent ones included', () => {
  const parameters = [
    { preset: 'bias', seed: 0, rating: { n_sweeps: 3 } },
    { preset: 'bias', seed: 1, rating: {} },
  ];

  expect(differing(parameters.map((each) => ({ parameters: each })))).toEqual(['seed', 'rating.n_sweeps']);
});

test('the best of sweeps and finished fit counts', () => {
  expect(bestRmse(run({ best_test_rmse: 0.91 }))).toBe(0.91);
  expect(bestRmse(run({ best_test_rmse: 0.91, metrics: [METHOD] }))).toBe(0.9);
  expect(bestRmse(run({}))).toBeNull();
});

test('a run that has not ended has no duration', () => {
  const started_at = '2026-01-01T00:00:00Z';

  expect(secondsOf(run({ started_at, finished_at: null }))).toBeNull();
  expect(secondsOf(run({ started_at, finished_at: '2026-01-01T00:01:30Z' }))).toBe(90);
});

test('what has no value stands last in either direction', () => {
  expect(sortedBy([3, null, 1], (value) => value, false)).toEqual([1, 3, null]);
  expect(sortedBy([3, null, 1], (value) => value, true)).toEqual([3, 1, null]);
});

test('a sweep told twice is kept once, as told last', () => {
  const told = withSweeps(
    [SWEEP],
    [
      { ...SWEEP, loss: 4 },
      { ...SWEEP, sweep: 2 },
    ],
  );

  expect(told.map(({ sweep, loss }) => [sweep, loss])).toEqual([
    [1, 4],
    [2, 5],
  ]);
});

test('a curve leaves out what was not measured, and is empty when nothing was', () => {
  const sweeps = [{ ...SWEEP, sweep: 3, test_rmse: 0.9 }, SWEEP];

  expect(curve('a', sweeps, ({ test_rmse }) => test_rmse)).toEqual({ name: 'a', values: [undefined, undefined, 0.9] });
  expect(curve('a', [SWEEP], ({ test_rmse }) => test_rmse).values).toEqual([]);
});
