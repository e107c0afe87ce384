import { useMemo, useState } from 'preact/hooks';
import { ApiError, type Me, type RatedMovie } from '../api';
import { Icon } from '../components/icon';
import { PosterLink } from '../components/movie-card';
import { StarInput } from '../components/stars';
import { Empty, Failure, Skeletons } from '../components/states';
import { loadRatings, nRatings, ratings, ratingsLoading, removeWithUndo } from '../ratings';
import { href } from '../routes';
import { texts } from '../texts';
import { displayTitle } from '../titles';

const PAGE = 60;

/** Everything the user has rated, newest first. */
export function MyRatings({ me }: { me: Me }) {
  const [shown, setShown] = useState(PAGE);
  // An edited rating keeps its place: the order follows the set, not the times.
  const order = useMemo(
    () => [...ratings.value.values()].sort((a, b) => b.rated_at.localeCompare(a.rated_at)).map(({ movie }) => movie.id),
    [nRatings.value, ratingsLoading.value],
  );
  const state = ratingsLoading.value;
  const listed = order.flatMap((id) => ratings.value.get(id) ?? []);
  return (
    <>
      <header class="page-head">
        <h1>{texts.myRatings.title}</h1>
        {state === 'ready' && (
          <p class="lead" role="status">
            {texts.myRatings.count(listed.length)}
          </p>
        )}
        <p>
          <a href={href('hidden')}>{texts.hidden.link}</a>
        </p>
      </header>
      {state === 'loading' && listed.length === 0 && <Skeletons count={6} kind="row" />}
      {state instanceof ApiError && <Failure error={state} retry={() => void loadRatings(me.id)} />}
      {state === 'ready' && listed.length === 0 && (
        <Empty title={texts.myRatings.empty} hint={texts.myRatings.emptyHint}>
          <a class="button primary" href={href('browse')}>
            {texts.myRatings.start}
          </a>
        </Empty>
      )}
      <ul class="rows rating-list">
        {listed.slice(0, shown).map((rating) => (
          <RatingRow key={rating.movie.id} rating={rating} />
        ))}
      </ul>
      {shown < listed.length && (
        <button type="button" class="button more" onClick={() => setShown(shown + PAGE)}>
          {texts.myRatings.more}
        </button>
      )}
    </>
  );
}

function RatingRow({ rating }: { rating: RatedMovie }) {
  const { movie, rated_at } = rating;
  const title = displayTitle(movie.title);
  return (
    <li class="rating-row">
      <PosterLink movie={movie} />
      <div>
        <h2>
          <a href={href('movie', {}, movie.id)}>{title}</a>
        </h2>
        <p class="facts">
          {movie.year ?? texts.movie.unknownYear} · {texts.myRatings.ratedOn(rated_at)}
        </p>
      </div>
      <StarInput movie={movie} />
      <button
        type="button"
        class="icon-button"
        aria-label={texts.myRatings.remove(title)}
        title={texts.myRatings.remove(title)}
        onClick={() => removeWithUndo(rating)}
      >
        <Icon name="remove" />
      </button>
    </li>
  );
}
