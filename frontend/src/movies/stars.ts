/** The scale of half stars, and what keys mean on it. */

export const STARS = [1, 2, 3, 4, 5] as const;
export const HALF_STARS: readonly number[] = STARS.flatMap((star) => [star - 0.5, star]);

/**
 * The rating a key asks for: 1 to 5 are whole stars, the same key again adds a half (from
 * five stars: none to add), 0 is half a star, Delete and Backspace clear. Undefined: not ours.
 */
export function ratingForKey(key: string, current: number | null): number | null | undefined {
  if (key === 'Delete' || key === 'Backspace') return null;
  if (!/^[0-5]$/.test(key)) return undefined;
  const stars = Number(key);
  if (stars === 0) return 0.5;
  return stars === current && stars < 5 ? stars + 0.5 : stars;
}
