import type { Personalization } from '../api';
import { href } from '../app/routes';
import { texts } from '../texts';

/** Tells how personal a list is. */
export function Level({ personalization, hasModel }: { personalization: Personalization; hasModel: boolean }) {
  const { level, n_ratings: n, n_ratings_used: used } = personalization;
  const sentence = level === 'none' ? (n > 0 ? texts.forYou.noneUnused : texts.forYou.none) : texts.forYou[level](used);
  return (
    <div class="level" data-level={level}>
      <span class="level-steps" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      <p>
        <b>{texts.forYou.levels[level]}.</b> {hasModel ? sentence : texts.forYou.popularity}{' '}
        {hasModel && level === 'none' && n === 0 && <a href={href('start')}>{texts.start.link}</a>}
        {level !== 'none' && n > used && texts.forYou.unused(n - used)}
      </p>
    </div>
  );
}
