import './app/style.css';
import { type ComponentChildren, render } from 'preact';
import { useEffect, useErrorBoundary, useLayoutEffect, useRef } from 'preact/hooks';
import { ChoosePassword } from './account/choose-password';
import { KeptBar } from './account/kept-bar';
import { session, startSession } from './account/session';
import { SignIn } from './account/sign-in';
import { ApiError, type Me } from './api';
import { NotFound } from './app/not-found';
import { Notices } from './app/notice-list';
import { forgetResources } from './app/resource';
import { arrivalScroll, href, type PageName, replace, route, safeReturn, startRouting } from './app/routes';
import { Failure, Skeletons } from './app/states';
import { startTheme } from './app/theme';
import { Header } from './header';
import { Insights, PAGES } from './pages';
import { startLanguage, texts } from './texts';

function App() {
  const main = useRef<HTMLElement>(null);
  const { page, id } = route.value;
  useArrival(main, page, id);
  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: it goes to a place on this page, as people expect of a link */}
      <a
        class="skip-link"
        href="#main"
        onClick={(event) => {
          event.preventDefault(); // the hash belongs to the routes
          main.current?.focus();
        }}
      >
        {texts.nav.skip}
      </a>
      <Header />
      <KeptBar />
      <main id="main" tabIndex={-1} ref={main}>
        <Guarded key={`${page} ${id}`}>
          <Content />
        </Guarded>
      </main>
      <Notices />
      <p id="star-help" hidden>
        {texts.stars.help}
      </p>
    </>
  );
}

/** A page that cannot be drawn, as from the answer of another version, is told like one that does not come. */
function Guarded({ children }: { children: ComponentChildren }) {
  const [fault, reset] = useErrorBoundary((error) => reportError(error));
  if (!fault) return children;
  const retry = () => {
    forgetResources();
    reset();
  };
  return <Failure error={new ApiError('malformed')} retry={retry} />;
}

/** A new page: its title, its scroll position, and the focus at its beginning. */
function useArrival(main: { current: HTMLElement | null }, page: PageName, id: number): void {
  const isFirst = useRef(true);
  useLayoutEffect(() => {
    document.title = texts.pageTitle(titleOf(page));
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    scrollTo(0, arrivalScroll);
    isFirst.current = false;
  }, [page, id]);
}

function titleOf(page: PageName): string {
  if (page === 'sign-in') return texts.account.signIn;
  if (page === 'register') return texts.account.register;
  return page === 'not-found' ? texts.notFound.title : PAGES[page].title();
}

function Content() {
  const current = session.value;
  const { page, query } = route.value;
  const isEntrance = page === 'sign-in' || page === 'register';
  switch (current.state) {
    case 'unknown':
      return <Skeletons count={12} kind="poster" />;
    case 'unreachable':
      return <Failure error={current.error} retry={() => void startSession()} />;
    case 'signed-out':
      if (page === 'insights') return <Insights />;
      return isEntrance ? <SignIn key={page} /> : <Redirect to={href('sign-in', { next: location.hash })} />;
    case 'guest':
      return isEntrance ? <SignIn key={page} /> : <Page me={null} />;
    case 'signed-in':
      if (current.me.must_change_password) return <ChoosePassword username={current.me.username} />;
      return isEntrance ? (
        <Redirect to={safeReturn(query.get('next'), page === 'register' ? 'start' : 'browse')} />
      ) : (
        <Page me={current.me} />
      );
  }
}

function Page({ me }: { me: Me | null }) {
  const { page, id } = route.value;
  if (page === 'sign-in' || page === 'register' || page === 'not-found') return <NotFound />;
  const found = PAGES[page];
  if (found.access === 'open') return <found.View key={id} id={id} />;
  if (!me) return <Redirect to={href('sign-in', { next: location.hash })} />;
  return found.access === 'admin' && !me.is_admin ? <NotFound /> : <found.View key={id} id={id} me={me} />;
}

function Redirect({ to }: { to: string }) {
  useEffect(() => replace(to), [to]);
  return null;
}

async function start(root: HTMLElement): Promise<void> {
  startTheme();
  startRouting();
  void startSession();
  await startLanguage();
  render(<App />, root);
}

const root = document.getElementById('app');
if (root) void start(root);
