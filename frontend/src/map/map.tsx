import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { call, type GenreMap, type Me, type MovieMap } from '../api';
import { InputField, SelectField } from '../app/form';
import { Button, Legend, LinkButton, PageHead, Panel } from '../app/parts';
import { useGet, useResource } from '../app/resource';
import { href, route } from '../app/routes';
import { Empty, Failure, Skeletons } from '../app/states';
import { theme } from '../app/theme';
import { CsvButton } from '../charts/plot';
import { storedWrites } from '../movies/ratings';
import { displayTitle } from '../movies/titles';
import { texts } from '../texts';
import { between, overview, project, type View } from './camera';
import { Axes, Chosen, Found, Liked, MovieList, useAround } from './lists';
import { COLOURINGS, type Colouring, changeMap as change, colouring, genreCentres, poles, RADIUS } from './model-map';
import { type Mark, PointCloud } from './point-cloud';

const N_LISTED = 12;
/** The address and one request carry no more; a lasso keeps the most rated movies. */
const MOST_CHOSEN = 20;
const FLIGHT_MILLISECONDS = 600;
const CLOSE = 5; // times nearer than the overview

/** Movies or genres along the principal axes of the live model. */
export function MapPage({ me }: { me: Me }) {
  const active = useGet('/models/active');
  const { query } = route.value;
  const of = query.get('of') === 'genres' ? 'genres' : 'movies';
  const dims = query.get('dims') === '3' ? 3 : 2;
  const { map } = texts;
  return (
    <>
      <PageHead title={map.title} lead={map.lead} />
      <search class="toolbar">
        <SelectField
          label={map.of}
          value={of}
          options={{ movies: map.movies, genres: map.genres }}
          onValue={(value) => change({ of: value })}
        />
        <SelectField
          label={map.dims}
          value={String(dims)}
          options={{ 2: map.flat, 3: map.deep }}
          onValue={(value) => change({ dims: value })}
        />
        {of === 'movies' && <ColourField />}
        {of === 'movies' && (
          <InputField
            name="query"
            label={texts.browse.search}
            hint={texts.browse.placeholder}
            value={query.get('query') ?? ''}
            onValue={(text) => change({ query: text.trimStart() })}
          />
        )}
      </search>
      {active.error && !active.isLoading && <Failure error={active.error} retry={active.reload} />}
      {!active.data && active.isLoading && <Skeletons count={2} kind="pick" />}
      {active.data && !active.data.model && <NoMap />}
      {active.data?.model && <Maps key={`${of} ${dims}`} id={active.data.model.id} of={of} dims={dims} me={me} />}
    </>
  );
}

function NoMap() {
  return (
    <Empty title={texts.map.noModel} hint={texts.map.noModelHint}>
      <LinkButton href={href('browse')}>{texts.notFound.home}</LinkButton>
    </Empty>
  );
}

function colourIn(query: URLSearchParams): Colouring {
  return COLOURINGS.find((name) => name === query.get('colour')) ?? 'genre';
}

function ColourField() {
  return (
    <SelectField
      label={texts.map.colour}
      value={colourIn(route.value.query)}
      options={texts.map.colours}
      onValue={(colour) => change({ colour })}
    />
  );
}

interface MapsProps {
  id: number;
  of: 'movies' | 'genres';
  dims: 2 | 3;
  me: Me;
}

function Maps({ id, of, dims, me }: MapsProps) {
  const { data, error, isLoading, reload } = useGet('/models/{model_id}/map', {
    path: { model_id: id },
    query: { of, dims },
  });
  if (error && !isLoading) return <Failure error={error} retry={reload} />;
  if (!data) return <Skeletons count={2} kind="pick" />;
  if (!('ids' in data)) return <GenrePlaces map={data} />;
  return data.ids.length === 0 ? <NoMap /> : <MoviePlaces map={data} me={me} dims={dims} />;
}

/** The view, and a flight to another. */
function useFlight(start: () => View) {
  const [view, setView] = useState(start);
  const frame = useRef(0);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  const move = (next: View) => {
    cancelAnimationFrame(frame.current);
    setView(next);
  };
  const fly = (to: View) => {
    cancelAnimationFrame(frame.current);
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return setView(to);
    const began = performance.now();
    const step = (now: number) => {
      const share = Math.min(1, Math.max(0, now - began) / FLIGHT_MILLISECONDS);
      setView(between(view, to, share * share * (3 - 2 * share)));
      if (share < 1) frame.current = requestAnimationFrame(step);
    };
    frame.current = requestAnimationFrame(step);
  };
  return { view, move, fly };
}

