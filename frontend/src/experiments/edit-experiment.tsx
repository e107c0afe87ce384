import { useState } from 'preact/hooks';
import { call, type Experiment } from '../api';
import { asApiError } from '../app/errors';
import { NotFound } from '../app/not-found';
import { announce } from '../app/notices';
import { Button, PageHead } from '../app/parts';
import { useResource } from '../app/resource';
import { href, replace } from '../app/routes';
import { Failure, Skeletons } from '../app/states';
import { texts } from '../texts';
import { changedFields, experimentOf, type Plan, planOf } from './plan';
import { type Models, PlanForm, WithModels } from './plan-form';

/** Edit a draft; changes of others are never overwritten unseen. */
export function EditExperiment({ id }: { id: number }) {
  const { data, error, isLoading, reload } = useResource(`experiment ${id}`, (signal) => read(id, signal));
  if (error?.status === 404) return <NotFound />;
  if (error && !isLoading) return <Failure error={error} retry={reload} />;
  // The remembered data may be an old version: wait for the current one.
  if (!data || isLoading) return <Skeletons count={3} kind="row" />;
  return (
    <>
      <PageHead
        title={texts.draft.title}
        lead={data.state === 'draft' ? texts.plan.lead : texts.draft.started}
        parent={[href('experiment', {}, id), data.name]}
      />
      {data.state === 'draft' && <WithModels>{(models) => <Draft experiment={data} models={models} />}</WithModels>}
    </>
  );
}

function read(id: number, signal?: AbortSignal): Promise<Experiment> {
  return call('get', '/experiments/{experiment_id}', { path: { experiment_id: id }, ...(signal && { signal }) });
}

function Draft({ experiment, models }: { experiment: Experiment; models: Models }) {
  const [first, setFirst] = useState(experiment);
  const [seen, setSeen] = useState(experiment);
  const [theirs, setTheirs] = useState<Experiment | null>(null);
  const save = async (plan: Plan) => {
    try {
      await call('patch', '/experiments/{experiment_id}', {
        path: { experiment_id: experiment.id },
        header: { 'if-match': `"${seen.version}"` },
        body: experimentOf(plan),
      });
    } catch (reason) {
      const error = asApiError(reason);
      if (error.status !== 412) throw error;
      setTheirs(await read(experiment.id));
      return;
    }
    announce(texts.draft.saved(plan.name));
    replace(href('experiment', {}, experiment.id));
  };
  const goOn = (from: Experiment, withTheirs: boolean) => {
    setSeen(from);
    if (withTheirs) setFirst(from);
    setTheirs(null);
  };
  return (
    <PlanForm key={first.version} models={models} first={planOf(first)} send={save}>
      {theirs && (
        <section class="state" role="alert">
          <h2>{texts.draft.conflict}</h2>
          <p>{texts.draft.changed(changedFields(seen, theirs))}</p>
          <div class="actions">
            <Button onClick={() => goOn(theirs, true)}>{texts.draft.theirs}</Button>
            <Button onClick={() => goOn(theirs, false)}>{texts.draft.mine}</Button>
          </div>
        </section>
      )}
    </PlanForm>
  );
}
