/** Gentle movement of reordered list items; the keyboard focus stays where it was. */

import type { RefObject } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

const MOVE: KeyframeAnimationOptions = { duration: 420, easing: 'cubic-bezier(.2, .8, .2, 1)' };

interface Place {
  readonly left: number;
  readonly top: number;
}

/** Call in the render of a list whose children are keyed; `order` names what they show. */
export function useFlip(list: RefObject<HTMLElement | null>, order: string): void {
  const before = useRef(new Map<Element, Place>());
  const focused = document.activeElement; // read before the nodes move

  useLayoutEffect(() => {
    const children = [...(list.current?.children ?? [])] as HTMLElement[];
    const after = new Map<Element, Place>(
      children.map((child) => [child, { left: child.offsetLeft, top: child.offsetTop }]),
    );
    if (!matchMedia('(prefers-reduced-motion: reduce)').matches) {
      for (const [child, to] of after) move(child, before.current.get(child), to, before.current.size > 0);
    }
    before.current = after;
    keepFocus(list.current, focused);
  }, [order]);
}

function move(child: Element, from: Place | undefined, to: Place, isUpdate: boolean): void {
  if (!from) {
    if (isUpdate) child.animate([{ opacity: 0 }, { opacity: 1 }], MOVE);
    return;
  }
  const [x, y] = [from.left - to.left, from.top - to.top];
  if (x !== 0 || y !== 0) child.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: 'none' }], MOVE);
}

function keepFocus(list: HTMLElement | null, focused: Element | null): void {
  if (focused === document.activeElement || !(focused instanceof HTMLElement)) return;
  if (list?.contains(focused)) focused.focus({ preventScroll: true });
}
