import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { type Columns, isInside, pan, project, rotate, type Size, type View } from './camera';

/** A place with a name on it. */
export interface Mark {
  readonly place: readonly number[];
  readonly name: string;
  readonly kind: 'chosen' | 'near' | 'genre' | 'me';
}

interface PointCloudProps {
  label: string;
  columns: Columns;
  /** The colour of each point, as a place in `palette`. */
  classes: Uint8Array;
  /** Colours as `rgb(…)`. */
  palette: readonly string[];
  /** In pixels. */
  radii: Uint8Array;
  marks: readonly Mark[];
  view: View;
  isLasso: boolean;
  onView: (view: View) => void;
  onPick: (index: number) => void;
  onLasso: (indices: number[]) => void;
}

const REACH = 10; // pixels from a point within which a click means it
const STEP = 40;
const MOST_RADIUS = 9;
const MOST_PIXELS = 2_000_000; // a larger canvas is drawn coarser: it is filled by hand

/** Points drawn straight into the pixels of a canvas: no WebGL needed, and 60,000 of them move smoothly. */
export function PointCloud(props: PointCloudProps) {
  const { label, columns, classes, palette, radii, marks, view, isLasso, onView, onPick, onLasso } = props;
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  const [loop, setLoop] = useState<readonly [number, number][]>([]);
  const drawn = useRef(loop); // pointers move faster than pages are drawn
  const drag = useRef<{ x: number; y: number; far: number } | null>(null);
  const places = useMemo(() => project(columns, view, size), [columns, view, size]);
  const isTurnable = columns.length > 2;

  useLayoutEffect(() => {
    const { current } = box;
    if (!current) return;
    const watch = new ResizeObserver(() => setSize({ width: current.clientWidth, height: current.clientHeight }));
    watch.observe(current);
    return () => watch.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (canvas.current && size.width > 0) draw(canvas.current, places, size, { classes, palette, radii });
  }, [places, size, classes, palette, radii]);
  // Not passive: the wheel zooms instead of scrolling the page, while the map has the focus.
  useLayoutEffect(() => {
    const { current } = box;
    const zoom = (event: WheelEvent) => {
      if (document.activeElement !== current) return;
      event.preventDefault();
      onView({ ...view, zoom: view.zoom * 1.0015 ** -event.deltaY });
    };
    current?.addEventListener('wheel', zoom, { passive: false });
    return () => current?.removeEventListener('wheel', zoom);
  });

  const onKeyDown = (event: KeyboardEvent) => {
    const next = keyed(view, event.key, isTurnable && !event.shiftKey, size);
    if (!next) return;
    event.preventDefault();
    onView(next);
  };
  const lay = (next: readonly [number, number][]) => {
    drawn.current = next;
    setLoop(next);
  };
  const onPointerMove = (event: PointerEvent) => {
    const from = drag.current;
    if (!from) return;
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
    drag.current = { x: event.clientX, y: event.clientY, far: from.far + Math.abs(dx) + Math.abs(dy) };
    if (isLasso) lay([...drawn.current, [event.offsetX, event.offsetY]]);
    else onView(isTurnable && !event.shiftKey ? rotate(view, dx, dy) : pan(view, dx, dy, size));
  };
  const onPointerUp = (event: PointerEvent) => {
    const far = drag.current?.far ?? 0;
    const { current: lasso } = drawn;
    drag.current = null;
    lay([]);
    if (isLasso && lasso.length > 2) onLasso(within(places, (x, y) => isInside(lasso, x, y)));
    else if (far < 4) {
      const index = nearest(places, event.offsetX, event.offsetY);
      if (index !== null) onPick(index);
    }
  };

  const named = marks.map((mark) => {
    const { x, y } = project(
      mark.place.map((value) => [value]),
      view,
      size,
    );
    return { ...mark, x: x[0] ?? 0, y: y[0] ?? 0 };
  });
  return (
    <div
      class="cloud"
      ref={box}
      role="application"
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: an application is what keys act on
      tabIndex={0}
      data-lasso={isLasso}
      onKeyDown={onKeyDown}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        drag.current = { x: event.clientX, y: event.clientY, far: 0 };
        if (isLasso) lay([[event.offsetX, event.offsetY]]);
      }}
      onPointerMove={onPointerMove}
      onPointerUp={onPointerUp}
    >
      <canvas ref={canvas} />
      <svg class="cloud-marks" width={size.width} height={size.height} aria-hidden="true">
        {loop.length > 1 && <polygon points={loop.map(String).join(' ')} />}
        {named.map(({ name, kind, x, y }) => (
          <g key={`${kind} ${name}`} class={`mark-${kind}`} transform={`translate(${x},${y})`}>
            {kind !== 'genre' && <circle r={kind === 'near' ? 5 : 8} />}
            <text x={x > size.width - 160 ? -12 : 12} y="5" text-anchor={x > size.width - 160 ? 'end' : 'start'}>
              {name}
            </text>
          </g>
        ))}
      </svg>
    </div>
  );
}

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [STEP, 0],
  ArrowRight: [-STEP, 0],
  ArrowUp: [0, STEP],
  ArrowDown: [0, -STEP],
};

