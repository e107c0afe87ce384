import { useId, useState } from 'preact/hooks';
import { texts } from '../texts';

interface TextFieldProps {
  name: string;
  label: string;
  autoComplete: 'username' | 'current-password' | 'new-password';
  hint?: string | undefined;
  error?: string | undefined;
  type?: 'text' | 'password';
}

/** A labelled input with its hint and its error right beside it. */
export function TextField({ name, label, autoComplete, hint, error, type = 'text' }: TextFieldProps) {
  const id = useId();
  const [isShown, setShown] = useState(false);
  const kind = type === 'password' && !isShown ? { type } : { type: 'text' as const };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="input-box">
        <input
          id={id}
          name={name}
          {...kind}
          autoComplete={autoComplete}
          autoCapitalize="none"
          spellcheck={false}
          aria-invalid={error !== undefined}
          aria-describedby={`${id}-note`}
          required
        />
        {type === 'password' && (
          <button type="button" class="quiet-button" onClick={() => setShown(!isShown)}>
            {isShown ? texts.account.hide : texts.account.show}
          </button>
        )}
      </div>
      <p id={`${id}-note`} class={error ? 'field-error' : 'field-hint'}>
        {error ?? hint}
      </p>
    </div>
  );
}
