/** The only place that talks to the service; its types are those of the OpenAPI document. */

import createClient, { type FetchOptions } from 'openapi-fetch';
import type { HttpMethod, PathsWithMethod, ResponseObjectMap, SuccessResponse } from 'openapi-typescript-helpers';
import type * as Schemas from './api.types';
import type { paths } from './api.types';

export type * from './api.types';
export type Movie = Schemas.MovieOut;
export type ApiKey = Schemas.ApiKeyOut;
export type Scope = ApiKey['scopes'][number];
export type Vote = Schemas.FeedbackIn['vote'];
export type Experiment = Schemas.ExperimentOut;
export type ExperimentPlan = Schemas.ExperimentIn;
export type Variant = Schemas.VariantOut;
export type Metric = ExperimentPlan['metric'];
export type Comparison = Schemas.ComparisonOut;
export type Look = Schemas.LookOut;
export type Preference = Schemas.PreferenceOut;
export type PowerPlan = Schemas.PowerIn;
export type SimulationPlan = Schemas.SimulationIn;
export type ErrorRate = Schemas.RateOut;
export type TrainingRun = Schemas.TrainingRunOut;
export type TrainingSweep = Schemas.TrainingSweepOut;
export type TrainingRequest = Schemas.TrainingRunIn;
export type Estimate = Schemas.EstimateOut;
export type CodeProposal = Schemas.CodeProposalOut;
export type User = Schemas.UserOut;
export type FieldError = Schemas.FieldErrorOut;

// biome-ignore lint/suspicious/noExplicitAny: as openapi-fetch has it
type Operation = Record<string | number, any>;
type Answer<O extends Operation> = SuccessResponse<ResponseObjectMap<O>, 'application/json'>;
type Options<O> = Pick<FetchOptions<O>, 'body'> & NonNullable<FetchOptions<O>['params']> & { signal?: AbortSignal };

export type GetPath = PathsWithMethod<paths, 'get'>;
export type GetOptions<P extends GetPath> = Options<paths[P]['get']>;
export type Answers<P extends GetPath> = Answer<paths[P]['get'] & Operation>;

/** Nobody looks at something that turns for more than ten seconds. */
const TIMEOUT_MILLISECONDS = 9_000;

type FailureKind = 'refused' | 'offline' | 'timeout' | 'malformed';

/** A failed request, with the problem document of the service if there is one. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly kind: FailureKind,
    readonly status: number | null = null,
    readonly problem: Schemas.ProblemOut | null = null,
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

const client = createClient<paths>({
  baseUrl: location.origin,
  headers: { Accept: 'application/json' },
  fetch: (request) => fetch(request, { signal: withTimeout(request.signal) }),
  querySerializer: search,
});

/** Call the service. Every failure is an ApiError, except an abort, which means that the page has moved on. */
export async function call<M extends HttpMethod, P extends PathsWithMethod<paths, M>>(
  method: M,
  path: P,
  { body, signal, ...params }: Options<paths[P][M]>,
): Promise<Answer<paths[P][M] & Operation>> {
  return settle(client.request(method, path, { params, body, signal } as never));
}

/** Send a file of ratings; as a dry run it changes nothing. */
export function importRatings(userId: number, file: Blob, isDryRun: boolean): Promise<Schemas.ImportReport> {
  const params = { path: { user_id: userId }, query: { dry_run: isDryRun } };
  const name = file instanceof File ? file.name.toLowerCase() : '';
  const type = name.endsWith('.zip') ? 'application/zip' : name.endsWith('.json') ? 'application/json' : 'text/csv';
  return settle(client.POST('/ratings/{user_id}/import', { params, ...asItIs(type, file) }));
}

/** Send a zip archive of factors trained elsewhere. */
export function importModel(file: Blob): Promise<Schemas.ModelCard> {
  return settle(client.POST('/models/import', asItIs('application/zip', file)));
}

function asItIs(type: string, file: Blob) {
  return { body: file as never, bodySerializer: () => file, headers: { 'Content-Type': type } };
}

/** The fields of a body in the OpenAPI document, the only place that holds their bounds. */
export async function schemaOf(name: 'RatingParameters' | 'RankingParameters', signal: AbortSignal): Promise<Schema> {
  const document = await settle<{ components?: { schemas?: Record<string, Schema> } }>(
    client.GET('/openapi.json' as never, { signal } as never),
  );
  const schema = document?.components?.schemas?.[name];
  if (!schema) throw new ApiError('malformed');
  return schema;
}

async function settle<T>(sent: Promise<{ data?: unknown; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await sent.catch((reason: Error) => {
    if (reason.name === 'AbortError') throw reason;
    if (reason instanceof SyntaxError) throw new ApiError('malformed');
    throw new ApiError(reason.name === 'TimeoutError' ? 'timeout' : 'offline');
  });
  if (response.ok) return data as T;
  const isProblem = response.headers.get('Content-Type')?.startsWith('application/problem+json');
  const retryAfter = Number(response.headers.get('Retry-After')) || null;
  const refusal = new ApiError(
    'refused',
    response.status,
    isProblem ? (error as Schemas.ProblemOut) : null,
    retryAfter,
  );
  onRefusal(refusal);
  throw refusal;
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
}

/** Fill in a path template and append the query; empty and missing values are left out. */
export function address(template: string, path: object = {}, query: object = {}): string {
  const values = new Map(Object.entries(path).map(([name, value]) => [name, String(value)]));
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values.get(name) ?? ''));
  return [filled, search(query)].filter(Boolean).join('?');
}

function search(query: object): string {
  const given = Object.entries(query).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
  return new URLSearchParams(
    given.filter(([, one]) => one != null && one !== '').map(([n, one]) => [n, String(one)]),
  ).toString();
}

/** Wait for something else no longer than for the service. */
export function inTime<T>(wanted: Promise<T>): Promise<T> {
  const isLate = new Promise<never>((_, reject) => {
    AbortSignal.timeout(TIMEOUT_MILLISECONDS).onabort = () => reject(new ApiError('timeout'));
  });
  return Promise.race([wanted, isLate]);
}

function withTimeout(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MILLISECONDS)]);
}
