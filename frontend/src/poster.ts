/** Posters without pictures: colours, pattern and lettering that follow from a movie's id and genres. */

import { type Layer, MOTIFS, type MotifName } from './motifs';

/** Background, text, and two colours for shapes; text on background has at least 4.5 : 1. */
export type Palette = readonly [paper: string, ink: string, first: string, second: string];

export const PALETTES = {
  noir: ['#17171b', '#f2ede4', '#84848c', '#d8d2c4'],
  blood: ['#1a0d10', '#f7e8dc', '#c4192d', '#651424'],
  poison: ['#0f231b', '#e9f5dc', '#7fc241', '#2c5f42'],
  cosmos: ['#0f1740', '#f0f1ff', '#5b7cfa', '#f4c95d'],
  neon: ['#1c1038', '#f7ecff', '#ff4fa3', '#33d6d6'],
  mars: ['#3a0f0a', '#ffe9d6', '#f0693a', '#f9b44d'],
  desert: ['#e8b45a', '#33150a', '#b5461f', '#f9e8c3'],
  sunset: ['#f08a4b', '#2a0f1f', '#b3264a', '#ffd37a'],
  ocean: ['#0c3b4f', '#eaf6f4', '#37a6a0', '#f2c14e'],
  lagoon: ['#bfe3dc', '#0d2f3a', '#1b7f8c', '#f26b4e'],
  forest: ['#1e3d2b', '#f3efd8', '#6fa95b', '#e6b84c'],
  field: ['#dfe3b6', '#26331a', '#6d8f3a', '#c2562d'],
  lemon: ['#ffd84d', '#23180a', '#e8503a', '#2f6fb3'],
  candy: ['#ff8fa3', '#2d0b1e', '#fff1d0', '#5a2a82'],
  mint: ['#a8e6c1', '#14332b', '#ff6f59', '#2b59c3'],
  sky: ['#8fc7f2', '#0e2340', '#f7f3e3', '#f25f4c'],
  brick: ['#a83428', '#fff1df', '#f4b860', '#2c1a1d'],
  plum: ['#4a1942', '#fbe9f0', '#d1497a', '#f0b7a1'],
  rose: ['#f3c6cf', '#45102a', '#c43e63', '#fff3ea'],
  bone: ['#efe6d5', '#211c16', '#d1512d', '#2f4858'],
  slate: ['#34404f', '#f3f1ea', '#c9a66b', '#8fa3b5'],
  olive: ['#4b5320', '#f4efd5', '#b7a257', '#22260f'],
  steel: ['#1d2b36', '#eef3f5', '#f25c3b', '#6f8fa3'],
  grape: ['#2b1b5a', '#f2ecff', '#9d6bff', '#ffc857'],
  tomato: ['#e2452f', '#1f0806', '#ffd9a0', '#7a1420'],
  cream: ['#f7ecd0', '#1f2a44', '#2a6f97', '#e07a3f'],
  teal: ['#0f5257', '#fff6e9', '#f4a259', '#8cb369'],
} as const satisfies Record<string, Palette>;

type PaletteName = keyof typeof PALETTES;
export type Face = 'narrow' | 'sans' | 'serif' | 'mono';

interface Style {
  readonly motifs: readonly MotifName[];
  readonly palettes: readonly PaletteName[];
  readonly faces: readonly Face[];
}

