import { useEffect } from 'preact/hooks';
import { call, type ModelCard } from '../api';
import { DataTable } from '../app/data-table';
import { NotFound } from '../app/not-found';
import { useResource } from '../app/resource';
import { href, replace } from '../app/routes';
import { Failure, Skeletons } from '../app/states';
import { texts } from '../texts';
import { MethodTable } from './method-table';
import { ActivateButton, Checklist, DeleteButton, ModelMarks } from './model-actions';
import { factsOf } from './model-facts';
import { ModelsHead } from './models-head';

/** The card of a model: what it learned from, how well it does, and what can be done with it. */
export function ModelPage({ id }: { id: number }) {
  const { data, error, isLoading, reload } = useResource(`model ${id}`, (signal) =>
    call('get', '/models/{model_id}', { path: { model_id: id }, signal }),
  );
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
        <section class="panel">
          <h2>{texts.models.checklist}</h2>
          <Checklist id={id} />
        </section>
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
  const { data: active } = useResource('active model', (signal) => call('get', '/models/active', { signal }));
  const serving = active?.model?.id;
  const { models: words } = texts;
  return (
    <ModelsHead title={words.name(id)}>
      <p class="facts">
        <ModelMarks model={model} /> {words.moment(created_at)}
      </p>
      {refusal && <p class="field-error">{words.refusal(refusal)}</p>}
      <div class="actions">
        {!is_active && <ActivateButton model={model} reload={reload} />}
        {!is_active && serving && (
          <a class="button" href={href('models', { a: serving, b: id })}>
            {words.withActive}
          </a>
        )}
        {source && (
          <a class="button" href={href('code', {}, id)}>
            {words.code}
          </a>
        )}
        <DeleteButton model={model} reload={() => replace(href('models'))} />
      </div>
    </ModelsHead>
  );
}

function Measured({ model: { evaluation } }: CardProps) {
  const { models: words } = texts;
  return (
    <section class="panel">
      <h2>{words.measured}</h2>
      {evaluation ? (
        <>
          <MethodTable methods={evaluation.methods} />
          <p class="facts">{words.measuredText(evaluation.test_share, evaluation.n_test)}</p>
        </>
      ) : (
        <p class="facts">{words.unmeasured}</p>
      )}
    </section>
  );
}

function Facts({ model }: CardProps) {
  const { models: words, training } = texts;
  return (
    <section class="panel">
      <h2>{words.facts}</h2>
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
    </section>
  );
}

function Parameters({ model: { parameters } }: CardProps) {
  const { models: words, training } = texts;
  const { rating = {}, ranking = {} } = parameters;
  return (
    <section class="panel">
      <h2>{words.parameters}</h2>
      <DataTable label={words.parameters} columns={[words.parameters, training.heads.rating, training.heads.ranking]}>
        {Object.keys({ ...rating, ...ranking }).map((name) => (
          <tr key={name}>
            <th scope="row">{training.parameter(name)}</th>
            <td>{training.value(rating[name])}</td>
            <td>{training.value(ranking[name])}</td>
          </tr>
        ))}
      </DataTable>
    </section>
  );
}
