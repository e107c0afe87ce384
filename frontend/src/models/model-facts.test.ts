import { expect, test } from 'vitest';
import type { Experiment } from '../api';
import { oneBefore, pinsOf } from './model-facts';

const model = (id: number, last_active_at: string | null, is_active = false) => ({ id, is_active, last_active_at });

test('a rollback goes to the one that served last, not to the newest', () => {
  const models = [model(4, null), model(3, '2026-03-03', true), model(2, '2026-01-01'), model(1, '2026-02-02')];

  expect(oneBefore(models)?.id).toBe(1);
  expect(oneBefore(models.slice(0, 2))).toBeUndefined();
});

test('an experiment pins the models of all its variants', () => {
  const experiment = { name: 'Stars', variants: [{ model_id: 1 }, { model_id: 2 }] } as Experiment;

  expect(pinsOf(2, [experiment])).toEqual(['Stars']);
  expect(pinsOf(3, [experiment])).toEqual([]);
});
