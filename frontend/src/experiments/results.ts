/** The results of an experiment, prepared for reading: health, metrics, and sums by day. */

import type { Experiment, Metric, Results } from '../api';
import type { Texts } from '../texts';

export type Health = keyof Texts['results']['health'];

/** The health of the assignment; interleaved users see both variants, so theirs cannot fail. */
export function healthOf({ kind, verdict, variants, sample_ratio_p_value }: Results): Health {
  if (kind === 'interleaved') return variants.some(({ n_users }) => n_users > 0) ? 'paired' : 'unknown';
  if (verdict.kind === 'unhealthy') return 'unhealthy';
  return sample_ratio_p_value === null ? 'unknown' : 'healthy';
}

/** The value of a metric; undefined when the denominator is 0. */
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

/** Users that the plan should send to a variant, of those who have come. */
export function expectedUsers({ variants }: Experiment, results: Results, name: string): number {
  const n = results.variants.reduce((sum, variant) => sum + variant.n_users, 0);
  return n * (variants.find((variant) => variant.name === name)?.weight ?? 0);
}
