import { describe, expect, it } from 'vitest';
import { between, isInside, overview, pan, project, rotate, type View } from './camera';

const SIZE = { width: 400, height: 200 };
const POINTS = [
  [1, -2, 0.5],
  [0.5, 1, -1],
  [0, 2, 1],
];
const TURNED: View = { target: [0.2, -0.1, 0.3], zoom: 0.7, yaw: 0.8, pitch: -0.3 };

describe('the camera', () => {
  it('puts its target in the middle', () => {
    const { x, y } = project([[0.2], [-0.1], [0.3]], TURNED, SIZE);
    expect([x[0], y[0]]).toEqual([200, 100]);
  });

  it('shows the second axis upwards', () => {
    const { x, y } = project([[1], [1]], { target: [0, 0, 0], zoom: 0.5, yaw: 0, pitch: 0 }, SIZE);
    expect([x[0], y[0]]).toEqual([250, 50]);
  });

  it('moves everything by the pixels it is dragged', () => {
    const before = project(POINTS, TURNED, SIZE);
    const after = project(POINTS, pan(TURNED, 30, -12, SIZE), SIZE);
    for (const [i, x] of before.x.entries()) expect(after.x[i]).toBeCloseTo(x + 30, 3);
    for (const [i, y] of before.y.entries()) expect(after.y[i]).toBeCloseTo(y - 12, 3);
  });

  it('turns no further up than to the pole', () => {
    expect(rotate(TURNED, 0, 10_000).pitch).toBe(Math.PI / 2);
  });

  it('arrives where it flies', () => {
    const from = overview(POINTS);
    expect(between(from, TURNED, 1)).toEqual(TURNED);
    expect(between(from, TURNED, 0).zoom).toBe(from.zoom);
  });

  it('finds room for all points', () => {
    const { x, y } = project(POINTS.slice(0, 2), overview(POINTS.slice(0, 2)), SIZE);
    expect([...x].every((value) => value > 0 && value < 400)).toBe(true);
    expect([...y].every((value) => value > 0 && value < 200)).toBe(true);
  });
});

describe('a lasso', () => {
  const corner = [
    [0, 0],
    [4, 0],
    [4, 4],
    [2, 1],
    [0, 4],
  ] as const;

  it('holds what is inside, and not what its notch leaves out', () => {
    expect(isInside(corner, 0.5, 1)).toBe(true);
    expect(isInside(corner, 2, 3)).toBe(false);
    expect(isInside(corner, 5, 1)).toBe(false);
  });
});
