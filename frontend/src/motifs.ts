/** The drawings on posters: a few flat shapes on a field of 200 by 200, varied by random numbers. */

export type Tint = 'paper' | 'ink' | 'first' | 'second';

export interface Layer {
  readonly d: string;
  readonly tint: Tint;
  readonly opacity?: number;
  /** Draw the outline with this width instead of filling. */
  readonly stroke?: number;
}

type Random = () => number;
type Motif = (random: Random) => Layer[];
type Point = readonly [x: number, y: number];

const SIZE = 200;
const n = (value: number) => Math.round(value * 10) / 10;
const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const between = (random: Random, low: number, high: number) => low + random() * (high - low);

const circle = (x: number, y: number, r: number) =>
  `M${n(x - r)} ${n(y)}a${n(r)} ${n(r)} 0 1 0 ${n(2 * r)} 0a${n(r)} ${n(r)} 0 1 0 ${n(-2 * r)} 0z`;
const rect = (x: number, y: number, w: number, h: number) => `M${n(x)} ${n(y)}h${n(w)}v${n(h)}h${n(-w)}z`;
const polygon = (points: readonly Point[]) => `M${points.map(([x, y]) => `${n(x)} ${n(y)}`).join('L')}z`;
const tint = (i: number): Tint => (i % 2 === 0 ? 'first' : 'second');

const rays: Motif = (random) => {
  const [x, y] = [between(random, 60, 140), between(random, 70, 150)];
  const count = 9 + Math.floor(random() * 6);
  const turn = random() * Math.PI;
  const at = (step: number): Point => {
    const angle = turn + (step * Math.PI) / count;
    return [x + 300 * Math.cos(angle), y + 300 * Math.sin(angle)];
  };
  const wedges = range(count).map((i) => polygon([[x, y], at(2 * i), at(2 * i + 1)]));
  return [
    { d: wedges.join(''), tint: 'first' },
    { d: circle(x, y, between(random, 30, 52)), tint: 'second' },
  ];
};

const rings: Motif = (random) => {
  const angle = random() * 2 * Math.PI;
  return range(7).map((i) => {
    const r = 112 - 16 * i;
    const shift = i * 5.5;
    const d = circle(100 + shift * Math.cos(angle), 100 + shift * Math.sin(angle), r);
    return { d, tint: i === 6 ? 'second' : i % 2 === 0 ? 'first' : 'paper' };
  });
};

const stripes: Motif = (random) => {
  const lean = between(random, 50, 130) * (random() < 0.5 ? -1 : 1);
  const layers: Layer[] = [];
  for (let x = -140, i = 0; x < 330; i += 1) {
    const width = between(random, 8, 38);
    const d = polygon([
      [x, SIZE],
      [x + width, SIZE],
      [x + width + lean, 0],
      [x + lean, 0],
    ]);
    layers.push({ d, tint: i % 5 === 3 ? 'ink' : tint(i) });
    x += width + between(random, 8, 26);
  }
  return layers;
};

const ridge = (random: Random, top: number, height: number, isFlat: boolean): string => {
  const points: Point[] = [[-5, SIZE + 5]];
  for (let x = -10; x < SIZE + 20; ) {
    const width = between(random, 28, 60);
    const [low, high] = [top + height, top + random() * height * 0.5];
    points.push([x, low], [x + width * (isFlat ? 0.15 : 0.5), high]);
    if (isFlat) points.push([x + width * 0.85, high], [x + width, low]);
    x += width;
  }
  return polygon([...points, [SIZE + 30, SIZE + 5]]);
};

const landscape =
  (isFlat: boolean): Motif =>
  (random) => [
    {
      d: circle(between(random, 50, 150), between(random, 55, 95), between(random, 26, 46)),
      tint: 'second',
    },
    { d: ridge(random, 70, 60, isFlat), tint: 'first', opacity: 0.55 },
    { d: ridge(random, 110, 45, isFlat), tint: 'first' },
    { d: ridge(random, 150, 35, isFlat), tint: 'ink', opacity: 0.85 },
  ];

const scallops: Motif = (random) => {
  const r = between(random, 20, 30);
  const layers: Layer[] = [];
  for (let y = -r, row = 0; y < SIZE + r; y += r / 1.6, row += 1) {
    const xs = range(Math.ceil(SIZE / r / 2) + 2).map((i) => (i - (row % 2 ? 0.5 : 1)) * 2 * r + r);
    const draw = (size: number) => xs.map((x) => circle(x, y + r, size)).join('');
    layers.push(
      { d: draw(r), tint: 'paper' },
      { d: draw(r * 0.9), tint: tint(row) },
      { d: draw(r * 0.58), tint: 'paper' },
      { d: draw(r * 0.34), tint: tint(row + 1) },
    );
  }
  return layers;
};

