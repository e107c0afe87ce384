/** The new order of a list, with pinned items left at the places where they were. */
export function keepInPlace<T>(previous: readonly T[], next: readonly T[], isPinned: (item: T) => boolean): T[] {
  const result = next.filter((item) => !isPinned(item));
  previous.forEach((item, place) => {
    if (isPinned(item)) result.splice(place, 0, item);
  });
  return result;
}

/** Fill `n` places: what is shown keeps its own, unless it is to go; then the best that is not yet there takes it. */
export function fillSlots<Item extends { readonly id: number }>(
  shown: readonly Item[],
  best: readonly Item[],
  goes: (item: Item) => boolean,
  n: number,
): readonly Item[] {
  const held = new Set(shown.map(({ id }) => id));
  const next = best.filter((item) => !held.has(item.id) && !goes(item));
  const kept = shown.flatMap((item) => (goes(item) ? next.splice(0, 1) : item));
  return [...kept, ...next].slice(0, n);
}
