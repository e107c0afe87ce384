import { ConfirmButton } from '../app/confirm';
import { Button } from '../app/parts';
import { href, route } from '../app/routes';
import { carryOver, forgetKept, kept } from '../movies/guest';
import { nRatings, reloadRatings } from '../movies/ratings';
import { texts } from '../texts';
import { session } from './session';

/** Says that ratings are only in this browser, and how they become a user's own. */
export function KeptBar() {
  const current = session.value;
  const { page } = route.value;
  const { guest } = texts;
  if (current.state === 'guest' && page !== 'sign-in' && page !== 'register') {
    return (
      <aside class="kept" aria-label={guest.label}>
        <p>{guest.here(nRatings.value)}</p>
        <a href={href('register')}>{guest.register(nRatings.value)}</a>
      </aside>
    );
  }
  const n = kept.value?.length ?? 0;
  if (current.state !== 'signed-in' || current.me.must_change_password || n === 0) return null;
  const { id } = current.me;
  const add = async () => {
    await carryOver(id);
    await reloadRatings(id);
  };
  return (
    <aside class="kept" aria-label={guest.label}>
      <p>{guest.left(n)}</p>
      <Button onClick={add}>{guest.add}</Button>
      <ConfirmButton
        kind="danger"
        label={guest.forget}
        title={guest.forgetTitle(n)}
        text={guest.forgetText}
        onConfirm={forgetKept}
      />
    </aside>
  );
}
