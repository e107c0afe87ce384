import { call } from '../api';
import { href, replace } from '../app/routes';
import { texts } from '../texts';
import { experimentOf, firstPlan, type Plan } from './plan';
import { PlanForm, WithModels } from './plan-form';

/** Plan an experiment; a variant pins one of the latest models. */
export function NewExperiment() {
  return (
    <>
      <header class="page-head">
        <p>
          <a href={href('experiments')}>{texts.experiments.title}</a>
        </p>
        <h1>{texts.experiments.create}</h1>
        <p class="lead">{texts.plan.lead}</p>
      </header>
      <WithModels>
        {(models) => <PlanForm models={models} first={firstPlan(models[0]?.[0] ?? '')} send={create} />}
      </WithModels>
    </>
  );
}

async function create(plan: Plan): Promise<void> {
  const { id } = await call('post', '/experiments', { body: experimentOf(plan) });
  replace(href('experiment', {}, id));
}
