import { useRef, useState } from 'preact/hooks';
import type { Movie } from '../api';
import { Button, LinkButton, PageHead } from '../app/parts';
import { useResource } from '../app/resource';
import { href } from '../app/routes';
import { Empty, Failure, Skeletons } from '../app/states';
import { PosterLink } from '../movies/movie-card';
import { storedWrites, useOwnRating } from '../movies/ratings';
import { StarInput } from '../movies/star-input';
import { texts } from '../texts';
import { fillSlots } from './order';
import { ask } from './requests';
import { SuggestionRow } from './suggestion-row';

const N_QUESTIONS = 5;
const N_SUGGESTED = 12;
/** The service accepts no more. */
const MOST_PASSED = 50;

/** Asks for the most informative ratings and shows the list that follows from them. */
export function Start() {
  const [passed, setPassed] = useState<readonly number[]>([]);
  const shown = useRef<readonly Movie[]>([]);
  const version = storedWrites.value;
  const exclude = passed.slice(-MOST_PASSED);
  const { data, error, isLoading, isStale, reload } = useResource(`questions ${version} ${exclude}`, (signal) =>
    ask({ limit: N_QUESTIONS, exclude }, signal),
  );
  if (data && !isStale) {
    shown.current = fillSlots(shown.current, data.items, ({ id }) => passed.includes(id), N_QUESTIONS);
  }
  const pass = (movies: readonly Movie[]) => setPassed((before) => [...before, ...movies.map(({ id }) => id)]);

  return (
    <>
      <PageHead title={texts.start.title} lead={texts.start.lead} />
      {data?.model && <Knowledge share={data.knowledge} />}
      <section class="similar" aria-label={texts.start.questions} aria-busy={isLoading}>
        {!data && isLoading && <Skeletons count={N_QUESTIONS} kind="poster" />}
        {error && !isLoading && <Failure error={error} retry={reload} />}
        {data && shown.current.length === 0 && <Empty title={texts.start.empty} hint={texts.start.emptyHint} />}
        <ul class="grid strip">
          {shown.current.map((movie, slot) => (
            // The next movie takes the place of one passed over, so its button keeps the focus.
            <Question key={slot} movie={movie} onUnseen={() => pass([movie])} />
          ))}
        </ul>
        <p class="actions">
          <LinkButton kind="primary" href={href('for-you')}>
            {texts.start.done}
          </LinkButton>
          <Button onClick={() => pass(shown.current)}>{texts.start.more}</Button>
          <LinkButton href={href('import')}>{texts.start.import}</LinkButton>
        </p>
      </section>
      <SuggestionRow title={texts.start.suggestions} wanted={{ limit: N_SUGGESTED }} version={version} />
    </>
  );
}

/** The share of the uncertainty that the answers have removed. */
function Knowledge({ share }: { share: number }) {
  return (
    <label class="field">
      <span role="status">{texts.start.knowledge(share)}</span>
      <meter value={share} />
    </label>
  );
}

function Question({ movie, onUnseen }: { movie: Movie; onUnseen: () => void }) {
  const isRated = useOwnRating(movie.id) !== null;
  return (
    <li class="card">
      <PosterLink movie={movie} />
      <StarInput movie={movie} />
      <Button kind="quiet" disabled={isRated} onClick={onUnseen}>
        {texts.start.unseen}
      </Button>
    </li>
  );
}
