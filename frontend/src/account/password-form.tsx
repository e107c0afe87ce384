import { FormEnd, TextField, useForm } from '../app/form';
import { texts } from '../texts';
import { passwordProblem } from './credentials';
import { changePassword } from './session';

interface PasswordFormProps {
  username: string;
  labels: readonly [current: string, next: string, submit: string];
  onChanged?: () => void;
}

/** Replaces a password, which the old one must allow. */
export function PasswordForm({ username, labels: [current, next, submit], onChanged }: PasswordFormProps) {
  const { account } = texts;
  const { errors, onSubmit, ...end } = useForm({
    names: ['current_password', 'new_password'],
    check: (values) => ({
      current_password: passwordProblem(values.current_password),
      new_password: passwordProblem(values.new_password),
    }),
    send: async (values) => {
      await changePassword(values.current_password, values.new_password);
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
      <FormEnd {...end}>{submit}</FormEnd>
    </form>
  );
}
