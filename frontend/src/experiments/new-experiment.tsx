import { call } from '../api';
import { PageHead } from '../app/parts';
import { href, replace } from '../app/routes';
import { texts } from '../texts';
import { experimentOf, firstPlan, type Plan } from './plan';
import { PlanForm, WithModels } from './plan-form';

/** Plan an experiment; a variant pins one of the latest models. */
export function NewExperiment() {
  return (
    <>
      <PageHead
        title={texts.newExperiment.title}
        lead={texts.plan.lead}
        parent={[href('experiments'), texts.experiments.title]}
      />
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
