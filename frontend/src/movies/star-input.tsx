import { useId, useRef, useState } from 'preact/hooks';
import type { Movie } from '../api';
import { Icon } from '../app/icon';
import { texts } from '../texts';
import { rate, useOwnRating } from './ratings';
import { HALF_STARS, ratingForKey, STARS } from './stars';
import { displayTitle } from './titles';

const STAR = 'l3.1 6.3 6.9 1-5 4.9 1.2 6.9-6.2-3.3-6.2 3.3 1.2-6.9-5-4.9 6.9-1z';
const ROW = STARS.map((star) => `M${star * 24 - 12} 2.6${STAR}`).join('');

/** Five stars, filled from the left up to `value`. */
function StarRow({ value }: { value: number }) {
  return (
    <svg class="star-row" viewBox="0 0 120 24" aria-hidden="true">
      <path d={ROW} />
      <svg width={value * 24} height="24" class="star-filled" aria-hidden="true">
        <path d={ROW} />
      </svg>
    </svg>
  );
}

/** The rating of the signed-in user, shown and edited in place: ten native radio buttons. */
export function StarInput({ movie, size = 'small' }: { movie: Movie; size?: 'small' | 'large' }) {
  const value = useOwnRating(movie.id);
  const [preview, setPreview] = useState<number | null>(null);
  const group = useRef<HTMLFieldSetElement>(null);
  const name = useId();
  const title = displayTitle(movie.title);

  const choose = (next: number | null) => {
    setPreview(null);
    rate(movie, next);
    const radio = `input[value="${next ?? HALF_STARS[0]}"]`;
    group.current?.querySelector<HTMLInputElement>(radio)?.focus({ preventScroll: true });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = ratingForKey(event.key, value);
    if (next === undefined) return;
    event.preventDefault();
    choose(next);
  };

  return (
    <fieldset
      class={`star-input ${size}`}
      ref={group}
      data-rated={value !== null}
      aria-describedby="star-help"
      onKeyDown={onKeyDown}
      onPointerLeave={() => setPreview(null)}
    >
      <legend class="visually-hidden">{texts.stars.legend(title)}</legend>
      <div class="star-scale">
        <StarRow value={preview ?? value ?? 0} />
        {HALF_STARS.map((stars) => (
          <input
            key={stars}
            type="radio"
            name={name}
            value={stars}
            checked={stars === value}
            aria-label={texts.stars.spoken(stars)}
            onChange={() => choose(stars)}
            onPointerEnter={(event) => event.pointerType === 'mouse' && setPreview(stars)}
          />
        ))}
      </div>
      <output class="star-value" aria-hidden="true">
        {texts.stars.short(preview ?? value)}
      </output>
      {value !== null && (
        <button type="button" class="star-clear" aria-label={texts.stars.clear(title)} onClick={() => choose(null)}>
          <Icon name="close" />
        </button>
      )}
    </fieldset>
  );
}
