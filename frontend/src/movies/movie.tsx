import { useEffect } from 'preact/hooks';
import { ApiError, type MovieDetail } from '../api';
import { NotFound } from '../app/not-found';
import { Panel } from '../app/parts';
import { useGet, useResource } from '../app/resource';
import { href } from '../app/routes';
import { Failure, Skeletons } from '../app/states';
import { texts } from '../texts';
import { Histogram } from './histogram';
import { Mean, MovieCard } from './movie-card';
import { colours, Poster } from './poster';
import { posterOf } from './poster-design';
import { Chances, Prediction, Reasons } from './prediction';
import { explain, usePredictions } from './predictions';
import { storedWrites, useOwnRating } from './ratings';
import { StarInput } from './star-input';
import { displayTitle } from './titles';

const N_SIMILAR = 12;
const N_REASONS = 5;
/** A movie is called polarizing when opinions differ more than on nine of ten. */
const POLARIZING = 0.9;

interface MoviePageProps {
  id: number;
}

/** One movie: what it is, what you and everybody think of it, and what is like it. */
export function MoviePage({ id }: MoviePageProps) {
  const own = useOwnRating(id);
  const found = useGet('/movies/{movie_id}', { path: { movie_id: id } });
  const { data: movie, error, reload } = found;
  useEffect(() => {
    if (movie) document.title = texts.pageTitle(texts.movie.name(displayTitle(movie.title), movie.year));
  }, [movie]);

  if (error?.status === 404) return <NotFound />;
  if (error && !movie) return <Failure error={error} retry={reload} />;
  if (!movie) return <Skeletons count={1} kind="row" />;
  return (
    <article>
      <Hero movie={movie} />
      <div class="movie-columns">
        <PredictionPanel id={id} />
        <Panel title={texts.movie.everyone}>
          <Mean movie={movie} />
          <Histogram bins={movie.histogram} own={own} label={texts.movie.bin} />
        </Panel>
      </div>
      <Similar id={id} />
    </article>
  );
}

function Hero({ movie }: { movie: MovieDetail }) {
  return (
    <header class="hero" style={colours(posterOf(movie, movie.title))}>
      {movie.poster_url ? <img class="poster" src={movie.poster_url} alt="" /> : <Poster movie={movie} />}
      <div class="hero-words">
        <h1>{displayTitle(movie.title)}</h1>
        <p class="hero-year">{movie.year ?? texts.movie.unknownYear}</p>
        <ul class="chips">
          {movie.genres.map((genre) => (
            <li key={genre}>
              <a href={href('browse', { genre })}>{genre}</a>
            </li>
          ))}
        </ul>
        {(movie.calmer_share ?? 0) >= POLARIZING && (
          <p class="facts">
            <b class="chip">{texts.movie.polarizing}</b> {texts.movie.polarizingWhy(movie.calmer_share ?? 0)}
          </p>
        )}
        {movie.synopsis && <p lang="en">{movie.synopsis}</p>}
        {(movie.synopsis || movie.poster_url) && (
          <p class="facts">
            <a href={`https://www.themoviedb.org/movie/${movie.tmdb_id}`}>{movie.description_source}</a>:{' '}
            {texts.movie.source}
          </p>
        )}
        <h2>{texts.movie.yours}</h2>
        <StarInput movie={movie} size="large" />
      </div>
    </header>
  );
}

function PredictionPanel({ id }: MoviePageProps) {
  const isRated = useOwnRating(id) !== null;
  const { data, error, isLoading, reload } = useResource(`explanation ${id} ${storedWrites.value}`, (signal) =>
    explain(id, signal),
  );
  const hasNoModel = error instanceof ApiError && (error.status === 404 || error.status === 409);
  const { contributions } = data ?? {};
  return (
    <Panel title={isRated ? texts.movie.predictionRated : texts.movie.prediction} aria-busy={isLoading}>
      {data && <Prediction stars={data.predicted_rating} margin={data.uncertainty} />}
      {contributions && (
        <p class="facts">
          {texts.movie.basis(
            contributions.global_mean,
            contributions.movie_bias,
            contributions.ratings + contributions.votes,
            contributions.scale,
          )}
        </p>
      )}
      {data && data.chances.length > 0 && <Chances chances={data.chances} />}
      {data && <h3>{texts.movie.reasons}</h3>}
      {data && (
        <Reasons
          reasons={data.reasons.filter(({ movie_id, share }) => movie_id !== id && share > 0).slice(0, N_REASONS)}
        />
      )}
      {!data && !error && <div class="skeleton skeleton-line" />}
      {hasNoModel && <p class="facts">{texts.movie.noModel}</p>}
      {error && !hasNoModel && !isLoading && <Failure error={error} retry={reload} />}
    </Panel>
  );
}

function Similar({ id }: MoviePageProps) {
  const { data, error, isLoading, reload } = useGet('/movies/{movie_id}/similar', {
    path: { movie_id: id },
    query: { limit: N_SIMILAR },
  });
  const movies = data?.items.map(({ movie }) => movie) ?? [];
  const predictions = usePredictions(movies);
  return (
    <section class="similar">
      <h2>{texts.movie.similar}</h2>
      {!data && isLoading && <Skeletons count={6} kind="poster" />}
      {error && !isLoading && <Failure error={error} retry={reload} />}
      {data?.items.length === 0 && <p class="facts">{texts.movie.similarNone}</p>}
      <ul class="grid">
        {movies.map((movie) => (
          <MovieCard key={movie.id} movie={movie} prediction={predictions.get(movie.id)} />
        ))}
      </ul>
    </section>
  );
}
