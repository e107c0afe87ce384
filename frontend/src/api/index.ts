/** The only place that talks to the service; its types are those of the OpenAPI document. */

import type { components, paths } from './api.types';

type Schemas = components['schemas'];
export type Movie = Schemas['MovieOut'];
export type MovieDetail = Schemas['MovieDetail'];
export type RatedMovie = Schemas['RatedMovie'];
export type Recommendation = Schemas['Recommendation'];
export type Recommendations = Schemas['Recommendations'];
export type Personalization = Schemas['Personalization'];
export type Prediction = Schemas['Prediction'];
export type ImportReport = Schemas['ImportReport'];
export type ImportedRow = Schemas['ImportedRow'];
export type ApiKey = Schemas['ApiKeyOut'];
export type Scope = ApiKey['scopes'][number];
export type Reason = Schemas['Reason'];
export type Me = Schemas['Me'];
export type Vote = Schemas['FeedbackIn']['vote'];
export type Experiment = Schemas['ExperimentOut'];
export type ExperimentPlan = Schemas['ExperimentIn'];
export type Variant = Schemas['VariantOut'];
export type Metric = ExperimentPlan['metric'];
export type Results = Schemas['Results'];
export type Comparison = Schemas['ComparisonOut'];
export type Look = Schemas['LookOut'];
export type Preference = Schemas['PreferenceOut'];
export type PowerPlan = Schemas['PowerIn'];
export type SimulationPlan = Schemas['SimulationIn'];
export type ErrorRate = Schemas['RateOut'];
export type PolarizingMovie = Schemas['PolarizingMovie'];
export type MovieMap = Schemas['MovieMap'];
export type GenreMap = Schemas['GenreMap'];
export type TrainingRun = Schemas['TrainingRunOut'];
export type TrainingSweep = Schemas['TrainingSweepOut'];
export type TrainingRequest = Schemas['TrainingRunIn'];
export type ModelSummary = Schemas['ModelSummary'];
export type ModelCard = Schemas['ModelCard'];
export type ModelComparison = Schemas['ModelComparison'];
export type Estimate = Schemas['EstimateOut'];
export type CodeProposal = Schemas['CodeProposalOut'];
export type CodeProposalDetail = Schemas['CodeProposalDetail'];
export type User = Schemas['UserOut'];
export type FieldError = Schemas['FieldErrorOut'];
type Problem = Schemas['ProblemOut'];

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
type Operation<P extends keyof paths, M extends Method> = NonNullable<paths[P][M]>;
type Json<R> = R extends { content: { 'application/json': infer B } } ? B : undefined;
type Answer<O> = O extends { responses: infer R }
  ? { [S in keyof R & (200 | 201 | 202)]: Json<R[S]> }[keyof R & (200 | 201 | 202)]
  : never;
type Query<O> = O extends { parameters: { query?: infer Q } } ? Q : never;
type Path<O> = O extends { parameters: { path: infer P } } ? { path: P } : { path?: never };
type Body<O> = O extends { requestBody: { content: { 'application/json': infer B } } }
  ? { body: B }
  : O extends { requestBody?: infer R }
    ? { body?: Json<NonNullable<R>> }
    : { body?: never };
type Options<O> = Path<O> &
  Body<O> & {
    query?: Query<O>;
    /** Change this version or none: 412 if it is another one by now. */
    ifVersion?: number;
    signal?: AbortSignal;
  };

/** Nobody looks at something that turns for more than ten seconds. */
const TIMEOUT_MILLISECONDS = 9_000;

type FailureKind = 'refused' | 'offline' | 'timeout' | 'malformed';

/** Why a request brought no answer: the service's own problem document where there is one. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly kind: FailureKind,
    readonly status: number | null = null,
    readonly problem: Problem | null = null,
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(problem?.title ?? kind);
  }

  /** The last part of the problem's type, such as "username-taken". */
  get slug(): string {
    return this.problem?.type.split('/').pop() ?? this.kind;
  }

  get requestId(): string | null {
    return this.problem?.request_id ?? null;
  }
}

let onRefusal: (error: ApiError) => void = () => {};

/** Let the session know of refusals that end it, whichever page met them. */
export function watchRefusals(listener: (error: ApiError) => void): void {
  onRefusal = listener;
}

