import { useState } from 'preact/hooks';
import { call, type Estimate, importModel, type Me, type ModelComparison, type ModelSummary } from '../api';
import { DataTable } from '../app/data-table';
import { act } from '../app/notices';
import { Button, Panel } from '../app/parts';
import { useGet, useList } from '../app/resource';
import { href, replace, route } from '../app/routes';
import { Empty, Failure, More, Skeletons } from '../app/states';
import { texts } from '../texts';
import { Expectations } from './expectations';
import { EstimateText } from './method-table';
import { ActivateButton, DeleteButton, ModelMarks } from './model-actions';
import { factsOf, oneBefore } from './model-facts';
import { ModelsHead } from './models-head';

/** All models, with a comparison of two and a rollback. */
export function Models({ me }: { me: Me }) {
  const [asOf] = useState(Date.now);
  const { data, error, isLoading, reload, loadMore } = useList('/models', { query: { limit: 100 } }, asOf);
  const { query } = route.value;
  const chosen = [query.get('a'), query.get('b')].map(Number).filter((id) => id > 0);
  const [a, b] = chosen;
  const choose = (id: number) => {
    const [first, second] = chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id].slice(-2);
    replace(href('models', { a: first, b: second }));
  };
  const models = data?.items ?? [];
  const before = oneBefore(models);
  const { models: words } = texts;
  return (
    <>
      <ModelsHead title={words.title} lead={words.lead}>
        {before && (
          <p class="actions">
            <Button
              onClick={({ detail }) => {
                if (detail > 1) return; // a double click would go back and forth
                void act(words.activated(before.id), reload, call('post', '/models/rollback', {}));
              }}
            >
              {words.rollback(before.id)}
            </Button>
          </p>
        )}
      </ModelsHead>
      {!data && isLoading && <Skeletons count={3} kind="row" />}
      {error && !isLoading && <Failure error={error} retry={reload} />}
      {data?.items.length === 0 && <Empty title={words.empty} hint={words.emptyHint} />}
      {models.length > 0 && (
        <section class="panel" aria-busy={isLoading}>
          <DataTable label={words.title} columns={words.columns}>
            {models.map((model) => (
              <Row
                key={model.id}
                model={model}
                isChosen={chosen.includes(model.id)}
                onChoose={() => choose(model.id)}
                reload={reload}
              />
            ))}
          </DataTable>
          <More hasMore={!!data?.next_cursor} isBusy={isLoading} onMore={loadMore} />
          <p class="facts">{words.chooseHint}</p>
        </section>
      )}
      {a && b && <Comparison key={`${a} ${b}`} a={a} b={b} />}
      <div class="movie-columns">
        <Expectations me={me} />
        <Import reload={reload} />
      </div>
    </>
  );
}

interface RowProps {
  model: ModelSummary;
  isChosen: boolean;
  onChoose: () => void;
  reload: () => void;
}

function Row({ model, isChosen, onChoose, reload }: RowProps) {
  const { models: words } = texts;
  const { id, created_at, is_active, n_ratings, rmse, ndcg, last_active_at } = model;
  return (
    <tr data-decides={is_active}>
      <th scope="row">
        <div class="check">
          <input type="checkbox" aria-label={words.choose(id)} checked={isChosen} onChange={onChoose} />
          <a href={href('model', {}, id)}>{words.name(id)}</a>
        </div>
        <small>
          {texts.day(created_at)} <ModelMarks model={model} />
        </small>
      </th>
      <td>{words.count(n_ratings)}</td>
      <td>
        <EstimateText estimate={rmse} />
      </td>
      <td>
        <EstimateText estimate={ndcg} />
      </td>
      <td>{words.served(last_active_at)}</td>
      <td>
        {!is_active && <ActivateButton model={model} isListed reload={reload} />}{' '}
        <DeleteButton model={model} isListed reload={reload} />
      </td>
    </tr>
  );
}

function Comparison({ a, b }: { a: number; b: number }) {
  const { data, error, isLoading, reload } = useGet('/models/{model_id}/comparison/{other_id}', {
    path: { model_id: a, other_id: b },
  });
  const { models: words } = texts;
  if (error && !isLoading) return <Failure error={error} retry={reload} />;
  if (!data) return <Skeletons count={2} kind="row" />;
  return (
    <Panel title={words.compare(a, b)}>
      <DataTable
        label={words.compare(a, b)}
        columns={[words.compared, words.name(a), words.name(b)]}
        rows={[
          [words.methodColumns[1], ...better(data, ({ rmse }) => rmse, -1)],
          [words.methodColumns[3], ...better(data, ({ ndcg }) => ndcg, 1)],
          ...differences(data),
        ]}
      />
      <p class="facts">{words.same}</p>
    </Panel>
  );
}

/** A measure of two models, the better one marked; `sign` says whether more is better. */
function better({ first, second }: ModelComparison, measure: (model: ModelSummary) => Estimate | null, sign: 1 | -1) {
  const [a, b] = [measure(first), measure(second)];
  const lead = a && b ? sign * (a.value - b.value) : 0;
  return [a, b].map((estimate, place) => (
    <>
      {(place === 0 ? lead > 0 : lead < 0) && <span class="chip">{texts.training.best}</span>}{' '}
      <EstimateText estimate={estimate} />
    </>
  ));
}

/** The facts and parameters in which two models differ. */
function differences({ first, second, differences: parameters }: ModelComparison) {
  const { training } = texts;
  const others = factsOf(second);
  const facts = factsOf(first).map(([label, value], i) => [label, value, others[i]?.[1] ?? texts.none] as const);
  return [
    ...facts.filter(([, a, b]) => a !== b),
    ...parameters.map(
      ({ head, name, first: a, second: b }) =>
        [training.parameter(`${head}.${name}`), training.value(a), training.value(b)] as const,
    ),
  ];
}

/** Imports item factors trained elsewhere; the model goes live only when activated. */
function Import({ reload }: { reload: () => void }) {
  const { models: words } = texts;
  return (
    <Panel title={words.import}>
      <label class="field drop">
        <span>{words.importHint}</span>
        <input
          type="file"
          accept=".zip,application/zip"
          onChange={({ currentTarget }) => {
            const [file] = currentTarget.files ?? [];
            if (file) void act(words.importDone, reload, importModel(file));
            currentTarget.value = ''; // the same file may be chosen again
          }}
        />
      </label>
    </Panel>
  );
}
