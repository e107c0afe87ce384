/** Posters without pictures: colours, pattern and lettering that follow from a movie's id and genres. */

import { type Layer, MOTIFS, type MotifName } from './motifs';

/** Background, text, and two colours for shapes; text on background has at least 4.5 : 1. */
type Palette = readonly [paper: string, ink: string, first: string, second: string];

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
type Face = 'narrow' | 'sans' | 'serif' | 'mono';

const style = (motifs: MotifName[], palettes: PaletteName[], faces: Face[]) => ({ motifs, palettes, faces });

/** The most telling genre first: a western comedy looks like a western. */
const STYLES = {
  'Film-Noir': style(['blinds'], ['noir', 'slate'], ['narrow', 'serif']),
  Western: style(['mesas', 'rays'], ['desert', 'sunset', 'mars'], ['narrow']),
  Horror: style(['teeth', 'rings'], ['blood', 'poison', 'noir'], ['narrow']),
  Musical: style(['keys', 'rays'], ['candy', 'grape', 'lemon'], ['sans', 'serif']),
  'Sci-Fi': style(['orbit', 'halftone'], ['cosmos', 'neon', 'steel', 'mars'], ['mono', 'sans']),
  War: style(['chevrons', 'blocks'], ['olive', 'slate', 'brick'], ['narrow']),
  Documentary: style(['halftone', 'lines'], ['bone', 'slate', 'field', 'cream'], ['mono', 'sans']),
  Animation: style(['bubbles', 'tiles', 'scallops'], ['sky', 'mint', 'lemon', 'candy'], ['sans']),
  Fantasy: style(['moon', 'waves', 'arches'], ['grape', 'forest', 'lagoon'], ['serif']),
  Mystery: style(['rings', 'arches'], ['steel', 'plum', 'forest'], ['serif', 'narrow']),
  Children: style(['bubbles', 'scallops'], ['sky', 'lemon', 'mint'], ['sans']),
  Crime: style(['blinds', 'blocks', 'stripes'], ['brick', 'steel', 'noir', 'tomato'], ['narrow', 'sans']),
  Romance: style(['lens', 'waves'], ['rose', 'plum', 'candy', 'sunset'], ['serif']),
  Thriller: style(['rings', 'stripes', 'lines'], ['steel', 'tomato', 'noir', 'ocean'], ['narrow', 'sans']),
  Adventure: style(['peaks', 'waves'], ['ocean', 'forest', 'sunset', 'lagoon'], ['narrow', 'sans']),
  Action: style(['stripes', 'rays', 'chevrons'], ['tomato', 'steel', 'mars', 'cosmos'], ['narrow']),
  Comedy: style(
    ['scallops', 'tiles', 'rays', 'bubbles'],
    ['lemon', 'mint', 'candy', 'sky', 'cream'],
    ['sans', 'narrow'],
  ),
  Drama: style(
    ['blocks', 'tiles', 'lens', 'arches', 'waves'],
    ['bone', 'ocean', 'slate', 'plum', 'cream', 'teal', 'forest'],
    ['serif', 'narrow', 'sans'],
  ),
};
const OTHER = style(['tiles', 'halftone'], ['bone', 'slate', 'cream'], ['sans']);

/** Width of an average letter, capitals in the narrow face, in parts of the type size. */
const LETTER: Record<Face, number> = { narrow: 0.61, sans: 0.58, serif: 0.53, mono: 0.57 };

export interface Poster {
  readonly palette: Palette;
  readonly layers: readonly Layer[];
  readonly face: Face;
  readonly isTitleFirst: boolean;
  /** Type size, in hundredths of the poster's width. */
  readonly titleSize: number;
}

export function posterOf(movie: { id: number; genres: readonly string[] }, title: string): Poster {
  const { motifs, palettes, faces } =
    Object.entries(STYLES).find(([genre]) => movie.genres.includes(genre))?.[1] ?? OTHER;
  const random = sequence(movie.id);
  const face = pick(faces, random);
  return {
    palette: PALETTES[pick(palettes, random)],
    face,
    isTitleFirst: random() < 0.35,
    titleSize: titleSize(title, face),
    layers: MOTIFS[pick(motifs, random)]((low, high) => low + random() * (high - low)),
  };
}

/** The largest size at which the longest word and four lines fit. */
export function titleSize(title: string, face: Face): number {
  const longestWord = Math.max(1, ...title.split(/\s+/).map(widthOf));
  const letter = LETTER[face];
  const byWord = 80 / (letter * longestWord); // of 84: letters are wider here and narrower there
  const byArea = Math.sqrt((84 * 50) / (letter * 1.15 * Math.max(1, title.length)));
  return Math.round(Math.max(7, Math.min(17, byWord, byArea)) * 10) / 10;
}

/** In average letters: M and W take the room of one and a half. */
function widthOf(word: string): number {
  return word.length + (word.match(/[mw]/gi)?.length ?? 0) / 2;
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
