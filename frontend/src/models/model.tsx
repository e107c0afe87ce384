import { useEffect } from 'preact/hooks';
import type { ModelCard } from '../api';
import { DataTable } from '../app/data-table';
import { NotFound } from '../app/not-found';
import { LinkButton, Panel } from '../app/parts';
import { useGet } from '../app/resource';
import { href, replace } from '../app/routes';
import { Failure, Skeletons } from '../app/states';
import { texts } from '../texts';
import { MethodTable } from './method-table';
import { ActivateButton, Checklist, DeleteButton, ModelMarks } from './model-actions';
import { factsOf } from './model-facts';
import { ModelsHead } from './models-head';

/** The card of a model: what it learned from, how well it does, and what can be done with it. */
export function ModelPage({ id }: { id: number }) {
  const { data, error, isLoading, reload } = useGet('/models/{model_id}', { path: { model_id: id } });
  useEffect(() => {
    document.title = texts.pageTitle(texts.models.name(id));
  }, [id]);
  if (error?.status === 404) return <NotFound />;
  if (error && !isLoading) return <Failure error={error} retry={reload} />;
  if (!data) return <Skeletons count={3} kind="row" />;
  return (
    <article class="experiment">
      <Head model={data} reload={reload} />
      <Measured model={data} />
      <div class="movie-columns">
        <Facts model={data} />
        <Panel title={texts.models.checklist}>
          <Checklist id={id} />
        </Panel>
      </div>
      <Parameters model={data} />
    </article>
  );
}

interface CardProps {
  model: ModelCard;
}

function Head({ model, reload }: CardProps & { reload: () => void }) {
  const { id, created_at, is_active, refusal, source } = model;
  const { data: active } = useGet('/models/active');
  const live = active?.model?.id;
  const { models: words } = texts;
  return (
    <ModelsHead title={words.name(id)}>
      <p class="facts">
        <ModelMarks model={model} /> {words.moment(created_at)}
      </p>
      {refusal && <p class="field-error">{words.refusal(refusal)}</p>}
      <div class="actions">
        {!is_active && <ActivateButton model={model} reload={reload} />}
        {!is_active && live && <LinkButton href={href('models', { a: live, b: id })}>{words.withActive}</LinkButton>}
        {source && <LinkButton href={href('code', {}, id)}>{words.code}</LinkButton>}
        <DeleteButton model={model} reload={() => replace(href('models'))} />
      </div>
    </ModelsHead>
  );
}

function Measured({ model: { evaluation } }: CardProps) {
  const { models: words } = texts;
  return (
    <Panel title={words.measured}>
      {evaluation ? (
        <>
          <MethodTable methods={evaluation.methods} />
          <p class="facts">{words.measuredText(evaluation.test_share, evaluation.n_test)}</p>
        </>
      ) : (
        <p class="facts">{words.unmeasured}</p>
      )}
    </Panel>
  );
}

function Facts({ model }: CardProps) {
  const { models: words, training } = texts;
  return (
    <Panel title={words.facts}>
      <dl class="plan">
        {model.run_id !== null && (
          <>
            <dt>{words.fact.run}</dt>
            <dd>
              <a href={href('training', { run: model.run_id })}>{training.run(model.run_id)}</a>
            </dd>
          </>
        )}
        {factsOf(model).map(([label, value]) => (
          <>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </>
        ))}
      </dl>
    </Panel>
  );
}

function Parameters({ model: { parameters } }: CardProps) {
  const { models: words, training } = texts;
  const { rating = {}, ranking = {} } = parameters;
  return (
    <Panel title={words.parameters}>
      <DataTable
        label={words.parameters}
        columns={[words.parameters, training.heads.rating, training.heads.ranking]}
        rows={Object.keys({ ...rating, ...ranking }).map((name) => [
          training.parameter(name),
          training.value(rating[name]),
          training.value(ranking[name]),
        ])}
      />
    </Panel>
  );
}
