/** Hash routes: which page the address names, and the address of a page. */

import { signal } from '@preact/signals';

const PLAIN = [
  ...(['browse', 'for-you', 'my-ratings', 'hidden', 'import', 'settings', 'sign-in', 'register', 'start'] as const),
  ...(['insights', 'map', 'polarizing'] as const),
  ...(['experiments', 'new-experiment', 'simulation'] as const),
  ...(['training', 'models', 'proposals', 'admin'] as const),
];
const NUMBERED = ['movie', 'experiment', 'edit-experiment', 'model', 'code', 'proposal'] as const;

export type PageName = (typeof PLAIN)[number] | (typeof NUMBERED)[number] | 'not-found';

/** The pages on experiments, all for administrators. */
export const EXPERIMENT_PAGES: ReadonlySet<PageName> = new Set<PageName>([
  ...(['experiments', 'experiment', 'new-experiment', 'edit-experiment', 'simulation'] as const),
]);

/** The pages of the section on models; all but the code are for administrators. */
export const MODEL_PAGES: ReadonlySet<PageName> = new Set<PageName>([
  ...(['training', 'models', 'model', 'code', 'proposals', 'proposal', 'admin'] as const),
]);

interface Route {
  readonly page: PageName;
  readonly id: number;
  readonly query: URLSearchParams;
}

type Query = Readonly<Record<string, string | number | null | undefined>>;

export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#?\/?/, '').split(/\?(.*)/s);
  const query = new URLSearchParams(search);
  const [, name, id] = /^([a-z-]+)\/([1-9]\d{0,9})$/.exec(path) ?? [];
  const numbered = NUMBERED.find((page) => page === name);
  if (numbered) return { page: numbered, id: Number(id), query };
  return { page: PLAIN.find((page) => page === (path || 'browse')) ?? 'not-found', id: 0, query };
}

/** The address of a page; empty values of the query are left out. */
export function href(page: PageName, query: Query = {}, id?: number): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value != null && value !== '') search.set(name, String(value));
  }
  const path = id === undefined ? page : `${page}/${id}`;
  return search.size > 0 ? `#/${path}?${search}` : `#/${path}`;
}

/** Only our own hash routes are followed after signing in. */
export function safeReturn(next: string | null, otherwise: PageName = 'browse'): string {
  return next?.startsWith('#/') ? next : href(otherwise);
}

export const route = signal<Route>(parseRoute(''));

/** The scroll position on arrival: the top, or on the way back the place where the page was left. */
export let arrivalScroll = 0;

/** The address that `route` was read from. */
let shown = '';

const scrolls = new Map<string, number>();
let entry = '';

function arrive(): void {
  scrolls.set(entry, scrollY);
  const known: unknown = history.state;
  entry = typeof known === 'string' ? known : `${Date.now()}`;
  arrivalScroll = scrolls.get(entry) ?? 0;
  if (entry !== known) history.replaceState(entry, '');
  shown = location.hash;
  route.value = parseRoute(shown);
}

export function startRouting(): void {
  history.scrollRestoration = 'manual';
  addEventListener('hashchange', arrive);
  arrive();
}

/** Change the address in place, so that typing does not fill the history. */
export function replace(to: string): void {
  // Somebody has followed a link and its page is about to show: do not call them back.
  if (location.hash !== shown) return;
  history.replaceState(history.state, '', to);
  arrivalScroll = 0;
  shown = location.hash;
  route.value = parseRoute(shown);
}