export async function call<P extends keyof paths & string, M extends Method>(
  method: M,
  path: P,
  options: Options<Operation<P, M>>,
): Promise<Answer<Operation<P, M>>> {
  const response = await reach(address(path, options.path ?? {}, options.query ?? {}), {
    method: method.toUpperCase(),
    signal: withTimeout(options.signal),
    credentials: 'same-origin',
    headers: {
      Accept: 'application/json',
      ...(options.body && JSON_BODY),
      ...(options.ifVersion !== undefined && { 'If-Match': `"${options.ifVersion}"` }),
    },
    ...(options.body && { body: JSON.stringify(options.body) }),
  });
  if (!response.ok) throw await refusal(response);
  return (response.status === 204 ? undefined : await json(response)) as Answer<Operation<P, M>>;
}

/** Send a file of ratings; as a dry run it changes nothing. */
export async function importRatings(userId: number, file: Blob, isDryRun: boolean): Promise<ImportReport> {
  const url = address('/ratings/{user_id}/import', { user_id: userId }, { dry_run: isDryRun });
  return (await sendFile(url, 'text/csv', file)) as ImportReport;
}

/** Send a zip archive of factors trained elsewhere. */
export async function importModel(file: Blob): Promise<ModelCard> {
  return (await sendFile('/models/import', 'application/zip', file)) as ModelCard;
}

async function sendFile(url: string, type: string, body: Blob): Promise<unknown> {
  const response = await reach(url, {
    method: 'POST',
    signal: withTimeout(),
    credentials: 'same-origin',
    headers: { Accept: 'application/json', 'Content-Type': type },
    body,
  });
  if (!response.ok) throw await refusal(response);
  return json(response);
}

/** What the OpenAPI document says of the fields of a body; it is the one place that holds their bounds. */
export async function schemaOf(name: 'RatingParameters' | 'RankingParameters', signal: AbortSignal): Promise<Schema> {
  const response = await reach('/openapi.json', { signal: withTimeout(signal) });
  if (!response.ok) throw await refusal(response);
  const document = (await json(response)) as { components?: { schemas?: Record<string, Schema> } } | null;
  const schema = document?.components?.schemas?.[name];
  if (!schema) throw new ApiError('malformed', response.status);
  return schema;
}

export interface Schema {
  readonly properties: Readonly<Record<string, { readonly anyOf: readonly Field[] }>>;
}

export interface Field {
  readonly type: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly enum?: readonly string[];
}

const JSON_BODY = { 'Content-Type': 'application/json' };

/** Fill in a path template and append the query; empty and missing values are left out. */
export function address(template: string, path: object, query: object): string {
  const values = new Map(Object.entries(path).map(([name, value]) => [name, String(value)]));
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values.get(name) ?? ''));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) if (one != null && one !== '') search.append(name, String(one));
  }
  return search.size > 0 ? `${filled}?${search}` : filled;
}

/** Wait for something else no longer than for the service. */
export function inTime<T>(wanted: Promise<T>): Promise<T> {
  const isLate = new Promise<never>((_, reject) => {
    AbortSignal.timeout(TIMEOUT_MILLISECONDS).onabort = () => reject(new ApiError('timeout'));
  });
  return Promise.race([wanted, isLate]);
}

function withTimeout(signal?: AbortSignal): AbortSignal {
  const timeout = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
  return signal ? AbortSignal.any([signal, timeout]) : timeout;
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    const { name } = error as Error;
    if (name === 'AbortError') throw error; // the page moved on
    throw new ApiError(name === 'TimeoutError' ? 'timeout' : 'offline');
  }
}

async function json(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (error) {
    if ((error as Error).name === 'AbortError') throw error;
    throw new ApiError('malformed', response.status);
  }
}

async function refusal(response: Response): Promise<ApiError> {
  const isProblem = response.headers.get('Content-Type')?.startsWith('application/problem+json');
  const problem = isProblem ? ((await json(response)) as Problem) : null;
  const retryAfter = Number(response.headers.get('Retry-After')) || null;
  const error = new ApiError('refused', response.status, problem, retryAfter);
  onRefusal(error);
  return error;
}
