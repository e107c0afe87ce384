import { expect, test } from 'vitest';
import { MOTIFS } from './motifs';
import { PALETTES, posterOf, sequence, titleSize } from './poster-design';

const toyStory = { id: 1, genres: ['Adventure', 'Animation', 'Children', 'Comedy', 'Fantasy'] };

function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

test('the same movie always gets the same poster', () => {
  expect(posterOf(toyStory, 'Toy Story')).toEqual(posterOf({ ...toyStory }, 'Toy Story'));
});

test('movies of one genre get different posters', () => {
  const drawings = Array.from({ length: 50 }, (_, id) => {
    const { palette, layers } = posterOf({ id: id + 1, genres: ['Drama'] }, 'Title');
    return JSON.stringify([palette, layers]);
  });

  expect(new Set(drawings).size).toBe(50);
});

test('the most telling genre decides: a western comedy looks like a western', () => {
  const { palette } = posterOf({ id: 9, genres: ['Comedy', 'Western'] }, 'Blazing Saddles');

  expect([PALETTES.desert, PALETTES.sunset, PALETTES.mars]).toContain(palette);
});

test('a movie without genres has a poster too', () => {
  expect(posterOf({ id: 5, genres: [] }, 'Untitled').layers.length).toBeGreaterThan(0);
});

test.each(Object.entries(PALETTES))('text on %s has a contrast of 4.5 or more', (_, [paper, ink]) => {
  const [dark = 0, light = 0] = [luminance(paper), luminance(ink)].sort((a, b) => a - b);

  expect((light + 0.05) / (dark + 0.05)).toBeGreaterThanOrEqual(4.5);
});

test.each(Object.entries(MOTIFS))('%s draws finite shapes', (_, motif) => {
  const random = sequence(7);
  for (let round = 0; round < 40; round += 1) {
    for (const { d } of motif((low, high) => low + random() * (high - low))) {
      expect(d).toMatch(/^M[-\d .a-zA-Z]+$/);
      expect(d).not.toMatch(/NaN|Infinity|undefined/);
    }
  }
});

test('long titles and long words get smaller letters, within bounds', () => {
  const sizes = ['Heat', 'The Shawshank Redemption', 'Supercalifragilistic', 'x'.repeat(10_000)].map((title) =>
    titleSize(title, 'sans'),
  );

  expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
  expect(sizes[0]).toBe(17);
  expect(sizes[3]).toBe(7);
});
