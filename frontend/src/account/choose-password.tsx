import { FormEnd, TextField, useForm } from '../app/form';
import { texts } from '../texts';
import { ArtWall } from './art-wall';
import { passwordProblem } from './credentials';
import { changePassword } from './session';

/** A one-time password opens nothing but its own replacement. */
export function ChoosePassword({ username }: { username: string }) {
  const { account } = texts;
  const { errors, onSubmit, ...end } = useForm({
    names: ['current_password', 'new_password'],
    check: (values) => ({
      current_password: passwordProblem(values.current_password),
      new_password: passwordProblem(values.new_password),
    }),
    send: (values) => changePassword(values.current_password, values.new_password),
    blame: (error) => ({
      current_password:
        error.slug === 'invalid-credentials' ? account.wrongCurrent : error.fieldMessage('current_password'),
      new_password: error.fieldMessage('new_password'),
    }),
  });
  return (
    <div class="entrance">
      <ArtWall />
      <section class="entrance-form">
        <h1>{account.choose}</h1>
        <p class="lead">{account.chooseLead}</p>
        <form noValidate onSubmit={onSubmit}>
          <input name="username" autoComplete="username" value={username} hidden readOnly />
          <TextField
            name="current_password"
            type="password"
            label={account.currentPassword}
            autoComplete="current-password"
            error={errors.current_password}
          />
          <TextField
            name="new_password"
            type="password"
            label={account.newPassword}
            autoComplete="new-password"
            hint={account.passwordHint}
            error={errors.new_password}
          />
          <FormEnd {...end}>{account.save}</FormEnd>
        </form>
      </section>
    </div>
  );
}
