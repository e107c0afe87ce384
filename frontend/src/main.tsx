import './style.css';
import { render } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Me } from './api';
import { Header } from './components/header';
import { Notices } from './components/notices';
import { Failure, Skeletons } from './components/states';
import { Insights, PAGES } from './pages';
import { ChoosePassword } from './pages/choose-password';
import { NotFound } from './pages/not-found';
import { SignIn } from './pages/sign-in';
import { arrivalScroll, href, type PageName, replace, route, safeReturn, startRouting } from './routes';
import { session, startSession } from './session';
import { startLanguage, texts } from './texts';
import { startTheme } from './theme';

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
      <main id="main" tabIndex={-1} ref={main}>
        <Content />
      </main>
      <Notices />
      <p id="star-help" hidden>
        {texts.stars.help}
      </p>
    </>
  );
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
    case 'signed-in':
      if (current.me.must_change_password) return <ChoosePassword username={current.me.username} />;
      return isEntrance ? (
        <Redirect to={safeReturn(query.get('next'), page === 'register' ? 'start' : 'browse')} />
      ) : (
        <Page me={current.me} />
      );
  }
}

function Page({ me }: { me: Me }) {
  const { page, id } = route.value;
  if (page === 'sign-in' || page === 'register' || page === 'not-found') return <NotFound />;
  const { View, isForAdmins } = PAGES[page];
  return isForAdmins && !me.is_admin ? <NotFound /> : <View key={id} id={id} me={me} />;
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
