/** What to tell people about a failure: its cause, in a sentence, and when to try again. */

import { ApiError } from '../api';
import { texts } from '../texts';

export function explain(error: ApiError): string {
  const sentences = [cause(error)];
  if (error.retryAfterSeconds !== null) sentences.push(texts.errors.wait(error.retryAfterSeconds));
  return sentences.join(' ');
}

function cause(error: ApiError): string {
  if (error.kind !== 'refused') return texts.errors[error.kind];
  if (error.slug === 'not-signed-in') return texts.errors.signedOut;
  if (error.status === 503) return texts.errors.unavailable;
  if (error.status === null || error.status >= 500 || !error.problem) return texts.errors.unknown;
  const ofAll = error.problem.errors?.find(({ field }) => field.length === 1)?.message.replace('Value error, ', '');
  return sentence(error.problem.detail ?? ofAll ?? error.problem.title);
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}

/** Anything else is a fault of the app, or an answer that it cannot use: reported, and told like the others. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  reportError(error);
  return new ApiError('malformed');
}
