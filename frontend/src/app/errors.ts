/** Explains failures: the cause in a sentence, and when to try again. */

import { ApiError, type FieldError } from '../api';
import { texts } from '../texts';

export function explain(error: ApiError): string {
  const wait = error.retryAfterSeconds === null ? [] : [texts.errors.wait(error.retryAfterSeconds)];
  return [cause(error), ...wait].join(' ');
}

function cause({ kind, status, slug, problem }: ApiError): string {
  if (kind !== 'refused') return texts.errors[kind];
  const ofBody = problem?.errors?.find(({ field }) => field.length === 1);
  if (ofBody) return describe(ofBody);
  // Details of an internal error help nobody.
  const said = problem?.detail ?? (slug in texts.errors.problems ? null : (problem?.title ?? null));
  return texts.errors.refused(slug, (status ?? 500) < 500 ? said : null);
}

/** Describe the error of one field in the language of the app. */
export function describe({ code, message }: FieldError): string {
  return texts.errors.field(code, message);
}

/** The error of one field of the body, if the service reported one. */
export function fieldProblem(error: ApiError, name: string): string | undefined {
  const found = error.problem?.errors?.find(({ field }) => field.at(-1) === name);
  return found && describe(found);
}

/** Any other error is a bug or an unusable answer: it is reported to the console and shown like the others. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  reportError(error);
  return new ApiError('malformed');
}