function MoviePlaces({ map, me, dims }: { map: MovieMap; me: Me; dims: 2 | 3 }) {
  const { query } = route.value;
  const by = colourIn(query);
  const start = useMemo(() => overview(map.coordinates), [map]);
  const { view, move, fly } = useFlight(() => start);
  const [isLasso, setLasso] = useState(false);
  const look = useMemo(() => colouring(map, by), [map, by]);
  const radii = useMemo(() => Uint8Array.from(map.n_ratings, RADIUS), [map]);
  const centres = useMemo(() => genreCentres(map), [map]);
  const axes = useMemo(() => poles(map, centres), [map, centres]);
  const outer = useMemo(() => {
    const names = new Set(axes.flatMap(({ low, high }) => [low.genres[0], high.genres[0]]));
    return centres.filter(({ name }) => names.has(name));
  }, [axes, centres]);
  const places = useMemo(() => new Map(map.ids.map((id, index) => [id, index])), [map]);
  const legend = useRef<HTMLDivElement>(null);
  const palette = usePalette(legend, `${by} ${theme.value}`);
  const chosen = Number(query.get('movie')) || null;
  const liked = (query.get('like') ?? '')
    .split(',')
    .map(Number)
    .filter((id) => places.has(id))
    .slice(0, MOST_CHOSEN);
  const around = useAround(chosen);
  const position = useResource(`position ${map.model.id} ${dims} ${storedWrites.value}`, (signal) =>
    call('get', '/models/{model_id}/map/users/{user_id}', {
      path: { model_id: map.model.id, user_id: me.id },
      query: { dims },
      signal,
    }),
  );

  const placeOf = (id: number) => {
    const index = places.get(id);
    return index === undefined ? null : map.coordinates.map((column) => column[index] ?? 0);
  };
  const flyTo = (place: readonly number[]) =>
    fly({ ...view, target: [place[0] ?? 0, place[1] ?? 0, place[2] ?? 0], zoom: start.zoom * CLOSE });
  const choose = (id: number) => {
    change({ movie: id, query: null });
    const place = placeOf(id);
    if (place) flyTo(place);
  };
  useEffect(() => {
    const place = chosen && placeOf(chosen);
    if (place) flyTo(place);
  }, []);

  const own = position.data && position.data.n_ratings_used > 0 ? position.data.position : null;
  const marks: Mark[] = [
    ...outer.map(({ name, place }) => ({ place, name, kind: 'genre' as const })),
    ...around.neighbours.flatMap(({ id, title }) => markOf(placeOf(id), displayTitle(title), 'near')),
    ...markOf(chosen && placeOf(chosen), displayTitle(around.movie?.title ?? ''), 'chosen'),
    ...markOf(own, texts.map.me, 'me'),
  ];
  const select = (indices: readonly number[]) => {
    const known = [...indices].sort((a, b) => (map.n_ratings[b] ?? 0) - (map.n_ratings[a] ?? 0));
    change({
      like: known
        .slice(0, MOST_CHOSEN)
        .map((index) => map.ids[index])
        .join(','),
    });
    setLasso(false);
  };
  const inView = useInView(map, view);
  return (
    <div class="map">
      <section class="panel map-window" aria-label={texts.map.title}>
        <PointCloud
          label={texts.map.label(map.ids.length, dims)}
          columns={map.coordinates}
          classes={look.classes}
          palette={palette}
          radii={radii}
          marks={marks}
          view={view}
          isLasso={isLasso}
          onView={move}
          onPick={(index) => change({ movie: map.ids[index] ?? null, query: null })}
          onLasso={select}
        />
        <div ref={legend}>
          <Legend entries={look.legend.map(({ name, hue }) => [name, hue])} />
        </div>
        <div class="actions">
          <Button aria-pressed={isLasso} onClick={() => setLasso(!isLasso)}>
            {texts.map.lasso}
          </Button>
          <Button onClick={() => select(inView)}>{texts.map.takeView}</Button>
          <Button onClick={() => fly(start)}>{texts.map.overview}</Button>
          {own && <Button onClick={() => flyTo(own)}>{texts.map.toMe}</Button>}
        </div>
        <p class="facts">{texts.map.keys[dims]}</p>
      </section>
      <div class="map-lists">
        <Found text={query.get('query') ?? ''} knows={(id) => places.has(id)} onChoose={choose} />
        {chosen !== null && <Chosen around={around} onChoose={choose} isPlaced={places.has(chosen)} />}
        {liked.length > 0 ? (
          <Liked ids={liked} onChoose={choose} />
        ) : (
          <Panel title={texts.map.inView(inView.length)}>
            <MovieList ids={inView.slice(0, N_LISTED).map((index) => map.ids[index] ?? 0)} onChoose={choose} />
          </Panel>
        )}
        <Axes axes={axes} explained={map.explained} onChoose={choose} />
      </div>
    </div>
  );
}

