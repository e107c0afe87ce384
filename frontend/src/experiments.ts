/** Experiments, prepared for reading and planning: health, numbers in 100, sums by day, scales, checked plans. */

import type { Experiment, ExperimentPlan, Metric, Results } from './api';
import { texts } from './texts';

export const METRICS: readonly Metric[] = ['like_share', 'likes_per_user', 'net_likes_per_user'];
export const MOST_VARIANTS = 4;
const LETTERS = ['A', 'B', 'C', 'D'];

export type Health = 'unknown' | 'healthy' | 'unhealthy';

/** Whether users arrived in the variants as planned; unknown before anybody did. */
export function healthOf({ verdict, sample_ratio_p_value }: Results): Health {
  if (verdict.kind === 'unhealthy') return 'unhealthy';
  return sample_ratio_p_value === null ? 'unknown' : 'healthy';
}

/** What a metric says of counts; undefined where there is nothing to divide by. */
export function metricOf(metric: Metric, n: Counts): number | undefined {
  const [count, of] = {
    like_share: [n.n_likes, n.n_likes + n.n_dislikes],
    likes_per_user: [n.n_likes, n.n_users],
    net_likes_per_user: [n.n_likes - n.n_dislikes, n.n_users],
  }[metric] as [number, number];
  return of > 0 ? count / of : undefined;
}

export interface Counts {
  readonly n_users: number;
  readonly n_likes: number;
  readonly n_dislikes: number;
}

/** A variant's counts up to and including each day on which anything happened to any variant. */
export function cumulated({ timeline, variants }: Pick<Results, 'timeline' | 'variants'>) {
  const days = [...new Set(timeline.map(({ day }) => day))].sort();
  const series = variants.map(({ name }) => {
    let sum: Counts = { n_users: 0, n_likes: 0, n_dislikes: 0 };
    return {
      name,
      counts: days.map((day) => {
        const found = timeline.find((row) => row.day === day && row.variant === name);
        if (found) sum = added(sum, found);
        return sum;
      }),
    };
  });
  return { days, series };
}

function added(a: Counts, b: Counts): Counts {
  return {
    n_users: a.n_users + b.n_users,
    n_likes: a.n_likes + b.n_likes,
    n_dislikes: a.n_dislikes + b.n_dislikes,
  };
}

/** Each treatment's difference from the control day by day, with the interval valid at any time; the control has none. */
export function differences({ looks, variants }: Pick<Results, 'looks' | 'variants'>, days: readonly string[]) {
  return variants.map(({ name }) => {
    const own = days.map((day) => looks.find((look) => look.day === day && look.variant === name));
    const [values, low, high] = (['value', 'low', 'high'] as const).map((end) => own.map((look) => look?.[end]));
    return { name, values: values ?? [], band: { low: low ?? [], high: high ?? [] } };
  });
}

/** Round numbers that span a range: about `n` of them, steps of 1, 2 or 5 times a power of ten. */
export function ticks(low: number, high: number, n = 5): number[] {
  const rough = (high - low) / n;
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  // Multiples of a whole number: adding 0.1 ten times would not give 1.
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

export interface PlannedVariant {
  readonly name: string;
  readonly weight: string;
  readonly model: string;
  readonly head: 'ranking' | 'rating';
  readonly diversity: string;
  readonly exploration: string;
}

/** A plan as typed; shares, diversity and exploration in percent, the effect in 100 votes or users. */
export interface Plan {
  readonly name: string;
  readonly hypothesis: string;
  readonly metric: Metric;
  readonly effect: string;
  readonly traffic: string;
  readonly alpha: string;
  readonly power: string;
  readonly variants: readonly PlannedVariant[];
}

/** A number as people type it; NaN for anything else. */
export function numberIn(text: string): number {
  return /^\s*\d*[.,]?\d+\s*$/.test(text) ? Number(text.replace(',', '.')) : Number.NaN;
}

/** Percentages with at most one decimal that sum to 100: what is left over goes to the last. */
export function evenWeights(n: number): string[] {
  const each = Math.floor(1000 / n);
  return Array.from({ length: n }, (_, i) => String((i < n - 1 ? each : 1000 - each * (n - 1)) / 10));
}

export type PlanField = 'name' | 'hypothesis' | 'effect' | 'traffic' | 'alpha' | 'power' | 'variants';

/** What is wrong with a plan, field by field. */
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
    ['traffic', !isWithin(plan.traffic, 0.1, 100), problems.traffic],
    ['effect', !isWithin(plan.effect, 0.01, 1000), problems.effect],
    ['alpha', !isWithin(plan.alpha, 0.1, 50), problems.alpha],
    ['power', !isWithin(plan.power, 50, 99.9), problems.power],
  ];
  return Object.fromEntries(found.filter(([, isWrong]) => isWrong).map(([field, , message]) => [field, message]));
}

function isPartly({ diversity, exploration }: PlannedVariant): boolean {
  return isWithin(diversity, 0, 100) && isWithin(exploration, 0, 100);
}

export function isWithin(text: string, low: number, high: number): boolean {
  const value = numberIn(text);
  return value >= low && value <= high;
}

function total(weights: readonly number[]): number {
  return weights.reduce((sum, weight) => sum + weight, 0);
}

/** A part of 100, without the digits that binary division adds: 33.3 is 0.333. */
export function part(percent: string): number {
  return Number((numberIn(percent) / 100).toPrecision(12));
}

/** The plan as the service takes it. */
export function experimentOf(plan: Plan): ExperimentPlan {
  return {
    name: plan.name.trim(),
    hypothesis: plan.hypothesis.trim(),
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

/** Users that the plan should send to a variant, of those who have come. */
export function expectedUsers({ variants }: Experiment, results: Results, name: string): number {
  const n = results.variants.reduce((sum, variant) => sum + variant.n_users, 0);
  return n * (variants.find((variant) => variant.name === name)?.weight ?? 0);
}
