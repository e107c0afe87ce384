import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { notices } from '../app/notices';
import { carryOver, forgetKept, keep, kept, readKept, startKeeping } from './guest';

const rating = (id: number, value: number, rated_at = `2026-01-0${id}T10:00:00.000Z`) => ({
  movie: { id, title: `Movie ${id}`, year: 1999, genres: [], mean_rating: null, n_ratings: 0 },
  value,
  rated_at,
});

/** What a browser keeps for a site. */
function storage() {
  const items = new Map<string, string>();
  return {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, text: string) => items.set(key, text),
    removeItem: (key: string) => items.delete(key),
  };
}

const sent: string[] = [];

/** A service that answers imports one after the other. */
function answer(...statuses: number[]) {
  vi.stubGlobal('fetch', async (request: Request) => {
    sent.push(await request.text());
    return Response.json({ n_added: 1 }, { status: statuses.shift() ?? 200 });
  });
}

beforeEach(() => {
  vi.stubGlobal('localStorage', storage());
  forgetKept();
  sent.length = 0;
  notices.value = [];
});
afterEach(() => vi.unstubAllGlobals());

test('ratings outlive the window, each movie once, until they are taken back', () => {
  startKeeping();
  keep(1, rating(1, 4));
  keep(2, rating(2, 3));
  keep(1, rating(1, 5));
  keep(2, null);

  kept.value = null; // as in a new window

  expect(readKept()).toEqual([rating(1, 5)]);
});

test('nobody tries before they say so, and starting again costs nothing', () => {
  expect(readKept()).toBeNull();

  expect(startKeeping()).toEqual([]);
  keep(1, rating(1, 4));

  expect(startKeeping()).toEqual([rating(1, 4)]);
});

test('another window’s rating is not overwritten', () => {
  startKeeping();
  keep(1, rating(1, 4));
  localStorage.setItem('cinefold.kept-ratings', JSON.stringify([rating(1, 4), rating(2, 2)]));

  keep(3, rating(3, 1));

  expect(kept.value?.map(({ movie }) => movie.id)).toEqual([1, 2, 3]);
});

test('all of them are carried over at once, with their times, and then kept no more', async () => {
  answer(200);
  keep(1, rating(1, 4.5));
  keep(2, rating(2, 3));

  await carryOver(7);

  expect(sent).toEqual(['movie_id,rating,rated_at\n1,4.5,2026-01-01T10:00:00.000Z\n2,3,2026-01-02T10:00:00.000Z']);
  expect(readKept()).toBeNull();
  expect(notices.value).toEqual([]);
});

test('a refusal loses nothing and says so; the next attempt sends the same', async () => {
  answer(503, 200);
  keep(1, rating(1, 4));

  await carryOver(7);
  const [notice] = notices.value;
  const left = readKept();
  await carryOver(7);

  expect(notice?.error?.status).toBe(503);
  expect(left).toEqual([rating(1, 4)]);
  expect(sent[1]).toBe(sent[0]);
  expect(readKept()).toBeNull();
});

test('what another window keeps while the others are on their way stays kept', async () => {
  vi.stubGlobal('fetch', async () => {
    keep(1, rating(1, 2, '2026-02-01T10:00:00.000Z'));
    keep(2, rating(2, 3));
    return Response.json({});
  });
  keep(1, rating(1, 4));
  keep(3, rating(3, 5));

  await carryOver(7);

  expect(readKept()?.map(({ movie, value }) => [movie.id, value])).toEqual([
    [1, 2],
    [2, 3],
  ]);
});

test.each(['', 'no JSON', '{"items": []}', '"text"', 'null', '[null, 7, {}, {"movie": {"id": 1}}]'])(
  'what is kept may be damaged: %s is no rating',
  (text) => {
    localStorage.setItem('cinefold.kept-ratings', text);

    expect(startKeeping()).toEqual([]);
    keep(1, rating(1, 4));
    expect(readKept()).toEqual([rating(1, 4)]);
  },
);

test('without ratings nothing is sent', async () => {
  answer(200);
  startKeeping();

  await carryOver(7);

  expect(sent).toEqual([]);
  expect(readKept()).toBeNull();
});
