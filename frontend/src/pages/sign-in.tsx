import { useState } from 'preact/hooks';
import type { ApiError } from '../api';
import { TextField } from '../components/fields';
import { colours, PosterArt } from '../components/poster';
import { RequestId } from '../components/states';
import { asApiError, explain } from '../errors';
import { posterOf } from '../poster';
import { href, replace, route, safeReturn } from '../routes';
import { register, signIn } from '../session';
import { texts } from '../texts';

/** Sign in, or with the same form create an account. */
export function SignIn() {
  const isNew = route.value.page === 'register';
  const next = route.value.query.get('next');
  const account = texts.account;
  const form = useForm(isNew, next);
  return (
    <div class="entrance">
      <ArtWall />
      <section class="entrance-form">
        <h1>{isNew ? account.register : account.signIn}</h1>
        <p class="lead">{isNew ? account.registerLead : account.signInLead}</p>
        <form noValidate onSubmit={form.submit}>
          <TextField
            name="username"
            label={account.username}
            autoComplete="username"
            hint={isNew ? account.usernameHint : undefined}
            error={form.errors.username}
          />
          <TextField
            name="password"
            type="password"
            label={account.password}
            autoComplete={isNew ? 'new-password' : 'current-password'}
            hint={isNew ? account.passwordHint : undefined}
            error={form.errors.password}
          />
          <FormFailure error={form.failure} />
          <button type="submit" class="button primary" disabled={form.isBusy}>
            {isNew ? account.register : account.signIn}
          </button>
        </form>
        <p>
          <a href={href(isNew ? 'sign-in' : 'register', { next })}>{isNew ? account.toSignIn : account.toRegister}</a>
        </p>
      </section>
    </div>
  );
}

interface Errors {
  username?: string | undefined;
  password?: string | undefined;
}

function useForm(isNew: boolean, next: string | null) {
  const [errors, setErrors] = useState<Errors>({});
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [isBusy, setBusy] = useState(false);

  const refuse = (form: HTMLFormElement, found: Errors) => {
    setErrors(found);
    const name = found.username ? 'username' : 'password';
    form.querySelector<HTMLInputElement>(`[name=${name}]`)?.focus();
  };

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const data = new FormData(form);
    const credentials = {
      username: `${data.get('username')}`,
      password: `${data.get('password')}`,
    };
    const found = validate(credentials);
    setFailure(null);
    if (found.username || found.password) return refuse(form, found);
    setErrors({});
    setBusy(true);
    try {
      await (isNew ? register(credentials) : signIn(credentials));
      replace(safeReturn(next));
    } catch (reason) {
      const error = asApiError(reason);
      const named = fieldErrors(error);
      if (named.username || named.password) refuse(form, named);
      else setFailure(error);
    } finally {
      setBusy(false);
    }
  };
  return { errors, failure, isBusy, submit };
}

export function validate({ username, password }: { username: string; password: string }): Errors {
  const outside = (text: string, low: number, high: number) => text.length < low || text.length > high;
  return {
    username: outside(username, 3, 40) ? texts.account.usernameLength : undefined,
    password: outside(password, 8, 128) ? texts.account.passwordLength : undefined,
  };
}

function fieldErrors(error: ApiError): Errors {
  if (error.slug === 'username-taken') return { username: texts.account.taken };
  return { username: error.fieldMessage('username'), password: error.fieldMessage('password') };
}

export function FormFailure({ error }: { error: ApiError | null }) {
  return (
    <div role="alert" class="form-failure">
      {error && <p>{error.slug === 'invalid-credentials' ? texts.account.wrong : explain(error)}</p>}
      {error && <RequestId error={error} />}
    </div>
  );
}

const WALL_GENRES = [
  'Drama',
  'Sci-Fi',
  'Comedy',
  'Western',
  'Fantasy',
  'Crime',
  'Romance',
  'Horror',
  'Adventure',
  'Musical',
  'Thriller',
  'Animation',
  'Film-Noir',
  'Action',
  'War',
  'Documentary',
  'Mystery',
  'Children',
];

/** The patterns that the posters are made of. */
export function ArtWall() {
  return (
    <div class="art-wall" aria-hidden="true">
      {WALL_GENRES.map((genre, i) => {
        const poster = posterOf({ id: 40 + i, genres: [genre] }, '');
        return (
          <div key={genre} class="poster" style={colours(poster)}>
            <PosterArt layers={poster.layers} />
          </div>
        );
      })}
    </div>
  );
}
