/** The new order of a list, with pinned items at the places where they were, as the new list has them if it does. */
export function keepInPlace<T, Id>(
  previous: readonly T[],
  next: readonly T[],
  idOf: (item: T) => Id,
  isPinned: (id: Id) => boolean,
): T[] {
  const before = new Set(previous.map(idOf));
  const result = next.filter((item) => !(isPinned(idOf(item)) && before.has(idOf(item))));
  previous.forEach((item, place) => {
    const id = idOf(item);
    if (isPinned(id)) result.splice(place, 0, next.find((one) => idOf(one) === id) ?? item);
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
