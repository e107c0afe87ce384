import { describe, expect, it } from 'vitest';
import type { MovieMap } from '../api';
import { colouring, genreCentres, poles } from './model-map';

const MAP: MovieMap = {
  model: { id: 1, created_at: '2026-01-01T00:00:00Z' },
  explained: [0.5, 0.2],
  ids: [10, 20, 30, 40],
  coordinates: [
    [-1, 1, 3, -5],
    [2, 0, -2, 0],
  ],
  n_ratings: [5, 400, 12, 1],
  years: [1940, 1995, 2010, null],
  genre_names: ['Animation', 'Drama', 'Western'],
  genres: [[0, 1], [1], [1], []],
};

describe('colours', () => {
  it('show the rarest genre of a movie', () => {
    const { classes, legend } = colouring(MAP, 'genre');
    expect([...classes].map((place) => legend[place]?.name)).toEqual(['Animation', 'Drama', 'Drama', 'Other']);
  });

  it('show years in steps, and say when one is unknown', () => {
    const { classes, legend } = colouring(MAP, 'year');
    expect([...classes]).toEqual([0, 4, 5, 6]);
    expect(legend).toHaveLength(7);
  });

  it('show how often movies are rated', () => {
    expect([...colouring(MAP, 'popularity').classes]).toEqual([1, 5, 2, 0]);
  });
});

describe('axes', () => {
  const centres = genreCentres(MAP);

  it('pass genres where their movies are on average', () => {
    expect(centres).toEqual([
      { name: 'Animation', place: [-1, 2] },
      { name: 'Drama', place: [1, 0] },
    ]);
  });

  it('are told by what stands at their ends', () => {
    const [first, second] = poles(MAP, centres);
    expect(first?.low).toEqual({ ids: [40, 10, 20], genres: ['Animation', 'Drama'] });
    expect(first?.high.ids).toEqual([30, 20, 10]);
    expect(second?.high.ids[0]).toBe(10);
  });
});
