/** The signed-in user. The token is in a cookie that no script can read. */

import { computed, signal } from '@preact/signals';
import { type ApiError, call, type Me, watchRefusals } from '../api';
import { asApiError } from '../app/errors';
import { forgetResources } from '../app/resource';
import { href, replace } from '../app/routes';
import { carryOver, readKept } from '../movies/guest';
import { forgetRatings, loadKept, loadRatings } from '../movies/ratings';
import { forgetFeedback } from '../recommendations/feedback';

type Session =
  | { readonly state: 'unknown' }
  | { readonly state: 'unreachable'; readonly error: ApiError }
  | { readonly state: 'signed-out' }
  /** Somebody tries the app without an account. */
  | { readonly state: 'guest' }
  | { readonly state: 'signed-in'; readonly me: Me };

interface Credentials {
  username: string;
  password: string;
}

// A visitor who never signed in is not asked for a session, which would only answer 401.
const HINT = 'cinefold.has-session';

export const session = signal<Session>({ state: 'unknown' });

export const isAdmin = computed(() => session.value.state === 'signed-in' && session.value.me.is_admin);

export async function startSession(): Promise<void> {
  watchRefusals(onRefusal);
  if (localStorage.getItem(HINT) === null) return readKept() === null ? signedOut() : tryWithoutAccount();
  session.value = { state: 'unknown' };
  try {
    signedIn(await call('get', '/me', {}));
  } catch (error) {
    const reason = asApiError(error);
    if (reason.status === 401) signedOut();
    else session.value = { state: 'unreachable', error: reason };
  }
}

export async function signIn(credentials: Credentials): Promise<void> {
  signedIn(await call('post', '/auth/session', { body: credentials }));
}

export async function register(credentials: Credentials): Promise<void> {
  const me = await call('post', '/auth/register', { body: credentials });
  await carryOver(me.id);
  signedIn(me);
}

/** Until somebody signs in, their ratings stay in this browser. */
export function tryWithoutAccount(): void {
  loadKept();
  session.value = { state: 'guest' };
}

export async function signOut(): Promise<void> {
  await call('delete', '/auth/session', {});
  replace(href('sign-in'));
  signedOut();
}

export async function changePassword(current: string, next: string, revokesKeys = false): Promise<void> {
  const body = { current_password: current, new_password: next, revoke_keys: revokesKeys };
  await call('put', '/me/password', { body });
  await startSession();
}

function signedIn(me: Me): void {
  localStorage.setItem(HINT, '1');
  readKept();
  forgetResources();
  session.value = { state: 'signed-in', me };
  if (!me.must_change_password) void loadRatings(me.id);
}

function signedOut(): void {
  localStorage.removeItem(HINT);
  forgetRatings();
  forgetFeedback();
  forgetResources();
  session.value = { state: 'signed-out' };
}

/** A session that ended elsewhere leads to sign-in and back; a one-time password to its change. */
function onRefusal(error: ApiError): void {
  if (error.slug === 'not-signed-in') signedOut();
  else if (error.slug === 'password-change-required' && session.value.state === 'signed-in') {
    session.value = { state: 'signed-in', me: { ...session.value.me, must_change_password: true } };
  }
}
