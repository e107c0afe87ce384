import { afterEach, expect, test, vi } from 'vitest';
import { ApiError, call, schemaOf, watchRefusals } from '.';

afterEach(() => vi.unstubAllGlobals());

/** A service that gives one answer; returns the requests it got. */
function answer(make: (request: Request) => Response | Promise<Response>): Request[] {
  const got: Request[] = [];
  vi.stubGlobal('fetch', (request: Request, init: RequestInit) => {
    got.push(request);
    init.signal?.throwIfAborted();
    return make(request);
  });
  return got;
}

const failure = (promise: Promise<unknown>) => promise.then(Promise.reject, (error: unknown) => error);

test('a request carries its path, the query that is set, and its headers', async () => {
  const got = answer(() => Response.json({ items: [], next_cursor: null }));

  await call('get', '/movies', { query: { query: 'a&b', genre: '', cursor: null, movie_id: [1, 2] } });
  await call('patch', '/experiments/{experiment_id}', {
    path: { experiment_id: 7 },
    header: { 'if-match': '"3"' },
    body: {} as never,
  });

  expect(got.map(({ method, url }) => `${method} ${url}`)).toEqual([
    'GET http://localhost/movies?query=a%26b&movie_id=1&movie_id=2',
    'PATCH http://localhost/experiments/7',
  ]);
  expect(got[1]?.headers.get('If-Match')).toBe('"3"');
  expect(got[1]?.headers.get('Content-Type')).toBe('application/json');
  expect(got[1]?.credentials).toBe('same-origin');
});

test('a refusal is the problem of the service, and the session hears of it', async () => {
  const problem = {
    type: '/problems/too-many-attempts',
    title: 'Too many',
    status: 429,
    detail: null,
    request_id: 'r',
  };
  const headers = { 'Content-Type': 'application/problem+json', 'Retry-After': '7' };
  const heard = vi.fn();
  watchRefusals(heard);
  answer(() => new Response(JSON.stringify(problem), { status: 429, headers }));

  const error = (await failure(call('get', '/me', {}))) as ApiError;

  expect([error.kind, error.status, error.slug, error.retryAfterSeconds]).toEqual([
    'refused',
    429,
    'too-many-attempts',
    7,
  ]);
  expect(heard).toHaveBeenCalledWith(error);
});

test.each([
  ['offline', () => Promise.reject(new TypeError('Failed to fetch'))],
  ['timeout', () => Promise.reject(new DOMException('late', 'TimeoutError'))],
  ['malformed', () => new Response('{"items": [')],
  ['refused', () => new Response('Bad gateway', { status: 502 })],
] as const)('an answer that does not come is %s', async (kind, make) => {
  answer(make);

  const error = await failure(call('get', '/genres', {}));

  expect(error).toBeInstanceOf(ApiError);
  expect((error as ApiError).kind).toBe(kind);
});

test('an abort stays one: the page has moved on', async () => {
  answer(() => Response.json({}));

  const error = await failure(call('get', '/genres', { signal: AbortSignal.abort() }));

  expect((error as Error).name).toBe('AbortError');
});

test('a deletion answers nothing, and a document without the schema is malformed', async () => {
  answer(({ method }) => (method === 'DELETE' ? new Response(null, { status: 204 }) : Response.json({})));

  expect(await call('delete', '/me/sessions', {})).toBeUndefined();
  const error = await failure(schemaOf('RatingParameters', new AbortController().signal));
  expect((error as ApiError).kind).toBe('malformed');
});
