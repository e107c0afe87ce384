/** The colours of a map of movies, and the meaning of its axes. */

import type { MovieMap } from '../api';
import { href, replace, route } from '../app/routes';
import { texts } from '../texts';

type Change = Readonly<Record<string, string | number | null>>;
/** Change the address of the map in parts. */
export const changeMap = (patch: Change) => {
  replace(href('map', { ...Object.fromEntries(route.value.query), ...patch }));
};

export const COLOURINGS = ['genre', 'year', 'popularity'] as const;
export type Colouring = (typeof COLOURINGS)[number];

interface Look {
  /** The colour of each movie, as a place in `legend`. */
  readonly classes: Uint8Array;
  /** Names and the classes of the stylesheet that give their colours. */
  readonly legend: readonly { name: string; hue: string }[];
}

const N_HUES = 8;
const DECADES = [1950, 1970, 1980, 1990, 2000];
const COUNTS = [3, 10, 30, 100, 300];
const N_POLES = 3;
const N_GENRES_AT_POLE = 3;
/** The share of movies, by number of ratings, that speak for an axis: little known ones are mostly noise. */
const SPEAKING = 0.05;

/** Pixels: how much a movie is rated shows a little in its size. */
export const RADIUS = (n: number) => 1 + Math.min(3, Math.floor(Math.log10(n)));

export function colouring(map: MovieMap, by: Colouring): Look {
  if (by === 'genre') return byGenre(map);
  const steps = by === 'year' ? DECADES : COUNTS;
  const values = by === 'year' ? map.years : map.n_ratings;
  const names = [...steps, null].map((step, i) => texts.map.step(steps[i - 1] ?? null, step));
  const legend = names.map((name, i) => ({ name, hue: `ramp-${i}` }));
  const unknown = { name: texts.map.unknown, hue: 'hue-other' };
  const classes = Uint8Array.from(values, (value) =>
    value === null ? legend.length : steps.filter((step) => step <= value).length,
  );
  return { classes, legend: values.includes(null) ? [...legend, unknown] : legend };
}

/** By the rarest of a movie's genres that has a colour: "Animation" tells more than "Comedy". */
function byGenre({ genre_names, genres }: MovieMap): Look {
  const counts = genre_names.map((_, genre) => genres.filter((mine) => mine.includes(genre)).length);
  const order = genre_names.map((_, genre) => genre).sort((a, b) => (counts[b] ?? 0) - (counts[a] ?? 0));
  const coloured = order.slice(0, N_HUES);
  const classes = Uint8Array.from(genres, (mine) => {
    const rarest = coloured.findLastIndex((genre) => mine.includes(genre));
    return rarest < 0 ? coloured.length : rarest;
  });
  const legend = coloured.map((genre, i) => ({ name: genre_names[genre] ?? '', hue: `hue-${i}` }));
  return { classes, legend: [...legend, { name: texts.map.other, hue: 'hue-other' }] };
}

interface Centre {
  readonly name: string;
  readonly place: readonly number[];
}

/** The middle of the movies of each genre. */
export function genreCentres({ genre_names, genres, coordinates }: MovieMap): Centre[] {
  return genre_names.flatMap((name, genre) => {
    const members = genres.flatMap((mine, i) => (mine.includes(genre) ? i : []));
    const mean = (column: readonly number[]) => members.reduce((sum, i) => sum + (column[i] ?? 0), 0) / members.length;
    return members.length > 0 ? { name, place: coordinates.map(mean) } : [];
  });
}

interface Pole {
  readonly genres: readonly string[];
  readonly ids: readonly number[];
}

/** The genres and the most rated movies at both ends of each axis, outermost first. */
export function poles(map: MovieMap, centres: readonly Centre[]): { low: Pole; high: Pole }[] {
  const known = map.ids.map((_, i) => i).sort((a, b) => (map.n_ratings[b] ?? 0) - (map.n_ratings[a] ?? 0));
  const speaking = known.slice(0, Math.max(2 * N_POLES, Math.round(SPEAKING * known.length)));
  return map.coordinates.map((column, axis) => {
    const movies = [...speaking].sort((a, b) => (column[a] ?? 0) - (column[b] ?? 0)).map((i) => map.ids[i] ?? 0);
    const names = [...centres].sort((a, b) => (a.place[axis] ?? 0) - (b.place[axis] ?? 0)).map(({ name }) => name);
    const end = (ids: readonly number[], genres: readonly string[]): Pole => ({
      ids: ids.slice(0, N_POLES),
      genres: genres.slice(0, N_GENRES_AT_POLE),
    });
    return { low: end(movies, names), high: end(movies.toReversed(), names.toReversed()) };
  });
}