const bubbles: Motif = (random) =>
  range(11).map((i) => ({
    d: circle(random() * SIZE, random() * SIZE, between(random, 9, 58 - 3 * i)),
    tint: i % 4 === 3 ? 'ink' : tint(i),
    opacity: i % 4 === 3 ? 0.9 : 0.82,
  }));

const blinds: Motif = (random) => {
  const lean = between(random, -26, 26);
  const slats = range(13).map((i) => {
    const y = i * 17 - 12;
    return polygon([
      [-5, y - lean],
      [SIZE + 5, y + lean],
      [SIZE + 5, y + lean + 6],
      [-5, y - lean + 6],
    ]);
  });
  return [
    { d: rect(0, 0, SIZE, SIZE), tint: 'first', opacity: 0.3 },
    {
      d: circle(between(random, 70, 130), between(random, 80, 120), between(random, 56, 74)),
      tint: 'second',
    },
    {
      d: polygon([
        [between(random, 60, 110), 40],
        [150, SIZE + 5],
        [40, SIZE + 5],
      ]),
      tint: 'paper',
    },
    { d: slats.join(''), tint: 'paper' },
  ];
};

const orbit: Motif = (random) => {
  const [x, y, r] = [between(random, 70, 130), between(random, 80, 120), between(random, 34, 50)];
  const tilt = between(random, -0.5, 0.5);
  const ring = (size: number) => {
    const [dx, dy] = [size * Math.cos(tilt), size * Math.sin(tilt)];
    const arc = `A${n(size)} ${n(size * 0.3)} ${n((tilt * 180) / Math.PI)} 0 0`;
    return `M${n(x - dx)} ${n(y - dy)}${arc} ${n(x + dx)} ${n(y + dy)}${arc} ${n(x - dx)} ${n(y - dy)}z`;
  };
  const stars = range(26).map(() => circle(random() * SIZE, random() * SIZE, between(random, 0.6, 1.8)));
  const moon = circle(x + 1.5 * r * Math.cos(tilt + 4), y + 1.5 * r * Math.sin(tilt + 4), r / 4);
  return [
    { d: stars.join(''), tint: 'ink' },
    { d: circle(x, y, r * 1.9), tint: 'first', opacity: 0.16 },
    { d: circle(x, y, r), tint: 'first' },
    { d: ring(r * 1.65), tint: 'second', stroke: 5 },
    { d: ring(r * 2.1), tint: 'ink', stroke: 1.2 },
    { d: moon, tint: 'second' },
  ];
};

const teeth: Motif = (random) => {
  const count = 5 + Math.floor(random() * 4);
  const width = SIZE / count;
  const row = (base: number, sign: number) =>
    range(count + 1)
      .map((i) => {
        const x = (i - 0.5) * width;
        return polygon([
          [x, base],
          [x + width, base],
          [x + width / 2, base + sign * between(random, 45, 82)],
        ]);
      })
      .join('');
  const [x, y] = [between(random, 80, 120), 100];
  return [
    { d: rect(0, 0, SIZE, SIZE), tint: 'second', opacity: 0.55 },
    { d: circle(x, y, 40), tint: 'ink', opacity: 0.92 },
    { d: circle(x, y, 23), tint: 'first' },
    { d: circle(x, y, 10), tint: 'paper' },
    { d: row(-2, 1) + row(SIZE + 2, -1), tint: 'first' },
  ];
};

const lens: Motif = (random) => {
  const r = between(random, 50, 62);
  const apart = r * between(random, 0.45, 0.75);
  const half = Math.sqrt(r * r - apart * apart);
  const arc = `A${n(r)} ${n(r)} 0 0 1`;
  return [
    { d: circle(100 - apart, 100, r), tint: 'first' },
    { d: circle(100 + apart, 100, r), tint: 'second' },
    {
      d: `M100 ${n(100 - half)}${arc} 100 ${n(100 + half)}${arc} 100 ${n(100 - half)}z`,
      tint: 'ink',
    },
    {
      d: circle(between(random, 20, 180), between(random, 14, 30), between(random, 5, 11)),
      tint: 'ink',
    },
  ];
};

const QUARTERS = [
  'h50a50 50 0 0 1-50 50z',
  'h50v50a50 50 0 0 1-50-50z',
  'm50 50h-50a50 50 0 0 1 50-50z',
  'm0 50v-50a50 50 0 0 1 50 50z',
];

const tiles: Motif = (random) =>
  range(16).flatMap((i): Layer[] => {
    const [x, y] = [(i % 4) * 50, Math.floor(i / 4) * 50];
    const tints: Tint[] = ['first', 'second', 'ink', 'paper'];
    const [ground, shape] = [tints[Math.floor(random() * 4)], tints[Math.floor(random() * 4)]];
    const isRound = random() < 0.2;
    const d = isRound ? circle(x + 25, y + 25, 25) : `M${x} ${y}${QUARTERS[Math.floor(random() * 4)]}`;
    return [
      { d: rect(x, y, 50, 50), tint: ground ?? 'paper' },
      { d, tint: shape === ground ? 'paper' : (shape ?? 'ink') },
    ];
  });

