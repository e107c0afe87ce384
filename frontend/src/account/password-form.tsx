import { useState } from 'preact/hooks';
import { FormEnd, TextField, useForm } from '../app/form';
import { texts } from '../texts';
import { passwordProblem } from './credentials';
import { changePassword } from './session';

interface PasswordFormProps {
  username: string;
  labels: readonly [current: string, next: string, submit: string];
  onChanged?: () => void;
  /** Offers to revoke the account's keys as well. */
  hasKeys?: boolean;
}

/** Replaces a password, which the old one must allow. */
export function PasswordForm(props: PasswordFormProps) {
  const { username, labels, onChanged, hasKeys } = props;
  const [current, next, submit] = labels;
  const { account } = texts;
  const [revokesKeys, setRevokesKeys] = useState(false);
  const { errors, onSubmit, ...end } = useForm({
    names: ['current_password', 'new_password'],
    check: (values) => ({
      current_password: passwordProblem(values.current_password),
      new_password: passwordProblem(values.new_password),
    }),
    send: async (values) => {
      await changePassword(values.current_password, values.new_password, revokesKeys);
      onChanged?.();
    },
    refusals: { 'invalid-credentials': { current_password: account.wrongCurrent } },
  });
  return (
    <form noValidate onSubmit={onSubmit} class="rows">
      <input name="username" autoComplete="username" value={username} hidden readOnly />
      <TextField
        name="current_password"
        type="password"
        label={current}
        autoComplete="current-password"
        error={errors.current_password}
      />
      <TextField
        name="new_password"
        type="password"
        label={next}
        autoComplete="new-password"
        hint={account.passwordHint}
        error={errors.new_password}
      />
      {hasKeys && (
        <label class="check">
          <input
            type="checkbox"
            checked={revokesKeys}
            onChange={(event) => setRevokesKeys(event.currentTarget.checked)}
          />
          {account.revokeKeys}
        </label>
      )}
      <FormEnd {...end}>{submit}</FormEnd>
    </form>
  );
}
