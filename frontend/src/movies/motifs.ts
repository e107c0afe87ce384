/** The drawings on posters: a few flat shapes on a field of 200 by 200, varied by random numbers. */

type Tint = 'paper' | 'ink' | 'first' | 'second';

export interface Layer {
  readonly d: string;
  readonly tint: Tint;
  readonly opacity?: number;
  /** Draw the outline with this width instead of filling. */
  readonly stroke?: number;
}

type Random = (low: number, high: number) => number;
type Motif = (random: Random) => Layer[];

/** A path whose numbers are rounded to tenths. */
function path(words: TemplateStringsArray, ...values: number[]): string {
  return String.raw({ raw: words }, ...values.map((value) => Math.round(value * 10) / 10));
}

const range = (count: number) => Array.from({ length: Math.trunc(count) }, (_, i) => i);
const circle = (x: number, y: number, r: number) =>
  path`M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
const rect = (x: number, y: number, w: number, h: number) => path`M${x} ${y}h${w}v${h}h${-w}z`;
const layer = (tint: Tint, d: string | string[], opacity?: number): Layer => ({
  tint,
  d: [d].flat().join(''),
  ...(opacity !== undefined && { opacity }),
});
const alternate = (i: number): Tint => (i % 2 === 0 ? 'first' : 'second');

const rays: Motif = (random) => {
  const [x, y, turn, count] = [random(60, 140), random(70, 150), random(0, Math.PI), Math.trunc(random(9, 15))];
  const to = (step: number): [number, number] => {
    const angle = turn + (step * Math.PI) / count;
    return [x + 300 * Math.cos(angle), y + 300 * Math.sin(angle)];
  };
  const wedges = range(count).map(
    (i) => path`M${x} ${y}L${to(2 * i)[0]} ${to(2 * i)[1]} ${to(2 * i + 1)[0]} ${to(2 * i + 1)[1]}z`,
  );
  return [layer('first', wedges), layer('second', circle(x, y, random(30, 52)))];
};

const rings: Motif = (random) => {
  const angle = random(0, 2 * Math.PI);
  return range(7).map((i) => {
    const [dx, dy] = [5.5 * i * Math.cos(angle), 5.5 * i * Math.sin(angle)];
    return layer(i === 6 ? 'second' : i % 2 ? 'paper' : 'first', circle(100 + dx, 100 + dy, 112 - 16 * i));
  });
};

const stripes: Motif = (random) => {
  const lean = random(50, 130) * Math.sign(random(-1, 1));
  let x = -150;
  return range(13).map((i) => {
    const [start, width] = [x, random(8, 38)];
    x += width + random(8, 26);
    return layer(i % 5 === 3 ? 'ink' : alternate(i), path`M${start} 200h${width}l${lean} -200h${-width}z`);
  });
};

const ridge = (random: Random, top: number, height: number, flat: number) => {
  const hills = range(8).map(() => {
    const [width, high] = [random(28, 56), random(0.5, 1) * height];
    const slope = (width * (1 - flat)) / 2;
    return path`l${slope} ${-high}h${width * flat}l${slope} ${high}`;
  });
  return `${path`M-12 ${top + height}`}${hills.join('')}V205H-12z`;
};
const landscape =
  (flat: number): Motif =>
  (random) => [
    layer('second', circle(random(50, 150), random(55, 95), random(26, 46))),
    layer('first', ridge(random, 66, 64, flat), 0.55),
    layer('first', ridge(random, 108, 46, flat)),
    layer('ink', ridge(random, 150, 32, flat), 0.85),
  ];

const scallops: Motif = (random) => {
  const r = random(20, 30);
  return range(330 / r).flatMap((row) => {
    const xs = range(100 / r + 3).map((i) => (2 * i - (row % 2)) * r);
    const discs = (size: number) => xs.map((x) => circle(x, (row * r) / 1.6, size * r));
    return [
      layer('paper', discs(1)),
      layer(alternate(row), discs(0.9)),
      layer('paper', discs(0.58)),
      layer(alternate(row + 1), discs(0.34)),
    ];
  });
};

const bubbles: Motif = (random) =>
  range(11).map((i) =>
    layer(i % 4 === 3 ? 'ink' : alternate(i), circle(random(0, 200), random(0, 200), random(9, 58 - 3 * i)), 0.85),
  );

const blinds: Motif = (random) => {
  const lean = random(-26, 26);
  const slats = range(13).map(
    (i) => path`M-5 ${17 * i - 12 - lean}L205 ${17 * i - 12 + lean}v6L-5 ${17 * i - 6 - lean}z`,
  );
  return [
    layer('first', rect(0, 0, 200, 200), 0.3),
    layer('second', circle(random(70, 130), random(80, 120), random(56, 74))),
    layer('paper', path`M${random(60, 120)} 40L150 205H40z`),
    layer('paper', slats),
  ];
};

const orbit: Motif = (random) => {
  const [x, y, r, tilt] = [random(70, 130), random(80, 120), random(34, 50), random(-0.5, 0.5)];
  const ring = (size: number) => {
    const [dx, dy, turn] = [size * Math.cos(tilt), size * Math.sin(tilt), (tilt * 180) / Math.PI];
    const half = (sign: number) => path`a${size} ${size * 0.3} ${turn} 0 0 ${2 * sign * dx} ${2 * sign * dy}`;
    return path`M${x - dx} ${y - dy}` + half(1) + half(-1);
  };
  const stars = range(26).map(() => circle(random(0, 200), random(0, 200), random(0.6, 1.8)));
  return [
    layer('ink', stars),
    layer('first', circle(x, y, r * 1.9), 0.16),
    layer('first', circle(x, y, r)),
    { ...layer('second', ring(r * 1.65)), stroke: 5 },
    { ...layer('ink', ring(r * 2.1)), stroke: 1.2 },
    layer('second', circle(x + 1.5 * r * Math.cos(tilt + 4), y + 1.5 * r * Math.sin(tilt + 4), r / 4)),
  ];
};

const teeth: Motif = (random) => {
  const [x, width] = [random(80, 120), 200 / Math.trunc(random(5, 9))];
  const row = (y: number, sign: number) =>
    range(200 / width + 1.5).map(
      (i) => path`M${(i - 0.5) * width} ${y}h${width}l${-width / 2} ${sign * random(45, 82)}z`,
    );
  return [
    layer('second', rect(0, 0, 200, 200), 0.55),
    layer('ink', circle(x, 100, 40), 0.92),
    layer('first', circle(x, 100, 23)),
    layer('paper', circle(x, 100, 10)),
    layer('first', [...row(-2, 1), ...row(202, -1)]),
  ];
};

const lens: Motif = (random) => {
  const r = random(50, 62);
  const apart = r * random(0.45, 0.75);
  const half = Math.sqrt(r * r - apart * apart);
  return [
    layer('first', circle(100 - apart, 100, r)),
    layer('second', circle(100 + apart, 100, r)),
    layer('ink', path`M100 ${100 - half}a${r} ${r} 0 0 1 0 ${2 * half}a${r} ${r} 0 0 1 0 ${-2 * half}z`),
    layer('ink', circle(random(20, 180), random(14, 30), random(5, 11))),
  ];
};

const CORNERS = [
  'h50a50 50 0 0 1-50 50z',
  'h50v50a50 50 0 0 1-50-50z',
  'm50 50h-50a50 50 0 0 1 50-50z',
  'm0 50v-50a50 50 0 0 1 50 50z',
];
const TINTS: readonly Tint[] = ['first', 'second', 'ink', 'paper'];

const tiles: Motif = (random) =>
  range(16).flatMap((i) => {
    const [x, y, ground, other] = [(i % 4) * 50, (i >> 2) * 50, Math.trunc(random(0, 4)), Math.trunc(random(1, 4))];
    const shape = random(0, 1) < 0.2 ? circle(x + 25, y + 25, 25) : `M${x} ${y}${CORNERS[Math.trunc(random(0, 4))]}`;
    return [
      layer(TINTS[ground] ?? 'paper', rect(x, y, 50.3, 50.3)),
      layer(TINTS[(ground + other) % 4] ?? 'ink', shape),
    ];
  });

const blocks: Motif = (random) => {
  const count = Math.trunc(random(4, 7));
  const width = 200 / count;
  return range(count).map((i) => {
    const [top, bottom, lean] = [random(8, 110), random(130, 205), () => random(-9, 9)];
    const [left, right] = [i * width + 3, (i + 1) * width - 3];
    const d = path`M${left + lean()} ${top + lean()}L${right} ${top + lean()} ${right + lean()} ${bottom + lean()} ${left} ${bottom + lean()}z`;
    return layer(i === count >> 1 ? 'ink' : alternate(i), d);
  });
};

const wave = (y: number, height: number, phase: number) => {
  const crests = range(6).map((i) => path`q25 ${i % 2 ? -height : height} 50 0`);
  return `${path`M${phase - 80} ${y}`}${crests.join('')}V220H-90z`;
};

const waves: Motif = (random) => [
  layer('second', circle(random(50, 150), random(45, 75), random(22, 40))),
  ...range(6).map((i) =>
    layer((['first', 'paper', 'second'] as const)[i % 3] ?? 'first', wave(82 + i * 20, random(16, 34), random(0, 50))),
  ),
];

const halftone: Motif = (random) => {
  const [x, y] = [random(40, 160), random(40, 160)];
  const dots = range(169).map((i) => {
    const [cx, cy] = [(i % 13) * 16 + 4, Math.trunc(i / 13) * 16 + 4];
    return circle(cx, cy, Math.max(1, 9.4 - Math.hypot(cx - x, cy - y) / 16));
  });
  return [layer('second', circle(200 - x, 200 - y, random(28, 50))), layer('first', dots)];
};

const lines: Motif = (random) => [
  layer('second', circle(random(60, 140), random(60, 140), random(40, 62))),
  ...range(15).map((i) => layer(i % 4 === 1 ? 'ink' : 'first', rect(random(-20, 120), 8 + i * 13, random(40, 150), 5))),
];

const chevrons: Motif = (random) => {
  const [x, thick] = [random(80, 120), random(15, 22)];
  return range(7).map((i) => {
    const y = i * thick * 1.75 - 30;
    return layer(
      i === 3 ? 'ink' : alternate(i),
      path`M-5 ${y}L${x} ${y + 60} 205 ${y}v${thick}L${x} ${y + 60 + thick}-5 ${y + thick}z`,
    );
  });
};

const keys: Motif = (random) => {
  const count = Math.trunc(random(9, 14));
  const width = 200 / count;
  return range(count).map((i) => {
    const half = random(30, 92);
    return layer(i % 4 === 2 ? 'ink' : alternate(i), rect((i + 0.2) * width, 100 - half, 0.6 * width, 2 * half));
  });
};

const arches: Motif = (random) => {
  const x = random(85, 115);
  return (['first', 'paper', 'second', 'ink', 'paper'] as const).map((tint, i) => {
    const r = 82 - i * 17;
    return layer(tint, path`M${x - r} 210V${104 + i * 7}a${r} ${r} 0 0 1 ${2 * r} 0V210z`);
  });
};

const moon: Motif = (random) => {
  const [x, y, r, side] = [random(75, 125), random(62, 84), random(36, 48), Math.sign(random(-1, 1))];
  const stars = range(18).map(() => circle(random(0, 200), random(0, 130), random(0.8, 2.4)));
  return [
    layer('ink', stars),
    layer('second', circle(x, y, r)),
    layer('paper', circle(x + side * r * 0.45, y - r * 0.2, r * 0.86)),
    layer('first', wave(140, 30, random(0, 50)), 0.6),
    layer('first', wave(164, 26, random(0, 50))),
  ];
};

const [peaks, mesas] = [landscape(0), landscape(0.7)];

export const MOTIFS = {
  arches,
  blinds,
  blocks,
  bubbles,
  chevrons,
  halftone,
  keys,
  lens,
  lines,
  mesas,
  moon,
  orbit,
  peaks,
  rays,
  rings,
  scallops,
  stripes,
  teeth,
  tiles,
  waves,
};

export type MotifName = keyof typeof MOTIFS;
