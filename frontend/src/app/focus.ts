/** Before an item leaves its list, hand the focus to the same control of its neighbour. */
export function passFocusOn(control: HTMLElement): void {
  const item = control.closest('li');
  const neighbour = item?.nextElementSibling ?? item?.previousElementSibling;
  const same = neighbour?.querySelector<HTMLElement>(`.${[...control.classList].join('.')}`);
  same?.focus({ preventScroll: true });
}
