import { FormEnd, TextField, useForm } from '../app/form';
import { LinkButton } from '../app/parts';
import { href, replace, route, safeReturn } from '../app/routes';
import { kept } from '../movies/guest';
import { texts } from '../texts';
import { ArtWall } from './art-wall';
import { passwordProblem, usernameProblem } from './credentials';
import { register, signIn, tryWithoutAccount } from './session';

/** Sign in, or with the same form create an account. */
export function SignIn() {
  const {
    account,
    errors: { problems },
  } = texts;
  const isNew = route.value.page === 'register';
  const next = route.value.query.get('next');
  const nKept = kept.value?.length ?? 0;
  const title = isNew ? account.register : account.signIn;
  const { errors, onSubmit, ...end } = useForm({
    names: ['username', 'password'],
    check: ({ username, password }) => ({ username: usernameProblem(username), password: passwordProblem(password) }),
    send: async (credentials) => {
      await (isNew ? register(credentials) : signIn(credentials));
      replace(safeReturn(next, isNew ? 'start' : 'browse'));
    },
    refusals: {
      'username-taken': { username: problems['username-taken'] },
      'invalid-credentials': { password: problems['invalid-credentials'] },
    },
  });
  return (
    <div class="entrance">
      <ArtWall />
      <section class="entrance-form">
        <h1>{title}</h1>
        <p class="lead">{isNew ? account.registerLead : account.signInLead}</p>
        {isNew && nKept > 0 && <p>{texts.guest.comeAlong(nKept)}</p>}
        <form noValidate onSubmit={onSubmit}>
          <TextField
            name="username"
            label={account.username}
            autoComplete="username"
            hint={isNew ? account.usernameHint : undefined}
            error={errors.username}
          />
          <TextField
            name="password"
            type="password"
            label={account.password}
            autoComplete={isNew ? 'new-password' : 'current-password'}
            hint={isNew ? account.passwordHint : undefined}
            error={errors.password}
          />
          <FormEnd {...end}>{title}</FormEnd>
        </form>
        <p>
          <a href={href(isNew ? 'sign-in' : 'register', { next })}>{isNew ? account.toSignIn : account.toRegister}</a>
        </p>
        <LinkButton href={href('start')} onClick={tryWithoutAccount}>
          {texts.guest.try}
        </LinkButton>
      </section>
    </div>
  );
}
