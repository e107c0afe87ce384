import { call, type Me, type Movie } from '../api';
import { passFocusOn } from '../app/focus';
import { Icon } from '../app/icon';
import { useResource } from '../app/resource';
import { href } from '../app/routes';
import { Empty, Failure, Skeletons } from '../app/states';
import { PosterLink } from '../movies/movie-card';
import { displayTitle } from '../movies/titles';
import { texts } from '../texts';
import { hiding, showAgainWithUndo, storedFeedback } from './feedback';

const MOST = 100;

/** The movies that no list of the user holds, each with a way back. */
export function Hidden({ me }: { me: Me }) {
  const { data, error, isLoading, reload } = useResource(`hidden ${storedFeedback.value}`, (signal) =>
    call('get', '/hidden/{user_id}', { path: { user_id: me.id }, query: { limit: MOST }, signal }),
  );
  const items = data?.items.filter(({ id }) => hiding.value.get(id) !== false) ?? [];
  return (
    <>
      <header class="page-head">
        <h1>{texts.hidden.title}</h1>
        <p class="lead" role="status">
          {data && texts.hidden.count(items.length, data.items.length === MOST)}
        </p>
      </header>
      {!data && isLoading && <Skeletons count={6} kind="row" />}
      {error && !isLoading && <Failure error={error} retry={reload} />}
      {data && items.length === 0 && (
        <Empty title={texts.hidden.empty} hint={texts.hidden.emptyHint}>
          <a class="button" href={href('for-you')}>
            {texts.nav.pages['for-you']}
          </a>
        </Empty>
      )}
      <ul class="rows rating-list">
        {items.map((movie) => (
          <HiddenRow key={movie.id} movie={movie} userId={me.id} />
        ))}
      </ul>
    </>
  );
}

function HiddenRow({ movie, userId }: { movie: Movie; userId: number }) {
  const title = displayTitle(movie.title);
  return (
    <li class="rating-row hidden-row">
      <PosterLink movie={movie} />
      <div>
        <h2>
          <a href={href('movie', {}, movie.id)}>{title}</a>
        </h2>
        <p class="facts">
          {movie.year ?? texts.movie.unknownYear} · {movie.genres.join(', ')}
        </p>
      </div>
      <button
        type="button"
        class="button"
        aria-label={texts.hidden.showTitle(title)}
        onClick={(event) => {
          passFocusOn(event.currentTarget);
          showAgainWithUndo(userId, movie);
        }}
      >
        <Icon name="show" />
        {texts.hidden.show}
      </button>
    </li>
  );
}
