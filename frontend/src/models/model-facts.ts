/** Facts about models: their origin, the experiments that use them, and the previous live model. */

import type { Experiment, ModelCard, ModelSummary } from '../api';
import { texts } from '../texts';
import { sortedBy } from './training-runs';

/** The known facts about the origin of a model, as labels and values. */
export function factsOf(card: ModelCard): (readonly [label: string, value: string])[] {
  const { fact, count, moment, duration, bytes, small } = texts.models;
  const known = <T>(value: T | null | undefined, write: (value: T) => string) =>
    value == null ? texts.none : write(value);
  return [
    [fact.preset, known(card.preset, texts.training.choice)],
    [fact.cutoff, known(card.data_cutoff, moment)],
    [fact.changes, known(card.n_changes_since, count)],
    [fact.ratings, count(card.n_ratings)],
    [fact.users, count(card.n_users)],
    [fact.items, count(card.n_items)],
    [fact.seed, known(card.seed, String)],
    [fact.version, known(card.code_version, String)],
    [fact.wall, known(card.wall_seconds, duration)],
    [fact.memory, known(card.peak_bytes, bytes)],
    [fact.size, bytes(card.n_bytes)],
    [fact.parity, known(card.evaluation?.fold_in_parity, small)],
  ];
}

/** The experiments that use a model, which then cannot be deleted. */
export function pinsOf(id: number, experiments: readonly Experiment[]): string[] {
  return experiments.filter(({ variants }) => variants.some(({ model_id }) => model_id === id)).map(({ name }) => name);
}

/** The previous live model, which a rollback activates. */
export function oneBefore<Model extends Pick<ModelSummary, 'id' | 'is_active' | 'last_active_at'>>(
  models: readonly Model[],
): Model | undefined {
  const served = models.filter(({ is_active, last_active_at }) => !is_active && last_active_at !== null);
  return sortedBy(served, ({ last_active_at }) => last_active_at, true)[0];
}
