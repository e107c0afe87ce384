/** The lists beside the map, which make its content available to the keyboard. */

import { call, type Movie } from '../api';
import { Button, Panel } from '../app/parts';
import { useResource } from '../app/resource';
import { href, route } from '../app/routes';
import { Failure, Skeletons } from '../app/states';
import { Prediction } from '../movies/prediction';
import { StarInput } from '../movies/star-input';
import { displayTitle } from '../movies/titles';
import { texts } from '../texts';
import { changeMap as change, type poles } from './model-map';

const N_NEIGHBOURS = 8;
const N_RECOMMENDED = 12;

interface Around {
  readonly movie: Movie | undefined;
  readonly neighbours: readonly Movie[];
  readonly failure: { error: NonNullable<ReturnType<typeof useResource>['error']>; retry: () => void } | null;
}

/** A movie, and those most like it in all dimensions of the model. */
export function useAround(id: number | null): Around {
  const { data, error, isLoading, isStale, reload } = useResource(`around ${id}`, async (signal) => {
    if (id === null) return null;
    const path = { movie_id: id };
    const [movie, similar] = await Promise.all([
      call('get', '/movies/{movie_id}', { path, signal }),
      call('get', '/movies/{movie_id}/similar', { path, query: { limit: N_NEIGHBOURS }, signal }),
    ]);
    return { movie, neighbours: similar.items.map((item) => item.movie) };
  });
  return {
    movie: isStale ? undefined : data?.movie,
    neighbours: isStale ? [] : (data?.neighbours ?? []),
    failure: error && !isLoading ? { error, retry: reload } : null,
  };
}

type Choose = (id: number) => void;

export function Found({ text, knows, onChoose }: { text: string; knows: (id: number) => boolean; onChoose: Choose }) {
  const { data, error, isLoading, reload } = useResource(`map search ${text}`, async (signal) =>
    text === '' ? null : call('get', '/movies', { query: { query: text, limit: 20 }, signal }),
  );
  if (text === '') return null;
  const movies = data?.items.filter(({ id }) => knows(id)).slice(0, 6) ?? [];
  return (
    <Panel title={texts.map.found}>
      {error && !isLoading && <Failure error={error} retry={reload} />}
      {data && movies.length === 0 && <p class="facts">{texts.browse.empty}</p>}
      <Buttons movies={movies} onChoose={onChoose} />
    </Panel>
  );
}

function Buttons({ movies, onChoose }: { movies: readonly Movie[]; onChoose: Choose }) {
  return (
    <ul class="map-list">
      {movies.map(({ id, title, year }) => (
        <li key={id}>
          <Button kind="quiet" onClick={() => onChoose(id)}>
            {texts.movie.name(displayTitle(title), year)}
          </Button>
        </li>
      ))}
    </ul>
  );
}

export function Chosen({ around, isPlaced, onChoose }: { around: Around; isPlaced: boolean; onChoose: Choose }) {
  const { movie, neighbours, failure } = around;
  if (failure) return <Failure {...failure} />;
  if (!movie) return <Skeletons count={1} kind="row" />;
  return (
    <section class="panel" aria-live="polite">
      <h2>
        <a href={href('movie', {}, movie.id)}>{texts.movie.name(displayTitle(movie.title), movie.year)}</a>
      </h2>
      <StarInput movie={movie} />
      {!isPlaced && <p class="facts">{texts.map.notPlaced}</p>}
      <h3>{texts.map.neighbours}</h3>
      <Buttons movies={neighbours} onChoose={onChoose} />
    </section>
  );
}

export function MovieList({ ids, onChoose }: { ids: readonly number[]; onChoose: Choose }) {
  const { data, error, isLoading, reload } = useResource(`titles ${ids}`, async (signal) => {
    if (ids.length === 0) return [];
    const query = { movie_id: [...ids], limit: ids.length };
    const { items } = await call('get', '/movies', { query, signal });
    const movies = new Map(items.map((movie) => [movie.id, movie]));
    return ids.flatMap((id) => movies.get(id) ?? []);
  });
  if (error && !isLoading) return <Failure error={error} retry={reload} />;
  return <Buttons movies={data ?? []} onChoose={onChoose} />;
}

/** The chosen movies, and recommendations for somebody who loves them. */
export function Liked({ ids, onChoose }: { ids: readonly number[]; onChoose: Choose }) {
  const { map } = texts;
  const isAsked = route.value.query.get('list') === '1';
  return (
    <Panel title={map.liked(ids.length)}>
      <div class="actions">
        <Button kind="primary" onClick={() => change({ list: 1 })}>
          {map.recommend}
        </Button>
        <Button onClick={() => change({ like: null, list: null })}>{map.clear}</Button>
      </div>
      {isAsked && <LikeThese ids={ids} />}
      <details open={!isAsked}>
        <summary>{map.likedList}</summary>
        <MovieList ids={ids} onChoose={onChoose} />
      </details>
    </Panel>
  );
}

function LikeThese({ ids }: { ids: readonly number[] }) {
  const { data, error, isLoading, reload } = useResource(`like these ${ids}`, (signal) =>
    call('post', '/recommendations', {
      body: {
        ratings: ids.map((id) => ({ movie_id: id, value: 5 })),
        limit: N_RECOMMENDED,
        diversity: 0,
        exploration: 0,
      },
      signal,
    }),
  );
  if (error && !isLoading) return <Failure error={error} retry={reload} />;
  if (!data) return <Skeletons count={1} kind="row" />;
  return (
    <>
      <h3>{texts.map.recommended}</h3>
      <ol class="map-list">
        {data.items.map(({ movie, predicted_rating: stars, uncertainty }) => (
          <li key={movie.id}>
            <a href={href('movie', {}, movie.id)}>{texts.movie.name(displayTitle(movie.title), movie.year)}</a>
            {stars != null && <Prediction stars={stars} margin={uncertainty ?? null} />}
          </li>
        ))}
      </ol>
    </>
  );
}

interface AxesProps {
  axes: ReturnType<typeof poles>;
  explained: readonly number[];
  onChoose: Choose;
}

/** Explains each axis by the movies and genres at its two ends. */
export function Axes({ axes, explained, onChoose }: AxesProps) {
  return (
    <Panel title={texts.map.axes}>
      {axes.map(({ low, high }, axis) => (
        <div key={axis}>
          <h3>{texts.map.axis(axis, explained[axis] ?? 0)}</h3>
          <div class="field-pair">
            {[low, high].map(({ genres, ids }, end) => (
              <div key={end}>
                <p class="facts">{texts.map.ends[end]?.(axis, genres)}</p>
                <MovieList ids={ids} onChoose={onChoose} />
              </div>
            ))}
          </div>
        </div>
      ))}
    </Panel>
  );
}
