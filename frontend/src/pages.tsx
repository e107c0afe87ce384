/** Every page with its title and access. Most load on first use. */

import type { FunctionComponent } from 'preact';
import { MyRatings } from './account/my-ratings';
import { ApiError, inTime, type Me } from './api';
import { useResource } from './app/resource';
import type { PageName } from './app/routes';
import { Failure, Skeletons } from './app/states';
import { Browse } from './movies/browse';
import { MoviePage } from './movies/movie';
import { ForYou } from './recommendations/for-you';
import { Start } from './recommendations/start';
import { type Texts, texts } from './texts';

interface PageProps {
  /** The number in the address, else 0. */
  readonly id: number;
  readonly me: Me;
}

interface PageOf<Props> {
  readonly title: () => string;
  readonly View: FunctionComponent<Props>;
}

/** Open pages are for anybody, own pages for signed-in users, admin pages for administrators. */
type Page =
  | (PageOf<Pick<PageProps, 'id'>> & { readonly access: 'open' })
  | (PageOf<PageProps> & { readonly access: 'own' | 'admin' });

type Section = { [S in keyof Texts]: Texts[S] extends { title: string } ? S : never }[keyof Texts];
type Load<Props> = () => Promise<FunctionComponent<Props>>;

let nLater = 0;

/** Load a page on first use; the other pages are part of the first download. */
function later<Props extends object>(load: Load<Props>): FunctionComponent<Props> {
  nLater += 1;
  const key = `page ${nLater}`;
  return function Later(props) {
    const { data, error, isLoading, reload } = useResource(key, async () => ({ View: await fetched(load) }));
    if (data) return <data.View {...props} />;
    return error && !isLoading ? <Failure error={error} retry={reload} /> : <Skeletons count={3} kind="row" />;
  };
}

function fetched<T>(load: () => Promise<T>): Promise<T> {
  return inTime(load()).catch((reason: unknown) => {
    throw reason instanceof ApiError ? reason : new ApiError('offline');
  });
}

const titled = (section: Section) => ({ title: () => texts[section].title });

function open(section: Section, View: FunctionComponent<Pick<PageProps, 'id'>>): Page {
  return { ...titled(section), View, access: 'open' };
}

function own(section: Section, load: Load<PageProps>): Page {
  return { ...titled(section), View: later(load), access: 'own' };
}

function admin(section: Section, load: Load<PageProps>): Page {
  return { ...titled(section), View: later(load), access: 'admin' };
}

/** Visitors may see it without signing in. */
export const Insights = later(async () => (await import('./insights/insights')).Insights);
const Polarizing = later(async () => (await import('./insights/polarizing')).Polarizing);

export const PAGES: Record<Exclude<PageName, 'sign-in' | 'register' | 'not-found'>, Page> = {
  browse: open('browse', Browse),
  movie: open('browse', MoviePage),
  'for-you': open('forYou', ForYou),
  'my-ratings': open('myRatings', MyRatings),
  hidden: own('hidden', async () => (await import('./recommendations/hidden')).Hidden),
  insights: open('insights', Insights),
  map: own('map', async () => (await import('./map/map')).MapPage),
  polarizing: open('polarizing', Polarizing),
  start: open('start', Start),
  import: own('transfer', async () => (await import('./account/import')).ImportRatings),
  settings: own('settings', async () => (await import('./account/settings')).Settings),
  experiments: admin('experiments', async () => (await import('./experiments/experiments')).Experiments),
  experiment: admin('experiments', async () => (await import('./experiments/experiment')).ExperimentPage),
  'new-experiment': admin('newExperiment', async () => (await import('./experiments/new-experiment')).NewExperiment),
  'edit-experiment': admin('draft', async () => (await import('./experiments/edit-experiment')).EditExperiment),
  simulation: admin('simulation', async () => (await import('./experiments/simulation')).Simulation),
  training: admin('training', async () => (await import('./models/training')).Training),
  models: admin('models', async () => (await import('./models/models')).Models),
  model: admin('models', async () => (await import('./models/model')).ModelPage),
  code: own('code', async () => (await import('./models/code')).Code),
  proposals: own('proposals', async () => (await import('./models/proposals')).Proposals),
  proposal: own('proposals', async () => (await import('./models/proposals')).ProposalPage),
  admin: admin('admin', async () => (await import('./admin/admin')).Admin),
};
