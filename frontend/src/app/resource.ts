/** Data a page needs: loading, failed, filled; remembered so that coming back shows it at once. */

import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type Answers, type ApiError, address, call, type GetOptions, type GetPath } from '../api';
import { asApiError } from './errors';

export interface Resource<T> {
  readonly data: T | undefined;
  readonly error: ApiError | null;
  readonly isLoading: boolean;
  /** The data still belongs to the previous key. */
  readonly isStale: boolean;
  readonly reload: () => void;
}

interface Held<T> {
  readonly key: string;
  readonly data: T | undefined;
  readonly error: ApiError | null;
  readonly isLoading: boolean;
}

const MAX_REMEMBERED = 24;
const remembered = new Map<string, unknown>();

function remember(key: string, data: unknown): void {
  remembered.delete(key);
  remembered.set(key, data);
  for (const oldest of remembered.keys()) {
    if (remembered.size <= MAX_REMEMBERED) return;
    remembered.delete(oldest);
  }
}

/** Personal data must not outlive the session. */
export function forgetResources(): void {
  remembered.clear();
}

/** Load when `key` changes; the previous data stays until the answer arrives. */
export function useResource<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Resource<T> {
  const [held, setHeld] = useState<Held<T>>(() => start<T>(key));
  const [attempt, setAttempt] = useState(0);

  // In the layout phase: the request need not wait for the paint.
  useLayoutEffect(() => {
    const controller = new AbortController();
    setHeld((before) => (remembered.has(key) ? start(key) : { ...before, isLoading: true }));
    load(controller.signal)
      .then((data) => {
        if (controller.signal.aborted) return;
        remember(key, data);
        setHeld({ key, data, error: null, isLoading: false });
      })
      .catch((reason: unknown) => {
        if (controller.signal.aborted) return;
        const error = asApiError(reason);
        // Data of the key before must not look like the answer to this one.
        setHeld((before) => ({ key, data: before.key === key ? before.data : undefined, error, isLoading: false }));
      });
    return () => controller.abort();
  }, [key, attempt]);

  const reload = useCallback(() => setAttempt((n) => n + 1), []);
  return { ...held, isStale: held.key !== key, reload };
}

/** Get an address of the service. Visits or versions with different `asOf` do not share an answer. */
export function useGet<P extends GetPath>(path: P, options?: GetOptions<P>, asOf: unknown = ''): Resource<Answers<P>> {
  return useResource(keyOf(path, options, asOf), (signal) => call('get', path, { ...options, signal } as never));
}

function keyOf(path: string, options: { path?: object; query?: object } | undefined, asOf: unknown): string {
  return `${address(path, options?.path, options?.query)} ${asOf}`;
}

function start<T>(key: string): Held<T> {
  return { key, data: remembered.get(key) as T | undefined, error: null, isLoading: true };
}

interface Page<Item> {
  readonly items: readonly Item[];
  readonly next_cursor: string | null;
}

interface Pages<Item> extends Page<Item> {
  readonly n: number;
}

export interface PagedResource<Item> extends Resource<Page<Item>> {
  readonly loadMore: () => void;
}

/** An endless list: all pages so far, as one resource. */
export function usePages<Item>(
  key: string,
  load: (cursor: string | null, signal: AbortSignal) => Promise<Page<Item>>,
): PagedResource<Item> {
  const wanted = useRef(1);
  const pages = useResource<Pages<Item>>(key, async (signal) => {
    let list = (remembered.get(key) as Pages<Item> | undefined) ?? {
      items: [],
      next_cursor: null,
      n: 0,
    };
    while (list.n === 0 || (list.n < wanted.current && list.next_cursor !== null)) {
      const page = await load(list.next_cursor, signal);
      list = { ...page, items: [...list.items, ...page.items], n: list.n + 1 };
    }
    return list;
  });
  const loadMore = () => {
    if (pages.isLoading) return;
    wanted.current = (pages.data?.n ?? 0) + 1;
    pages.reload();
  };
  /** Load all pages again instead of reading the remembered ones. */
  const reload = () => {
    remembered.delete(key);
    pages.reload();
  };
  return { ...pages, reload, loadMore };
}

/** All pages loaded so far of a list of the service. */
export function useList<P extends GetPath>(path: P, options: GetOptions<P>, asOf: unknown = '') {
  type Item = Answers<P> extends Page<infer I> ? I : never;
  return usePages<Item>(`pages of ${keyOf(path, options, asOf)}`, (cursor, signal) => {
    const query = { ...(options as { query?: object }).query, cursor };
    return call('get', path, { ...options, query, signal } as never) as Promise<Page<Item>>;
  });
}

/** The first items alone until they are painted, then all; on a return visit all at once. */
export function useFirstThenAll<T>(items: readonly T[], n: number): readonly T[] {
  const [isAll, setAll] = useState(items.length > 0);
  const isEmpty = items.length === 0;
  useEffect(() => {
    if (!isAll && !isEmpty) requestAnimationFrame(() => setTimeout(() => setAll(true)));
  }, [isAll, isEmpty]);
  return isAll ? items : items.slice(0, n);
}
