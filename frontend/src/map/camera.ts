/** A parallel projection of the points of a map onto its window. */

export type Columns = readonly (readonly number[])[];

export interface View {
  /** The point in the middle of the window. */
  readonly target: readonly [x: number, y: number, z: number];
  /** Half windows a unit. */
  readonly zoom: number;
  /** Turned to the side and up, in radians; a map of two axes is never turned. */
  readonly yaw: number;
  readonly pitch: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The two rows that lay a point's coordinates onto the window's x and y, in pixels. */
function rows({ zoom, yaw, pitch }: View, { width, height }: Size): [number, number, number, number, number, number] {
  const [sy, cy, sp, cp] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)];
  const scale = (zoom * Math.min(width, height)) / 2;
  return [scale * cy, 0, scale * sy, -scale * sp * sy, -scale * cp, scale * sp * cy];
}

/** The place in the window, from its upper left corner, of each point. */
export function project(columns: Columns, view: View, size: Size): { x: Float32Array; y: Float32Array } {
  const [xs = [], ys = [], zs = []] = columns;
  const [a, b, c, d, e, f] = rows(view, size);
  const [tx, ty, tz] = view.target;
  const [x, y] = [new Float32Array(xs.length), new Float32Array(xs.length)];
  for (let i = 0; i < xs.length; i += 1) {
    const [px, py, pz] = [(xs[i] ?? 0) - tx, (ys[i] ?? 0) - ty, (zs[i] ?? 0) - tz];
    x[i] = size.width / 2 + a * px + b * py + c * pz;
    y[i] = size.height / 2 + d * px + e * py + f * pz;
  }
  return { x, y };
}

/** The view in which all but the outermost points have room. */
export function overview(columns: Columns): View {
  const reach = columns.map((column) => {
    const lengths = column.map(Math.abs).sort((a, b) => a - b);
    return lengths[Math.floor(0.995 * (lengths.length - 1))] ?? 1;
  });
  const turned = columns.length > 2 ? { yaw: 0.6, pitch: 0.4 } : { yaw: 0, pitch: 0 };
  return { target: [0, 0, 0], zoom: 0.95 / (Math.max(...reach) || 1), ...turned };
}

/** Move what is shown by so many pixels. */
export function pan(view: View, dx: number, dy: number, size: Size): View {
  const [a, b, c, d, e, f] = rows(view, size);
  const square = a * a + b * b + c * c || 1; // both rows are as long, and at right angles
  const [x, y, z] = view.target;
  return {
    ...view,
    target: [x - (a * dx + d * dy) / square, y - (b * dx + e * dy) / square, z - (c * dx + f * dy) / square],
  };
}

const MOST_PITCH = Math.PI / 2;

export function rotate(view: View, dx: number, dy: number): View {
  const pitch = Math.max(-MOST_PITCH, Math.min(MOST_PITCH, view.pitch + dy / 200));
  return { ...view, yaw: view.yaw + dx / 200, pitch };
}

/** A view between two others; equal steps change the zoom by equal factors. */
export function between(from: View, to: View, share: number): View {
  const mix = (a: number, b: number) => a + (b - a) * share;
  const [x, y, z] = to.target;
  return {
    ...to,
    target: [mix(from.target[0], x), mix(from.target[1], y), mix(from.target[2], z)],
    zoom: from.zoom * (to.zoom / from.zoom) ** share,
  };
}

type Point = readonly [x: number, y: number];

/** Test whether a polygon contains a point, by the number of sides that a ray from it crosses. */
export function isInside(polygon: readonly Point[], x: number, y: number): boolean {
  let inside = false;
  polygon.forEach(([ax, ay], i) => {
    const [bx, by] = polygon.at(i - 1) ?? [0, 0];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  });
  return inside;
}
