import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { texts } from '../texts';

interface ConfirmButtonProps {
  label: string;
  title: string;
  text: string;
  kind?: 'primary' | 'danger';
  /** The full name of a button in a table, for screen readers; only the dialog then shows its colour. */
  name?: string | undefined;
  isAllowed?: boolean;
  onConfirm: () => void;
  /** More facts for the decision, loaded when the dialog opens. */
  children?: ComponentChildren;
}

/** A button that asks before it acts; Escape and Cancel leave everything as it is. */
export function ConfirmButton(props: ConfirmButtonProps) {
  const { label, title, text, kind = 'primary', name, isAllowed = true, onConfirm, children } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  // Its action may remove the button; the focus must not vanish with it.
  useLayoutEffect(
    () => () => {
      if (button.current === document.activeElement) document.getElementById('main')?.focus({ preventScroll: true });
    },
    [],
  );
  const ask = () => {
    setOpen(true);
    dialog.current?.showModal();
  };
  return (
    <>
      <button type="button" ref={button} class={name ? 'button' : `button ${kind}`} aria-label={name} onClick={ask}>
        {label}
      </button>
      <dialog ref={dialog} class="confirm" aria-labelledby={id} onClose={() => setOpen(false)}>
        <h2 id={id}>{title}</h2>
        <p>{text}</p>
        {isOpen && children}
        <form method="dialog" class="actions">
          <button type="submit" class="button">
            {texts.cancel}
          </button>
          <button type="submit" class={`button ${kind}`} disabled={!isAllowed} onClick={onConfirm}>
            {label}
          </button>
        </form>
      </dialog>
    </>
  );
}