function keyed(view: View, key: string, isTurning: boolean, size: Size): View | null {
  if (key === '+' || key === '=') return { ...view, zoom: view.zoom * 1.25 };
  if (key === '-') return { ...view, zoom: view.zoom / 1.25 };
  const [dx, dy] = ARROWS[key] ?? [0, 0];
  if (dx === 0 && dy === 0) return null;
  return isTurning ? rotate(view, -dx, -dy) : pan(view, dx, dy, size);
}

interface Places {
  readonly x: Float32Array;
  readonly y: Float32Array;
}

/** The points whose places pass. */
export function within({ x, y }: Places, passes: (x: number, y: number) => boolean): number[] {
  const found: number[] = [];
  for (let i = 0; i < x.length; i += 1) if (passes(x[i] ?? 0, y[i] ?? 0)) found.push(i);
  return found;
}

function nearest({ x, y }: Places, atX: number, atY: number): number | null {
  let [best, least]: [number | null, number] = [null, REACH];
  for (let i = 0; i < x.length; i += 1) {
    const distance = Math.hypot((x[i] ?? 0) - atX, (y[i] ?? 0) - atY);
    if (distance <= least) [best, least] = [i, distance];
  }
  return best;
}

type Look = Pick<PointCloudProps, 'classes' | 'palette' | 'radii'>;

/** Stamp a disc for each point, later ones over earlier ones. */
function draw(canvas: HTMLCanvasElement, { x, y }: Places, size: Size, { classes, palette, radii }: Look): void {
  const scale = Math.min(devicePixelRatio, Math.sqrt(MOST_PIXELS / (size.width * size.height)));
  const [width, height] = [Math.round(size.width * scale), Math.round(size.height * scale)];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext('2d');
  if (!context || width * height === 0) return;
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const colours = palette.map(packed);
  const discs = Array.from({ length: MOST_RADIUS + 1 }, (_, radius) => disc(radius * scale, width));
  const side = Math.ceil(MOST_RADIUS * scale); // a disc that would cross an edge is left out
  for (let i = 0; i < x.length; i += 1) {
    const [left, top] = [Math.round((x[i] ?? 0) * scale), Math.round((y[i] ?? 0) * scale)];
    if (left < side || top < side || left >= width - side || top >= height - side) continue;
    const offsets = discs[radii[i] ?? 0] ?? [];
    const [middle, colour] = [top * width + left, colours[classes[i] ?? 0] ?? 0];
    for (let n = 0; n < offsets.length; n += 1) pixels[middle + (offsets[n] ?? 0)] = colour;
  }
  context.putImageData(image, 0, 0);
}

/** The pixels of a disc, as distances from its middle in a canvas of that width. */
function disc(radius: number, width: number): Int32Array {
  const side = Math.ceil(radius);
  const steps = Array.from({ length: 2 * side + 1 }, (_, i) => i - side);
  const inside = (dy: number) => steps.filter((dx) => Math.hypot(dx, dy) < radius + 0.5);
  return Int32Array.from(steps.flatMap((dy) => inside(dy).map((dx) => dy * width + dx)));
}

/** A colour as its four bytes lie in a canvas. */
function packed(colour: string): number {
  const [red = 0, green = 0, blue = 0] = colour.match(/\d+/g)?.map(Number) ?? [];
  return new Uint32Array(new Uint8ClampedArray([red, green, blue, 230]).buffer)[0] ?? 0;
}