function markOf(place: readonly number[] | null | 0, name: string, kind: Mark['kind']): Mark[] {
  return place ? [{ place, name, kind }] : [];
}

/** The colours of the legend, which the stylesheet gives and the theme changes. */
function usePalette(legend: { current: HTMLDivElement | null }, key: string): readonly string[] {
  const [palette, setPalette] = useState<readonly string[]>([]);
  useLayoutEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const read = () => {
      const swatches = [...(legend.current?.querySelectorAll('.swatch') ?? [])];
      setPalette(swatches.map((swatch) => getComputedStyle(swatch).color));
    };
    read();
    dark.addEventListener('change', read);
    return () => dark.removeEventListener('change', read);
  }, [key]);
  return palette;
}

/** The best known movies in the window, once it rests. */
function useInView(map: MovieMap, view: View): readonly number[] {
  const [found, setFound] = useState<readonly number[]>([]);
  useEffect(() => {
    const timer = setTimeout(() => {
      const { x, y } = project(map.coordinates, view, { width: 2, height: 2 });
      const inside = map.ids.flatMap((_, i) =>
        Math.abs((x[i] ?? 9) - 1) <= 1 && Math.abs((y[i] ?? 9) - 1) <= 1 ? i : [],
      );
      setFound(inside.sort((a, b) => (map.n_ratings[b] ?? 0) - (map.n_ratings[a] ?? 0)));
    }, 200);
    return () => clearTimeout(timer);
  }, [map, view]);
  return found;
}

function GenrePlaces({ map }: { map: GenreMap }) {
  const start = useMemo(() => overview(map.coordinates), [map]);
  const { view, move } = useFlight(() => ({ ...start, zoom: start.zoom * 0.85 }));
  const legend = useRef<HTMLDivElement>(null);
  const palette = usePalette(legend, theme.value);
  const columns = [
    texts.filters.genre,
    ...map.coordinates.map((_, axis) => texts.map.axisName(axis)),
    texts.map.movies,
  ];
  const rows = map.names.map((name, i) => [
    name,
    ...map.coordinates.map((column) => column[i] ?? 0),
    map.n_movies[i] ?? 0,
  ]);
  return (
    <div class="map">
      <section class="panel map-window" aria-label={texts.map.title}>
        <PointCloud
          label={texts.map.genreLabel(map.names.length)}
          columns={map.coordinates}
          classes={new Uint8Array(map.names.length)}
          palette={palette}
          radii={Uint8Array.from(map.n_movies, (n) => Math.min(9, 3 + Math.sqrt(n) / 8))}
          marks={map.names.map((name, i) => ({
            name,
            kind: 'genre' as const,
            place: map.coordinates.map((column) => column[i] ?? 0),
          }))}
          view={view}
          isLasso={false}
          onView={move}
          onPick={(index) => {
            location.hash = href('browse', { genre: map.names[index] ?? '' });
          }}
          onLasso={() => {}}
        />
        <div ref={legend}>
          <Legend entries={[[texts.map.genreSize, 'hue-0']]} />
        </div>
      </section>
      <section class="panel map-lists">
        <h2>{texts.map.genres}</h2>
        <p class="facts">{map.explained.map((share, axis) => texts.map.axis(axis, share)).join(' · ')}</p>
        <ul class="map-list">
          {rows.map(([name, x, y]) => (
            <li key={name}>
              <a href={href('browse', { genre: String(name) })}>{name}</a> {texts.map.at(Number(x), Number(y))}
            </li>
          ))}
        </ul>
        <CsvButton name={texts.map.genres} columns={columns} rows={rows} />
      </section>
    </div>
  );
}