/** The most telling genre first: a western comedy looks like a western. */
const STYLES: Readonly<Record<string, Style>> = {
  'Film-Noir': { motifs: ['blinds'], palettes: ['noir', 'slate'], faces: ['narrow', 'serif'] },
  Western: { motifs: ['mesas', 'rays'], palettes: ['desert', 'sunset', 'mars'], faces: ['narrow'] },
  Horror: { motifs: ['teeth', 'rings'], palettes: ['blood', 'poison', 'noir'], faces: ['narrow'] },
  Musical: {
    motifs: ['keys', 'rays'],
    palettes: ['candy', 'grape', 'lemon'],
    faces: ['sans', 'serif'],
  },
  'Sci-Fi': {
    motifs: ['orbit', 'halftone'],
    palettes: ['cosmos', 'neon', 'steel'],
    faces: ['mono', 'sans'],
  },
  War: { motifs: ['chevrons', 'blocks'], palettes: ['olive', 'slate', 'brick'], faces: ['narrow'] },
  Documentary: {
    motifs: ['halftone', 'lines'],
    palettes: ['bone', 'slate', 'field', 'cream'],
    faces: ['mono', 'sans'],
  },
  Animation: {
    motifs: ['bubbles', 'tiles', 'scallops'],
    palettes: ['sky', 'mint', 'lemon', 'candy'],
    faces: ['sans'],
  },
  Fantasy: {
    motifs: ['moon', 'waves', 'arches'],
    palettes: ['grape', 'forest', 'lagoon'],
    faces: ['serif'],
  },
  Mystery: {
    motifs: ['rings', 'arches'],
    palettes: ['steel', 'plum', 'forest'],
    faces: ['serif', 'narrow'],
  },
  Children: {
    motifs: ['bubbles', 'scallops'],
    palettes: ['sky', 'lemon', 'mint'],
    faces: ['sans'],
  },
  Crime: {
    motifs: ['blinds', 'blocks', 'stripes'],
    palettes: ['brick', 'steel', 'noir', 'tomato'],
    faces: ['narrow', 'sans'],
  },
  Romance: {
    motifs: ['lens', 'waves'],
    palettes: ['rose', 'plum', 'candy', 'sunset'],
    faces: ['serif'],
  },
  Thriller: {
    motifs: ['rings', 'stripes', 'lines'],
    palettes: ['steel', 'tomato', 'noir', 'ocean'],
    faces: ['narrow', 'sans'],
  },
  Adventure: {
    motifs: ['peaks', 'waves'],
    palettes: ['ocean', 'forest', 'sunset', 'lagoon'],
    faces: ['narrow', 'sans'],
  },
  Action: {
    motifs: ['stripes', 'rays', 'chevrons'],
    palettes: ['tomato', 'steel', 'mars', 'cosmos'],
    faces: ['narrow'],
  },
  Comedy: {
    motifs: ['scallops', 'tiles', 'rays', 'bubbles'],
    palettes: ['lemon', 'mint', 'candy', 'sky', 'cream'],
    faces: ['sans', 'narrow'],
  },
  Drama: {
    motifs: ['blocks', 'tiles', 'lens', 'arches', 'waves'],
    palettes: ['bone', 'ocean', 'slate', 'plum', 'cream', 'teal', 'forest'],
    faces: ['serif', 'narrow', 'sans'],
  },
};
const OTHER: Style = {
  motifs: ['tiles', 'halftone'],
  palettes: ['bone', 'slate', 'cream'],
  faces: ['sans'],
};

/** Width of an average capital or letter, in parts of the type size. */
const LETTER: Record<Face, number> = { narrow: 0.53, sans: 0.6, serif: 0.52, mono: 0.62 };

export interface Poster {
  readonly palette: Palette;
  readonly layers: readonly Layer[];
  readonly face: Face;
  readonly isTitleFirst: boolean;
  /** Type size, in hundredths of the poster's width. */
  readonly titleSize: number;
}

export function posterOf(movie: { id: number; genres: readonly string[] }, title: string): Poster {
  const style = Object.entries(STYLES).find(([genre]) => movie.genres.includes(genre))?.[1] ?? OTHER;
  const random = sequence(movie.id);
  const face = pick(style.faces, random);
  return {
    palette: PALETTES[pick(style.palettes, random)],
    face,
    isTitleFirst: random() < 0.35,
    titleSize: titleSize(title, face),
    layers: MOTIFS[pick(style.motifs, random)](random),
  };
}

/** As large as the longest word and four lines allow. */
export function titleSize(title: string, face: Face): number {
  const longestWord = Math.max(1, ...title.split(/\s+/).map((word) => word.length));
  const letter = LETTER[face];
  const byWord = 84 / (letter * longestWord);
  const byArea = Math.sqrt((84 * 50) / (letter * 1.15 * Math.max(1, title.length)));
  return Math.round(Math.max(7, Math.min(17, byWord, byArea)) * 10) / 10;
}

function pick<T>(options: readonly T[], random: () => number): T {
  return options[Math.floor(random() * options.length)] as T;
}

/** Numbers in [0, 1) that depend on the seed alone (mulberry32). */
export function sequence(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
