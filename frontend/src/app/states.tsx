import type { ComponentChildren } from 'preact';
import type { ApiError } from '../api';
import { texts } from '../texts';
import { explain } from './errors';
import { Button } from './parts';

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/** The cause of a failure, a way to retry, and the request id to quote when asking for help. */
export function Failure({ error, retry }: { error: ApiError; retry: () => void }) {
  return (
    <section class="state" role="alert">
      <h2>{texts.errors.title}</h2>
      <p>{explain(error)}</p>
      <Button onClick={retry}>{texts.retry}</Button>
      <RequestId error={error} />
    </section>
  );
}

export function RequestId({ error }: { error: ApiError }) {
  if (!error.requestId) return null;
  return (
    <p class="request-id">
      {texts.errors.request} <code>{error.requestId}</code>
    </p>
  );
}

interface EmptyProps {
  title: string;
  hint: string;
  children?: ComponentChildren;
}

export function Empty({ title, hint, children }: EmptyProps) {
  return (
    <section class="state">
      <h2>{title}</h2>
      <p>{hint}</p>
      {children}
    </section>
  );
}

interface MoreProps {
  hasMore: boolean;
  isBusy: boolean;
  onMore: () => void;
}

/** Loads the next page of a list, if there is one. */
export function More({ hasMore, isBusy, onMore }: MoreProps) {
  if (!hasMore) return null;
  return (
    <button type="button" class="button more" aria-busy={isBusy} onClick={onMore}>
      {texts.more}
    </button>
  );
}

const LISTS = { poster: 'grid', row: 'rows', pick: 'rows picks' };

export function Skeletons({ count, kind }: { count: number; kind: keyof typeof LISTS }) {
  return (
    <div class={LISTS[kind]} role="status" aria-label={texts.loading}>
      {range(count).map((i) => (
        <div key={i} class={`skeleton skeleton-${kind}`} />
      ))}
    </div>
  );
}
