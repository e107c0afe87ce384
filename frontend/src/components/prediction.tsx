import type { CSSProperties } from 'preact';
import type { Reason } from '../api';
import { href } from '../routes';
import { texts } from '../texts';
import { displayTitle } from '../titles';

const LOWEST = 0.5;
const HIGHEST = 5;

/** Where a rating stands on the scale, in percent. */
function onScale(stars: number): number {
  const share = (stars - LOWEST) / (HIGHEST - LOWEST);
  return Math.round(Math.min(1, Math.max(0, share)) * 1000) / 10;
}

/** "4.3 ± 0.6", and the same on a scale from half a star to five. */
export function Prediction({ stars, margin }: { stars: number; margin: number | null }) {
  const [low, high] = [onScale(stars - (margin ?? 0)), onScale(stars + (margin ?? 0))];
  const place = { '--at': `${onScale(stars)}%`, '--low': `${low}%`, '--width': `${high - low}%` };
  return (
    <div class="prediction" role="img" aria-label={texts.prediction.label(stars, margin)}>
      <span class="prediction-value">{texts.prediction.value(stars)}</span>
      {margin !== null && <span class="prediction-margin">{texts.prediction.margin(margin)}</span>}
      <span class="prediction-scale" style={place as CSSProperties} />
    </div>
  );
}

/** The user's own ratings that speak for a movie, strongest first. */
export function Because({ reasons }: { reasons: readonly Reason[] }) {
  if (reasons.length === 0) return null;
  return (
    <p class="because">
      {texts.prediction.because}{' '}
      {reasons.map(({ movie_id, title, value }, i) => (
        <span key={movie_id}>
          {i > 0 && ' · '}
          <a href={href('movie', {}, movie_id)}>{displayTitle(title)}</a> {texts.prediction.stars(value)}
        </span>
      ))}
    </p>
  );
}
