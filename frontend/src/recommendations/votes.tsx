import type { Movie, Vote } from '../api';
import { passFocusOn } from '../app/focus';
import { Icon } from '../app/icon';
import { displayTitle } from '../movies/titles';
import { texts } from '../texts';
import { hideWithUndo, toggleVote, useOwnVote } from './feedback';

const VOTES: readonly Exclude<Vote, 'none'>[] = ['like', 'dislike'];

interface VotesProps {
  movie: Movie;
  recommendationId: string;
  userId: number;
  /** The vote as the list has it. */
  listed: Vote;
}

/** Like, dislike, hide: what to say of a recommendation without having seen the movie. */
export function Votes({ movie, recommendationId, userId, listed }: VotesProps) {
  const own = useOwnVote(movie.id, listed);
  const title = displayTitle(movie.title);
  const { label, votes, votesOf, hide, hideOf } = texts.feedback;
  return (
    <fieldset class="votes">
      <legend class="visually-hidden">{label(title)}</legend>
      {VOTES.map((vote) => (
        <button
          key={vote}
          type="button"
          class={`vote vote-${vote}`}
          aria-pressed={vote === own}
          aria-label={votesOf[vote](title)}
          title={vote === own ? texts.feedback.takeBack : votes[vote]}
          onClick={() => toggleVote(movie, recommendationId, vote, own)}
        >
          <Icon name={vote} />
        </button>
      ))}
      <button
        type="button"
        class="vote vote-hide"
        aria-label={hideOf(title)}
        title={hideOf(title)}
        onClick={(event) => {
          passFocusOn(event.currentTarget);
          hideWithUndo(userId, movie);
        }}
      >
        <Icon name="hide" />
        {hide}
      </button>
    </fieldset>
  );
}
