import { call, type Me } from '../api';
import { ConfirmButton } from '../app/confirm';
import { act } from '../app/notices';
import { Button, Panel } from '../app/parts';
import { useGet } from '../app/resource';
import { Failure } from '../app/states';
import { nRatings, ratings } from '../movies/ratings';
import { displayTitle } from '../movies/titles';
import { texts } from '../texts';

const MOST_RATINGS = 100;
const MOST_NAME = 100;
const EXPECTED = { limit: 3, within: 20 };

/** The lists that every model must produce for test users before it can go live. */
export function Expectations({ me }: { me: Me }) {
  const { data, error, isLoading, reload } = useGet('/diagnostics/expectations');
  const { expectations: words } = texts;
  return (
    <Panel title={words.title} aria-busy={isLoading}>
      <p class="facts">{words.lead}</p>
      {error && !isLoading && <Failure error={error} retry={reload} />}
      <ul class="entries">
        {data?.items.map(({ id, name, ratings: given, expected }) => (
          <li key={id}>
            <p>
              <b>{name}</b>
              <small class="facts">{words.facts(given.length, expected.length)}</small>
            </p>
            <ConfirmButton
              label={texts.models.remove}
              name={words.removeOf(name)}
              title={words.removeTitle(name)}
              text={words.removeText}
              kind="danger"
              onConfirm={() =>
                void act(
                  words.removed,
                  reload,
                  call('delete', '/diagnostics/expectations/{expectation_id}', { path: { expectation_id: id } }),
                )
              }
            />
          </li>
        ))}
      </ul>
      {nRatings.value > 0 ? (
        <p class="actions">
          <Button onClick={() => void act(words.saved, reload, saveOwn(me))}>
            {words.save(EXPECTED.limit, EXPECTED.within)}
          </Button>
        </p>
      ) : (
        <p class="facts">{words.noRatings}</p>
      )}
    </Panel>
  );
}

/** Expect of new models what this user's list holds now. */
async function saveOwn(me: Me): Promise<void> {
  const { items } = await call('get', '/recommendations/{user_id}', {
    path: { user_id: me.id },
    query: { limit: EXPECTED.limit },
  });
  const titles = items.map(({ movie }) => displayTitle(movie.title)).join(', ');
  await call('post', '/diagnostics/expectations', {
    body: {
      name: `${me.username}: ${titles}`.slice(0, MOST_NAME),
      ratings: [...ratings.value.values()]
        .slice(0, MOST_RATINGS)
        .map(({ movie, value }) => ({ movie_id: movie.id, value })),
      expected: items.map(({ movie }) => ({ movie_id: movie.id, within: EXPECTED.within })),
    },
  });
}
