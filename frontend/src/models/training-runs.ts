/** Training runs, prepared for asking and reading: checked parameters, what differs, the best of each, curves. */

import type { Field, Schema, TrainingRequest, TrainingRun, TrainingSweep } from '../api';
import { numberIn } from '../app/numbers';
import { texts } from '../texts';

export type Preset = NonNullable<TrainingRequest['preset']>;
export type Head = TrainingSweep['head'];

/** The rating head parameters that each preset accepts; null means all. */
const SETTABLE: Readonly<Record<Preset, readonly string[] | null>> = {
  default: ['n_factors', 'n_sweeps', 'rated_sets'],
  plain: null,
  bias: ['n_sweeps'],
  latent: ['n_factors', 'n_sweeps'],
  features: ['n_factors', 'n_sweeps'],
};
export const PRESETS = Object.keys(SETTABLE) as Preset[];

export interface Parameter extends Field {
  readonly name: string;
}

/** The parameters of a head that a preset takes, with their bounds as the service documents them. */
export function parametersOf(schema: Schema, head: Head, preset: Preset): Parameter[] {
  const settable = head === 'rating' ? SETTABLE[preset] : null;
  return Object.entries(schema.properties).flatMap(([name, { anyOf }]) => {
    const field = anyOf.find(({ type }) => type !== 'null');
    const isTaken = settable ? settable.includes(name) : name !== 'rated_sets';
    return field && isTaken ? [{ ...field, name }] : [];
  });
}

/** The error of a typed number; an empty field takes the preset's value. */
export function parameterProblem(field: Field, text: string): string | undefined {
  if (text.trim() === '' || field.type === 'boolean') return undefined;
  const value = numberIn(text);
  const isInside =
    value >= (field.minimum ?? Number.NEGATIVE_INFINITY) &&
    value > (field.exclusiveMinimum ?? Number.NEGATIVE_INFINITY) &&
    value <= (field.maximum ?? Number.POSITIVE_INFINITY) &&
    value < (field.exclusiveMaximum ?? Number.POSITIVE_INFINITY);
  const isWhole = field.type !== 'integer' || Number.isInteger(value);
  return isInside && isWhole ? undefined : texts.training.range(field);
}

/** The parameters of a head as the service takes them; empty ones are left out. */
export function valuesOf(
  parameters: readonly Parameter[],
  typed: (name: string) => string,
): Record<string, number | boolean> {
  const given = parameters.filter(({ name }) => typed(name).trim() !== '');
  return Object.fromEntries(given.map((field) => [field.name, typedValue(field, typed(field.name))]));
}

function typedValue(field: Field, text: string): number | boolean {
  return field.type === 'boolean' ? text === 'true' : numberIn(text);
}

type Flat = Readonly<Record<string, unknown>>;

/** Nested parameters by their dotted names. */
export function flat(parameters: object, prefix = ''): Flat {
  return Object.fromEntries(
    Object.entries(parameters).flatMap(([name, value]: [string, unknown]) =>
      typeof value === 'object' && value !== null
        ? Object.entries(flat(value, `${prefix}${name}.`))
        : [[`${prefix}${name}`, value] as const],
    ),
  );
}

/** The names of the parameters that are not the same in all runs. */
export function differing(runs: readonly Pick<TrainingRun, 'parameters'>[]): string[] {
  const all = runs.map(({ parameters }) => flat(parameters));
  const names = new Set(all.flatMap(Object.keys));
  return [...names].filter((name) => new Set(all.map((parameters) => parameters[name])).size > 1);
}

/** The lowest RMSE on held-out ratings, of any sweep or, where none was measured, of the finished fit. */
export function bestRmse(run: TrainingRun): number | null {
  const measured = run.metrics.find(({ name }) => name === 'rating head')?.rmse?.value ?? null;
  const known = [run.best_test_rmse, measured].filter((value) => value !== null);
  return known.length > 0 ? Math.min(...known) : null;
}

export function ndcgOf(run: TrainingRun): number | null {
  return run.metrics.find(({ name }) => name === 'ranking head')?.ndcg?.value ?? null;
}

export function secondsOf({ started_at, finished_at }: TrainingRun): number | null {
  return started_at && finished_at ? (Date.parse(finished_at) - Date.parse(started_at)) / 1000 : null;
}

export function isUnfinished({ status }: Pick<TrainingRun, 'status'>): boolean {
  return status === 'queued' || status === 'running';
}

/** Rows in the order of a column; what has no value stands last in either direction. */
export function sortedBy<T>(rows: readonly T[], key: (row: T) => unknown, isDescending: boolean): T[] {
  const isMissing = (value: unknown) => value === null || value === undefined;
  return [...rows].sort((one, other) => {
    const [a, b] = [key(one), key(other)];
    if (isMissing(a) || isMissing(b)) return Number(isMissing(a)) - Number(isMissing(b));
    const order = typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
    return isDescending ? -order : order;
  });
}

/** Sweeps that are known already and those just heard of, each once. */
export function withSweeps(known: readonly TrainingSweep[], news: readonly TrainingSweep[]): TrainingSweep[] {
  const key = ({ fit, head, sweep }: TrainingSweep) => `${fit} ${head} ${sweep}`;
  return [...new Map([...known, ...news].map((sweep) => [key(sweep), sweep])).values()];
}

export interface Curve {
  readonly name: string;
  readonly values: readonly (number | undefined)[];
}

/** One value of each sweep along sweeps 1, 2, …; empty where there is none to draw. */
export function curve(
  name: string,
  sweeps: readonly TrainingSweep[],
  value: (sweep: TrainingSweep) => number | null,
): Curve {
  const values: (number | undefined)[] = [];
  for (const sweep of sweeps) values[sweep.sweep - 1] = value(sweep) ?? undefined;
  return { name, values: values.some((one) => one !== undefined) ? Array.from(values) : [] };
}
