import { expect, test } from 'vitest';
import { cumulated, differences, metricOf } from './results';

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

test('differences are drawn on the days on which one could look, and never for the control', () => {
  const variants = ['A', 'B'].map((name) => ({ name })) as never;
  const looks = [{ day: '2026-01-02', variant: 'B', value: 0.1, low: -0.1, high: 0.3 }];

  const [control, treatment] = differences({ looks, variants }, ['2026-01-01', '2026-01-02']);

  expect(control?.values).toEqual([undefined, undefined]);
  expect(treatment?.values).toEqual([undefined, 0.1]);
  expect(treatment?.band).toEqual({ low: [undefined, -0.1], high: [undefined, 0.3] });
});
