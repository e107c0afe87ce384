/** The new order of a list, with pinned items left at the places where they were. */
export function keepInPlace<T>(previous: readonly T[], next: readonly T[], isPinned: (item: T) => boolean): T[] {
  const result = next.filter((item) => !isPinned(item));
  previous.forEach((item, place) => {
    if (isPinned(item)) result.splice(place, 0, item);
  });
  return result;
}
