import { texts } from '../texts';
import { ArtWall } from './art-wall';
import { PasswordForm } from './password-form';

/** A one-time password opens nothing but its own replacement. */
export function ChoosePassword({ username }: { username: string }) {
  const { account } = texts;
  return (
    <div class="entrance">
      <ArtWall />
      <section class="entrance-form">
        <h1>{account.choose}</h1>
        <p class="lead">{account.chooseLead}</p>
        <PasswordForm username={username} labels={[account.currentPassword, account.newPassword, account.save]} />
      </section>
    </div>
  );
}
