import type { Movie, Prediction } from '../api';
import { href } from '../app/routes';
import { texts } from '../texts';
import { Poster } from './poster';
import { StarInput } from './star-input';
import { displayTitle } from './titles';

/** A poster with the user's own rating under it, and what we would have guessed. */
export function MovieCard({ movie, prediction }: { movie: Movie; prediction?: Prediction | undefined }) {
  return (
    <li class="card">
      <PosterLink movie={movie} />
      <StarInput movie={movie} />
      {prediction && (
        <p class="guess">{texts.prediction.forYou(prediction.predicted_rating, prediction.uncertainty)}</p>
      )}
      <Mean movie={movie} />
    </li>
  );
}

export function PosterLink({ movie }: { movie: Movie }) {
  const name = texts.movie.name(displayTitle(movie.title), movie.year);
  return (
    <a class="poster-link" href={href('movie', {}, movie.id)} title={name}>
      <span class="visually-hidden">{name}</span>
      <Poster movie={movie} />
    </a>
  );
}

export function Mean({ movie: { mean_rating: mean, n_ratings: n } }: { movie: Movie }) {
  if (mean == null) return <p class="mean">{texts.movie.unrated}</p>;
  return (
    <p class="mean">
      <b aria-hidden="true">{texts.movie.mean(mean)}</b>
      <span aria-hidden="true">{texts.movie.nRatings(n)}</span>
      <span class="visually-hidden">{texts.movie.meanLabel(mean, n)}</span>
    </p>
  );
}