const blocks: Motif = (random) => {
  const count = 4 + Math.floor(random() * 3);
  const width = SIZE / count;
  return range(count).map((i): Layer => {
    const [top, bottom] = [between(random, 8, 110), between(random, 130, 205)];
    const lean = () => between(random, -9, 9);
    const [left, right] = [i * width + 3, (i + 1) * width - 3];
    const d = polygon([
      [left + lean(), top + lean()],
      [right, top + lean()],
      [right + lean(), bottom + lean()],
      [left, bottom + lean()],
    ]);
    return { d, tint: i === count >> 1 ? 'ink' : tint(i) };
  });
};

const wave = (y: number, height: number, phase: number) => {
  const crests = range(6).map((i) => `q25 ${i % 2 ? -height : height} 50 0`);
  return `M${n(-80 + phase)} ${n(y)}${crests.join('')}V${SIZE + 20}H-90z`;
};

const waves: Motif = (random) => [
  {
    d: circle(between(random, 50, 150), between(random, 45, 75), between(random, 22, 40)),
    tint: 'second',
  },
  ...range(6).map(
    (i): Layer => ({
      d: wave(82 + i * 20, between(random, 16, 34), random() * 50),
      tint: i % 3 === 2 ? 'second' : i % 3 === 1 ? 'paper' : 'first',
    }),
  ),
];

const halftone: Motif = (random) => {
  const [x, y] = [between(random, 40, 160), between(random, 40, 160)];
  const dots = range(169).map((i) => {
    const [cx, cy] = [(i % 13) * 16 + 4, Math.floor(i / 13) * 16 + 4];
    return circle(cx, cy, Math.max(1, 9.4 - Math.hypot(cx - x, cy - y) / 16));
  });
  return [
    { d: circle(SIZE - x, SIZE - y, between(random, 28, 50)), tint: 'second' },
    { d: dots.join(''), tint: 'first' },
  ];
};

const lines: Motif = (random) => [
  {
    d: circle(between(random, 60, 140), between(random, 60, 140), between(random, 40, 62)),
    tint: 'second',
  },
  ...range(15).map((i): Layer => {
    const start = between(random, -20, 120);
    return {
      d: rect(start, 8 + i * 13, between(random, 40, 150), 5),
      tint: i % 4 === 1 ? 'ink' : 'first',
    };
  }),
];

const chevrons: Motif = (random) => {
  const [x, thick] = [between(random, 80, 120), between(random, 15, 22)];
  return range(7).map((i): Layer => {
    const y = i * thick * 1.75 - 30;
    const d = polygon([
      [-5, y],
      [x, y + 60],
      [SIZE + 5, y],
      [SIZE + 5, y + thick],
      [x, y + 60 + thick],
      [-5, y + thick],
    ]);
    return { d, tint: i === 3 ? 'ink' : tint(i) };
  });
};

const keys: Motif = (random) => {
  const count = 9 + Math.floor(random() * 5);
  const width = SIZE / count;
  return range(count).map((i): Layer => {
    const height = between(random, 30, 92);
    const d = `M${n((i + 0.5) * width)} ${n(100 - height)}V${n(100 + height)}`;
    return { d, tint: i % 4 === 2 ? 'ink' : tint(i), stroke: n(width * 0.62) };
  });
};

const arches: Motif = (random) => {
  const x = between(random, 85, 115);
  const tints: Tint[] = ['first', 'paper', 'second', 'ink', 'paper'];
  return tints.map((name, i) => {
    const [r, top] = [82 - i * 17, 104 + i * 7];
    return { d: `M${n(x - r)} 210V${top}a${r} ${r} 0 0 1 ${2 * r} 0V210z`, tint: name };
  });
};

const moon: Motif = (random) => {
  const [x, y, r] = [between(random, 75, 125), between(random, 62, 84), between(random, 36, 48)];
  const side = random() < 0.5 ? -1 : 1;
  const stars = range(18).map(() => circle(random() * SIZE, random() * 130, between(random, 0.8, 2.4)));
  return [
    { d: stars.join(''), tint: 'ink' },
    { d: circle(x, y, r), tint: 'second' },
    { d: circle(x + side * r * 0.45, y - r * 0.2, r * 0.86), tint: 'paper' },
    { d: wave(140, 30, random() * 50), tint: 'first', opacity: 0.6 },
    { d: wave(164, 26, random() * 50), tint: 'first' },
  ];
};

export const MOTIFS = {
  rays,
  rings,
  stripes,
  scallops,
  bubbles,
  blinds,
  orbit,
  teeth,
  lens,
  tiles,
  blocks,
  waves,
  halftone,
  lines,
  chevrons,
  keys,
  arches,
  moon,
  peaks: landscape(false),
  mesas: landscape(true),
} satisfies Record<string, Motif>;

export type MotifName = keyof typeof MOTIFS;
