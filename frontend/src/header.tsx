import { session, signOut } from './account/session';
import { asApiError } from './app/errors';
import { Icon } from './app/icon';
import { notify } from './app/notices';
import { Button } from './app/parts';
import { EXPERIMENT_PAGES, href, MODEL_PAGES, type PageName, route } from './app/routes';
import { chooseNextTheme, theme } from './app/theme';
import { nRatings } from './movies/ratings';
import { chooseLanguage, LANGUAGES, language, texts } from './texts';

const OPEN_PAGES = ['browse', 'for-you', 'my-ratings', 'insights'] as const;
const OWN_PAGES = ['map'] as const;
const ADMIN_PAGES = ['experiments', 'models'] as const;

/** The page itself, or the section that it belongs to. */
function current(page: PageName): 'page' | 'true' | undefined {
  const shown = route.value.page;
  if (shown === page) return 'page';
  if (page === 'insights' && shown === 'polarizing') return 'true';
  if (page === 'models') return MODEL_PAGES.has(shown) ? 'true' : undefined;
  return page === 'experiments' && EXPERIMENT_PAGES.has(shown) ? 'true' : undefined;
}

async function leave(): Promise<void> {
  try {
    await signOut();
  } catch (error) {
    notify({ text: texts.account.signOutFailed, error: asApiError(error) });
  }
}

export function Header() {
  const { state } = session.value;
  const me = session.value.state === 'signed-in' ? session.value.me : null;
  const isVisitor = state === 'signed-out' && route.value.page === 'insights'; // the page that is open to anybody
  const isInside = state === 'guest' || me?.must_change_password === false;
  return (
    <header class="header">
      <a class="wordmark" href={href('browse')}>
        <Mark />
        {texts.name}
      </a>
      {isInside && (
        <nav aria-label={texts.nav.label}>
          {[...OPEN_PAGES, ...(me ? OWN_PAGES : []), ...(me?.is_admin ? ADMIN_PAGES : [])].map((page) => (
            <a key={page} href={href(page)} aria-current={current(page)}>
              {texts.nav.pages[page]}
              {page === 'my-ratings' && nRatings.value > 0 && (
                <span class="count" aria-hidden="true">
                  {nRatings.value}
                </span>
              )}
            </a>
          ))}
        </nav>
      )}
      <div class="header-end">
        <Button
          kind="icon"
          aria-label={texts.nav.theme[theme.value]}
          title={texts.nav.theme[theme.value]}
          onClick={chooseNextTheme}
        >
          <Icon name={theme.value} />
        </Button>
        <LanguageChoice />
        {(state === 'guest' || isVisitor) && (
          <a class="quiet-button" href={href('sign-in', { next: isVisitor ? location.hash : '' })}>
            {texts.account.signIn}
          </a>
        )}
        {me && (
          <>
            <a class="quiet-button" href={href('settings')} title={texts.nav.signedInAs(me.username)}>
              <Icon name="settings" />
              <span class="visually-hidden">{texts.settings.title}</span>
              <span class="username">{me.username}</span>
            </a>
            <Button kind="quiet" onClick={leave}>
              <Icon name="leave" />
              <span>{texts.nav.signOut}</span>
            </Button>
          </>
        )}
      </div>
    </header>
  );
}

/** Offers the other language, by its own name. */
function LanguageChoice() {
  const other = language.value === 'en' ? 'de' : 'en';
  return (
    <Button
      kind="quiet"
      lang={other}
      aria-label={`${other.toUpperCase()}: ${LANGUAGES[other]}`}
      title={LANGUAGES[other]}
      onClick={() => chooseLanguage(other)}
    >
      {other.toUpperCase()}
    </Button>
  );
}

function Mark() {
  return (
    <svg class="mark" viewBox="0 0 20 22" aria-hidden="true">
      <path d="M1 0h9v22l-9-4z" class="mark-front" />
      <path d="M10 0l9 4v14l-9 4z" class="mark-back" />
    </svg>
  );
}
