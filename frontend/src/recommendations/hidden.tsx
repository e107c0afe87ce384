import type { Me, Movie } from '../api';
import { passFocusOn } from '../app/focus';
import { Icon } from '../app/icon';
import { Button, LinkButton, PageHead } from '../app/parts';
import { useGet } from '../app/resource';
import { href } from '../app/routes';
import { Empty, Failure, Skeletons } from '../app/states';
import { PosterLink } from '../movies/movie-card';
import { displayTitle } from '../movies/titles';
import { texts } from '../texts';
import { hiding, showAgainWithUndo, storedFeedback } from './feedback';

const MOST = 100;

/** The movies that no list of the user holds, each with a way back. */
export function Hidden({ me }: { me: Me }) {
  const { data, error, isLoading, reload } = useGet(
    '/hidden/{user_id}',
    {
      path: { user_id: me.id },
      query: { limit: MOST },
    },
    storedFeedback.value,
  );
  const items = data?.items.filter(({ id }) => hiding.value.get(id) !== false) ?? [];
  return (
    <>
      <PageHead title={texts.hidden.title}>
        <p class="lead" role="status">
          {data && texts.hidden.count(items.length, data.items.length === MOST)}
        </p>
      </PageHead>
      {!data && isLoading && <Skeletons count={6} kind="row" />}
      {error && !isLoading && <Failure error={error} retry={reload} />}
      {data && items.length === 0 && (
        <Empty title={texts.hidden.empty} hint={texts.hidden.emptyHint}>
          <LinkButton href={href('for-you')}>{texts.nav.pages['for-you']}</LinkButton>
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
      <Button
        aria-label={texts.hidden.showTitle(title)}
        onClick={(event) => {
          passFocusOn(event.currentTarget);
          showAgainWithUndo(userId, movie);
        }}
      >
        <Icon name="show" />
        {texts.hidden.show}
      </Button>
    </li>
  );
}
