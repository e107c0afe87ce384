/** The plan of an experiment: as typed, checked, and as the service accepts it. */

import type { Experiment, ExperimentPlan, Metric } from '../api';
import { isWithin, numberIn, part } from '../app/numbers';
import { texts } from '../texts';

export const METRICS: readonly Metric[] = ['like_share', 'likes_per_user', 'net_likes_per_user'];
export const MOST_VARIANTS = 4;
const LETTERS = ['A', 'B', 'C', 'D'];

export interface PlannedVariant {
  readonly name: string;
  readonly weight: string;
  readonly model: string;
  readonly head: 'ranking' | 'rating';
  readonly diversity: string;
  readonly exploration: string;
}

export type Kind = ExperimentPlan['kind'];

/** A plan as typed; shares, diversity and exploration in percent, the effect in 100 votes or users. */
export interface Plan {
  readonly name: string;
  readonly hypothesis: string;
  readonly kind: Kind;
  readonly metric: Metric;
  readonly effect: string;
  readonly traffic: string;
  readonly alpha: string;
  readonly power: string;
  readonly variants: readonly PlannedVariant[];
}

/** Percentages with at most one decimal that sum to 100: what is left over goes to the last. */
export function evenWeights(n: number): string[] {
  const each = Math.floor(1000 / n);
  return Array.from({ length: n }, (_, i) => String((i < n - 1 ? each : 1000 - each * (n - 1)) / 10));
}

export type PlanField = 'name' | 'hypothesis' | 'effect' | 'traffic' | 'alpha' | 'power' | 'variants';

/** The errors of a plan, by field. */
export function planProblems(plan: Plan): Partial<Record<PlanField, string>> {
  const { problems } = texts.plan;
  const names = plan.variants.map(({ name }) => name.trim());
  const weights = plan.variants.map(({ weight }) => numberIn(weight));
  const found: [PlanField, boolean, string][] = [
    ['name', plan.name.trim() === '', problems.name],
    ['hypothesis', plan.hypothesis.trim() === '', problems.hypothesis],
    ['variants', names.includes('') || new Set(names).size < names.length, problems.names],
    ['variants', !weights.every((weight) => weight > 0), problems.weight],
    ['variants', Math.abs(total(weights) - 100) > 1e-6, problems.weights(total(weights))],
    ['variants', !plan.variants.every(isPartly), problems.parts],
    ['variants', plan.kind === 'interleaved' && !areUnlike(plan.variants), problems.alike],
    ['traffic', !isWithin(plan.traffic, 0.1, 100), problems.traffic],
    ['effect', !isWithin(plan.effect, 0.01, 1000), problems.effect],
    ['alpha', !isWithin(plan.alpha, 0.1, 50), problems.alpha],
    ['power', !isWithin(plan.power, 50, 99.9), problems.power],
  ];
  return Object.fromEntries(found.filter(([, isWrong]) => isWrong).map(([field, , message]) => [field, message]));
}

function areUnlike(variants: readonly PlannedVariant[]): boolean {
  const orders = variants.map(({ head, diversity, exploration }) => `${head} ${part(diversity)} ${part(exploration)}`);
  return new Set(orders).size === orders.length;
}

/**
 * The plan as one of another kind: two variants of one model share a list evenly, and no share of likes compares them.
 * 5 likes in 100 votes are 50 net likes in 100 users who vote ten times, five of them for each.
 */
export function withKind(plan: Plan, kind: Kind): Plan {
  if (kind === 'split') return { ...plan, kind };
  const [first] = plan.variants;
  const variants = plan.variants.slice(0, 2).map((variant) => ({
    ...variant,
    weight: '50',
    model: first?.model ?? variant.model,
  }));
  const compared = plan.metric === 'like_share' ? ({ metric: 'net_likes_per_user', effect: '50' } as const) : {};
  return { ...plan, kind, variants, ...compared };
}

function isPartly({ diversity, exploration }: PlannedVariant): boolean {
  return isWithin(diversity, 0, 100) && isWithin(exploration, 0, 100);
}

function total(weights: readonly number[]): number {
  return weights.reduce((sum, weight) => sum + weight, 0);
}

/** The plan as the service takes it. */
export function experimentOf(plan: Plan): ExperimentPlan {
  return {
    name: plan.name.trim(),
    hypothesis: plan.hypothesis.trim(),
    kind: plan.kind,
    metric: plan.metric,
    minimum_effect: part(plan.effect),
    traffic_share: part(plan.traffic),
    alpha: part(plan.alpha),
    power: part(plan.power),
    variants: plan.variants.map(({ name, weight, model, head, diversity, exploration }) => ({
      name: name.trim(),
      weight: part(weight),
      model_id: Number(model),
      head,
      diversity: part(diversity),
      exploration: part(exploration),
    })),
  };
}

/** A draft as somebody would have typed it. */
export function planOf(experiment: Experiment): Plan {
  return {
    name: experiment.name,
    hypothesis: experiment.hypothesis,
    kind: experiment.kind,
    metric: experiment.metric,
    effect: inPercent(experiment.minimum_effect),
    traffic: inPercent(experiment.traffic_share),
    alpha: inPercent(experiment.alpha),
    power: inPercent(experiment.power),
    variants: experiment.variants.map(({ name, weight, model_id, head, diversity, exploration }) => ({
      name,
      weight: inPercent(weight),
      model: String(model_id),
      head,
      diversity: inPercent(diversity),
      exploration: inPercent(exploration),
    })),
  };
}

function inPercent(share: number): string {
  return String(Number((100 * share).toPrecision(12)));
}

/** The fields of a plan in which two versions of a draft differ. */
export function changedFields(before: Experiment, after: Experiment): (keyof Plan)[] {
  const [a, b] = [planOf(before), planOf(after)];
  return (Object.keys(a) as (keyof Plan)[]).filter((field) => JSON.stringify(a[field]) !== JSON.stringify(b[field]));
}

/** One model against itself, ordered by its two heads: the first question most people have. */
export function firstPlan(model: string): Plan {
  return {
    name: '',
    hypothesis: '',
    kind: 'split',
    metric: 'like_share',
    effect: '5',
    traffic: '100',
    alpha: '5',
    power: '80',
    variants: [newVariant(0, model), { ...newVariant(1, model), head: 'rating' }],
  };
}

export function newVariant(place: number, model: string): PlannedVariant {
  return { name: LETTERS[place] ?? '', weight: '50', model, head: 'ranking', diversity: '0', exploration: '0' };
}
