import { useId, useRef } from 'preact/hooks';
import { texts } from '../texts';

interface ConfirmButtonProps {
  label: string;
  title: string;
  text: string;
  kind?: 'primary' | 'danger';
  onConfirm: () => void;
}

/** A button that asks before it acts; Escape and Cancel leave everything as it is. */
export function ConfirmButton({ label, title, text, kind = 'primary', onConfirm }: ConfirmButtonProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  return (
    <>
      <button type="button" class={`button ${kind}`} onClick={() => dialog.current?.showModal()}>
        {label}
      </button>
      <dialog ref={dialog} class="confirm" aria-labelledby={id}>
        <h2 id={id}>{title}</h2>
        <p>{text}</p>
        <form method="dialog" class="actions">
          <button type="submit" class="button">
            {texts.cancel}
          </button>
          <button type="submit" class={`button ${kind}`} onClick={onConfirm}>
            {label}
          </button>
        </form>
      </dialog>
    </>
  );
}
