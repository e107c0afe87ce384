/** Every page: its title, who it is for, and how it comes. */

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
import { texts } from './texts';

interface PageProps {
  /** The number in the address, else 0. */
  readonly id: number;
  readonly me: Me;
}

interface Page {
  readonly title: () => string;
  readonly View: FunctionComponent<PageProps>;
  readonly isForAdmins?: true;
}

/** A page that needs no account. */
interface OpenPage {
  readonly title: () => string;
  readonly View: FunctionComponent<Pick<PageProps, 'id'>>;
  readonly isOpen: true;
}

/** A page that is fetched when it is first opened; the others come with the app. */
function later<Props extends object>(
  name: string,
  load: () => Promise<FunctionComponent<Props>>,
): FunctionComponent<Props> {
  return function Later(props) {
    const {
      data: View,
      error,
      isLoading,
      reload,
    } = useResource(`page ${name}`, () =>
      inTime(load()).catch((reason: unknown) => {
        throw reason instanceof ApiError ? reason : new ApiError('offline');
      }),
    );
    if (View) return <View {...props} />;
    return error && !isLoading ? <Failure error={error} retry={reload} /> : <Skeletons count={3} kind="row" />;
  };
}

/** Anybody may see it, signed in or not. */
export const Insights = later('insights', async () => (await import('./insights/insights')).Insights);

export const PAGES: Record<Exclude<PageName, 'sign-in' | 'register' | 'not-found'>, Page | OpenPage> = {
  browse: { title: () => texts.browse.title, View: Browse, isOpen: true },
  movie: { title: () => texts.browse.title, View: MoviePage, isOpen: true },
  'for-you': { title: () => texts.forYou.title, View: ForYou, isOpen: true },
  'my-ratings': { title: () => texts.myRatings.title, View: MyRatings, isOpen: true },
  hidden: {
    title: () => texts.hidden.title,
    View: later('hidden', async () => (await import('./recommendations/hidden')).Hidden),
  },
  insights: { title: () => texts.insights.title, View: Insights, isOpen: true },
  map: { title: () => texts.map.title, View: later('map', async () => (await import('./map/map')).MapPage) },
  polarizing: {
    title: () => texts.polarizing.title,
    View: later('polarizing', async () => (await import('./insights/polarizing')).Polarizing),
    isOpen: true,
  },
  start: { title: () => texts.start.title, View: Start, isOpen: true },
  import: {
    title: () => texts.transfer.title,
    View: later('import', async () => (await import('./account/import')).ImportRatings),
  },
  settings: {
    title: () => texts.settings.title,
    View: later('settings', async () => (await import('./account/settings')).Settings),
  },
  experiments: {
    title: () => texts.experiments.title,
    View: later('experiments', async () => (await import('./experiments/experiments')).Experiments),
    isForAdmins: true,
  },
  experiment: {
    title: () => texts.experiments.title,
    View: later('experiment', async () => (await import('./experiments/experiment')).ExperimentPage),
    isForAdmins: true,
  },
  'new-experiment': {
    title: () => texts.experiments.create,
    View: later('new-experiment', async () => (await import('./experiments/new-experiment')).NewExperiment),
    isForAdmins: true,
  },
  'edit-experiment': {
    title: () => texts.draft.title,
    View: later('edit-experiment', async () => (await import('./experiments/edit-experiment')).EditExperiment),
    isForAdmins: true,
  },
  simulation: {
    title: () => texts.simulation.title,
    View: later('simulation', async () => (await import('./experiments/simulation')).Simulation),
    isForAdmins: true,
  },
  training: {
    title: () => texts.training.title,
    View: later('training', async () => (await import('./models/training')).Training),
    isForAdmins: true,
  },
  models: {
    title: () => texts.models.title,
    View: later('models', async () => (await import('./models/models')).Models),
    isForAdmins: true,
  },
  model: {
    title: () => texts.models.title,
    View: later('model', async () => (await import('./models/model')).ModelPage),
    isForAdmins: true,
  },
  code: {
    title: () => texts.code.title,
    View: later('code', async () => (await import('./models/code')).Code),
  },
  proposals: {
    title: () => texts.proposals.title,
    View: later('proposals', async () => (await import('./models/proposals')).Proposals),
  },
  proposal: {
    title: () => texts.proposals.title,
    View: later('proposal', async () => (await import('./models/proposals')).ProposalPage),
  },
  admin: {
    title: () => texts.admin.title,
    View: later('admin', async () => (await import('./admin/admin')).Admin),
    isForAdmins: true,
  },
};
