import './style.css';
import { render } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Me } from './api';
import { Header } from './components/header';
import { Notices } from './components/notices';
import { Failure, Skeletons } from './components/states';
import { Browse } from './pages/browse';
import { ChoosePassword } from './pages/choose-password';
import { ExperimentPage } from './pages/experiment';
import { Experiments } from './pages/experiments';
import { ForYou } from './pages/for-you';
import { Hidden } from './pages/hidden';
import { ImportRatings } from './pages/import';
import { MoviePage } from './pages/movie';
import { MyRatings } from './pages/my-ratings';
import { NewExperiment } from './pages/new-experiment';
import { NotFound } from './pages/not-found';
import { Settings } from './pages/settings';
import { SignIn } from './pages/sign-in';
import { Simulation } from './pages/simulation';
import {
  arrivalScroll,
  EXPERIMENT_PAGES,
  href,
  type PageName,
  replace,
  route,
  safeReturn,
  startRouting,
} from './routes';
import { session, startSession } from './session';
import { texts } from './texts';
import { startTheme } from './theme';

const TITLES: Record<PageName, string> = {
  browse: texts.browse.title,
  movie: texts.browse.title,
  'for-you': texts.forYou.title,
  'my-ratings': texts.myRatings.title,
  hidden: texts.hidden.title,
  import: texts.transfer.title,
  settings: texts.settings.title,
  experiments: texts.experiments.title,
  experiment: texts.experiments.title,
  'new-experiment': texts.experiments.create,
  simulation: texts.simulation.title,
  'sign-in': texts.account.signIn,
  register: texts.account.register,
  'not-found': texts.notFound.title,
};

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
    document.title = texts.pageTitle(TITLES[page]);
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    scrollTo(0, arrivalScroll);
    isFirst.current = false;
  }, [page, id]);
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
      return isEntrance ? <SignIn key={page} /> : <Redirect to={href('sign-in', { next: location.hash })} />;
    case 'signed-in':
      if (current.me.must_change_password) return <ChoosePassword username={current.me.username} />;
      return isEntrance ? <Redirect to={safeReturn(query.get('next'))} /> : <Page me={current.me} />;
  }
}

function Page({ me }: { me: Me }) {
  const { page, id } = route.value;
  if (EXPERIMENT_PAGES.has(page) && !me.is_admin) return <NotFound />;
  switch (page) {
    case 'browse':
      return <Browse me={me} />;
    case 'movie':
      return <MoviePage key={id} id={id} me={me} />;
    case 'for-you':
      return <ForYou me={me} />;
    case 'my-ratings':
      return <MyRatings me={me} />;
    case 'hidden':
      return <Hidden me={me} />;
    case 'import':
      return <ImportRatings me={me} />;
    case 'settings':
      return <Settings me={me} />;
    case 'experiments':
      return <Experiments />;
    case 'experiment':
      return <ExperimentPage key={id} id={id} />;
    case 'new-experiment':
      return <NewExperiment />;
    case 'simulation':
      return <Simulation />;
    default:
      return <NotFound />;
  }
}

function Redirect({ to }: { to: string }) {
  useEffect(() => replace(to), [to]);
  return null;
}

const root = document.getElementById('app');
if (root) {
  startTheme();
  startRouting();
  void startSession();
  render(<App />, root);
}
