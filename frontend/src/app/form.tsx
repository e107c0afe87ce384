import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import type { ApiError } from '../api';
import { texts } from '../texts';
import { asApiError, explain, fieldProblem } from './errors';
import { Icon } from './icon';
import { Button } from './parts';
import { RequestId } from './states';

type Values<Name extends string> = Readonly<Record<Name, string>>;
type Errors<Name extends string> = Readonly<Partial<Record<Name, string | undefined>>>;

interface FormOptions<Name extends string> {
  readonly names: readonly Name[];
  /** Errors found before the form is sent. */
  readonly check: (values: Values<Name>) => Errors<Name>;
  readonly send: (values: Values<Name>) => Promise<void>;
  /** Errors to show for a problem, by its slug. */
  readonly refusals?: Readonly<Record<string, Errors<Name>>>;
  /** Assigns a refusal to fields; an unassigned one appears under the form. */
  readonly blame?: (error: ApiError) => Errors<Name>;
}

/** Check and send a form, and show errors beside their fields; the input always stays. */
export function useForm<Name extends string>({
  names,
  check,
  send,
  refusals = {},
  blame = blameIn(names),
}: FormOptions<Name>) {
  const [errors, setErrors] = useState({} as Errors<Name>);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [isBusy, setBusy] = useState(false);

  const point = (form: HTMLFormElement, found: Errors<Name>): boolean => {
    setErrors(found);
    const first = names.find((name) => found[name] !== undefined);
    if (first) form.querySelector<HTMLInputElement>(`[name=${first}]`)?.focus();
    return first !== undefined;
  };

  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const values = Object.fromEntries(new FormData(form)) as Values<Name>;
    setFailure(null);
    if (isBusy || point(form, check(values))) return;
    setBusy(true);
    try {
      await send(values);
    } catch (reason) {
      const error = asApiError(reason);
      if (!point(form, refusals[error.slug] ?? blame(error))) setFailure(error);
    } finally {
      setBusy(false);
    }
  };
  return { errors, failure, isBusy, onSubmit };
}

function blameIn<Name extends string>(names: readonly Name[]) {
  return (error: ApiError) =>
    Object.fromEntries(names.map((name) => [name, fieldProblem(error, name)])) as Errors<Name>;
}

export function FormEnd({ failure, isBusy, kind = 'primary', children }: FormEndProps) {
  return (
    <>
      <div role="alert" class="form-failure">
        {failure && <p>{explain(failure)}</p>}
        {failure && <RequestId error={failure} />}
      </div>
      <button type="submit" class={`button ${kind}`} aria-busy={isBusy}>
        {children}
      </button>
    </>
  );
}

interface FormEndProps {
  failure: ApiError | null;
  isBusy: boolean;
  kind?: 'primary' | 'danger';
  children: ComponentChildren;
}

interface TextFieldProps {
  name: string;
  label: string;
  autoComplete: 'username' | 'current-password' | 'new-password' | 'off';
  hint?: string | undefined;
  error?: string | undefined;
  type?: 'text' | 'password';
}

/** A labelled input with its hint or its error right below it. */
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
          <Button kind="quiet" onClick={() => setShown(!isShown)}>
            {isShown ? texts.account.hide : texts.account.show}
          </Button>
        )}
      </div>
      <p id={`${id}-note`} class={error ? 'field-error' : 'field-hint'}>
        {error ?? hint}
      </p>
    </div>
  );
}

interface InputFieldProps {
  name: string;
  label: string;
  value: string;
  onValue: (value: string) => void;
  hint?: string | undefined;
  error?: string | undefined;
  /** The unit, after the number. */
  unit?: string;
  isLong?: boolean;
}

/** A labelled line, number or paragraph that the page itself keeps. */
export function InputField({ name, label, value, onValue, hint, error, unit, isLong = false }: InputFieldProps) {
  const id = useId();
  const shared = {
    id,
    name,
    value,
    autoComplete: 'off',
    'aria-invalid': error !== undefined,
    'aria-describedby': `${id}-note`,
    onInput: (event: { currentTarget: { value: string } }) => onValue(event.currentTarget.value),
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {isLong ? (
        <textarea {...shared} rows={3} maxLength={2000} />
      ) : (
        <div class="input-box">
          <input {...shared} maxLength={100} {...(unit !== undefined && { inputMode: 'decimal' as const })} />
          {unit && <span class="unit">{unit}</span>}
        </div>
      )}
      <p id={`${id}-note`} class={error ? 'field-error' : 'field-hint'}>
        {error ?? hint}
      </p>
    </div>
  );
}

interface SearchFieldProps {
  label: string;
  value: string;
  onValue: (value: string) => void;
  placeholder?: string;
}

export function SearchField({ label, value, onValue, placeholder }: SearchFieldProps) {
  return (
    <label class="field search-field">
      <span>{label}</span>
      <span class="input-box">
        <Icon name="search" />
        <input
          type="search"
          value={value}
          placeholder={placeholder}
          maxLength={100}
          onInput={(event) => onValue(event.currentTarget.value)}
        />
      </span>
    </label>
  );
}

interface SelectFieldProps<Value extends string> {
  label: string;
  value: Value;
  /** In order; or names by value. */
  options: readonly (readonly [Value, string])[] | Readonly<Record<Value, string>>;
  onValue: (value: Value) => void;
}

export function SelectField<Value extends string>({ label, value, options, onValue }: SelectFieldProps<Value>) {
  const pairs = Array.isArray(options) ? options : Object.entries(options);
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={(event) => onValue(event.currentTarget.value as Value)}>
        {pairs.map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}
