import type { CSSProperties } from 'preact';
import type { Chance, Reason } from '../api';
import { href } from '../app/routes';
import { texts } from '../texts';
import { Histogram } from './histogram';
import { displayTitle } from './titles';

const LOWEST = 0.5;
const HIGHEST = 5;
const LIKED_FROM = 4;

/** The place of a rating on the scale, in percent. */
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

/** How likely each number of stars is, and that a movie is liked. */
export function Chances({ chances }: { chances: readonly Chance[] }) {
  const liked = chances.reduce((sum, { stars, probability }) => sum + (stars >= LIKED_FROM ? probability : 0), 0);
  return (
    <div class="chances">
      <p>{texts.prediction.liked(Math.round(liked * 10), LIKED_FROM)}</p>
      <Histogram
        bins={chances.map(({ stars, probability }) => ({ value: stars, count: probability }))}
        own={null}
        label={texts.prediction.chance}
      />
    </div>
  );
}

/** The user's own ratings that speak for a movie, strongest first; a bar is as long as its share in the score. */
export function Reasons({ reasons }: { reasons: readonly Reason[] }) {
  const most = reasons[0]?.share ?? 1;
  if (reasons.length === 0) return <p class="facts">{texts.movie.reasonsNone}</p>;
  return (
    <ul class="reasons">
      {reasons.map(({ movie_id, title, value, share }) => (
        <li key={movie_id}>
          <p>
            <a href={href('movie', {}, movie_id)}>{displayTitle(title)}</a> {texts.prediction.stars(value)}
          </p>
          <span>
            <i style={{ '--share': share / most } as CSSProperties} />
          </span>
        </li>
      ))}
    </ul>
  );
}
