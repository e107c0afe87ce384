/** Numbers as people type them. */

/** A number as people type it; NaN for anything else. */
export function numberIn(text: string): number {
  return /^\s*\d*[.,]?\d+\s*$/.test(text) ? Number(text.replace(',', '.')) : Number.NaN;
}

export function isWithin(text: string, low: number, high: number): boolean {
  const value = numberIn(text);
  return value >= low && value <= high;
}

/** A part of 100, without the digits that binary division adds: 33.3 is 0.333. */
export function part(percent: string): number {
  return Number((numberIn(percent) / 100).toPrecision(12));
}
