import { useState } from 'preact/hooks';
import type { ApiError } from '../api';
import { TextField } from '../components/fields';
import { asApiError } from '../errors';
import { changePassword } from '../session';
import { texts } from '../texts';
import { ArtWall, FormFailure, validate } from './sign-in';

/** A one-time password opens nothing but its own replacement. */
export function ChoosePassword({ username }: { username: string }) {
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [tooShort, setTooShort] = useState<string | undefined>();
  const [isBusy, setBusy] = useState(false);
  const { account } = texts;

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const next = `${data.get('new_password')}`;
    const { password: problem } = validate({ username, password: next });
    setTooShort(problem);
    if (problem) return;
    setFailure(null);
    setBusy(true);
    try {
      await changePassword(`${data.get('current_password')}`, next);
    } catch (reason) {
      setFailure(asApiError(reason));
    } finally {
      setBusy(false);
    }
  };

  return (
    <div class="entrance">
      <ArtWall />
      <section class="entrance-form">
        <h1>{account.choose}</h1>
        <p class="lead">{account.chooseLead}</p>
        <form noValidate onSubmit={submit}>
          <input
            class="visually-hidden"
            name="username"
            autoComplete="username"
            aria-label={account.username}
            value={username}
            tabIndex={-1}
            readOnly
          />
          <TextField
            name="current_password"
            type="password"
            label={account.currentPassword}
            autoComplete="current-password"
            error={failure?.fieldMessage('current_password')}
          />
          <TextField
            name="new_password"
            type="password"
            label={account.newPassword}
            autoComplete="new-password"
            hint={account.passwordHint}
            error={tooShort ?? failure?.fieldMessage('new_password')}
          />
          <FormFailure error={failure} />
          <button type="submit" class="button primary" disabled={isBusy}>
            {account.save}
          </button>
        </form>
      </section>
    </div>
  );
}
