/** What to tell people about a failure: its cause, in a sentence, and when to try again. */

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
  // What a fault of the service says of itself helps nobody.
  return texts.errors.refused(slug, (status ?? 500) < 500 ? (problem?.detail ?? null) : null);
}

/** What is wrong with one field, in the language of the app. */
export function describe({ code, message }: FieldError): string {
  return texts.errors.field(code, message);
}

/** What the service said about one field of the body, if anything. */
export function fieldProblem(error: ApiError, name: string): string | undefined {
  const found = error.problem?.errors?.find(({ field }) => field.at(-1) === name);
  return found && describe(found);
}

/** Anything else is a fault of the app, or an answer that it cannot use: reported, and told like the others. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  reportError(error);
  return new ApiError('malformed');
}
