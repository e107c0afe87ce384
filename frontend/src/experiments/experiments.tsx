import { useState } from 'preact/hooks';
import type { Experiment } from '../api';
import { explain } from '../app/errors';
import { Button, Chip, LinkButton, PageHead } from '../app/parts';
import { useGet, useList } from '../app/resource';
import { href } from '../app/routes';
import { Empty, Failure, More, Skeletons } from '../app/states';
import { texts } from '../texts';
import { HealthLine } from './experiment-state';

/** All experiments, the latest first, each with its health before its outcome. */
export function Experiments() {
  const [asOf] = useState(Date.now);
  const { data, error, isLoading, reload, loadMore } = useList('/experiments', {}, asOf);
  return (
    <>
      <PageHead title={texts.experiments.title} lead={texts.experiments.lead}>
        <p class="actions">
          <LinkButton kind="primary" href={href('new-experiment')}>
            {texts.newExperiment.title}
          </LinkButton>
          <LinkButton href={href('simulation')}>{texts.simulation.title}</LinkButton>
        </p>
      </PageHead>
      {!data && isLoading && <Skeletons count={4} kind="row" />}
      {error && !isLoading && <Failure error={error} retry={reload} />}
      {data?.items.length === 0 && <Empty title={texts.experiments.empty} hint={texts.experiments.emptyHint} />}
      <ul class="rows">
        {data?.items.map((experiment) => (
          <Row key={experiment.id} experiment={experiment} />
        ))}
      </ul>
      <More hasMore={!!data?.next_cursor} isBusy={isLoading} onMore={loadMore} />
    </>
  );
}

function Row({ experiment }: { experiment: Experiment }) {
  const { id, name, kind, state, traffic_share, variants } = experiment;
  return (
    <li class="panel experiment-row">
      <div>
        <h2>
          <a href={href('experiment', {}, id)}>{name}</a>
        </h2>
        <p class="facts">
          <Chip state={state}>{texts.experiments.states[state]}</Chip> {texts.experiments.traffic(traffic_share)} ·{' '}
          {texts.experiments.variants(
            variants.map((variant) => variant.name),
            kind,
          )}{' '}
          · {texts.experiments.when(experiment)}
        </p>
      </div>
      {state === 'draft' ? <p class="facts">{texts.experiments.draft}</p> : <Outcome id={id} />}
    </li>
  );
}

function Outcome({ id }: { id: number }) {
  const { data, error, isLoading, reload } = useGet('/experiments/{experiment_id}/results', {
    path: { experiment_id: id },
  });
  if (error && !isLoading) {
    return (
      <div class="actions">
        <p class="field-error">{explain(error)}</p>
        <Button onClick={reload}>{texts.retry}</Button>
      </div>
    );
  }
  if (!data) return <div class="skeleton skeleton-line" />;
  return (
    <div>
      <HealthLine results={data} />
      {data.verdict.kind !== 'unhealthy' && <p class="outcome">{texts.results.verdict(data)}</p>}
    </div>
  );
}
