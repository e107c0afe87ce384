import type { TrainingRun } from '../api';
import { DataTable } from '../app/data-table';
import { announce } from '../app/notices';
import { Panel } from '../app/parts';
import { useGet } from '../app/resource';
import { href, replace, route } from '../app/routes';
import { Empty, Failure, More, Skeletons } from '../app/states';
import { texts } from '../texts';
import { ModelsHead } from './models-head';
import { useRuns } from './run-events';
import { RunForm } from './run-form';
import { RunPanel } from './run-panel';
import { CancelButton, RunState } from './run-state';
import { bestRmse, differing, flat, isUnfinished, ndcgOf, secondsOf, sortedBy } from './training-runs';

/** Start a run, watch its progress, and compare it with the others. */
export function Training() {
  const { data, error, isLoading, reload, loadMore } = useRuns();
  const runs = data?.items ?? [];
  const isBusy = runs.some(isUnfinished);
  const shown = Number(route.value.query.get('run')) || (runs.findLast(isUnfinished) ?? runs.find(hasBegun))?.id;
  const { training: words } = texts;
  return (
    <>
      <ModelsHead title={words.title} lead={words.lead}>
        <LiveModel key={isBusy ? 'busy' : 'idle'} />
      </ModelsHead>
      <div class="plan-form">
        <div>
          {!data && isLoading && <Skeletons count={2} kind="row" />}
          {error && !isLoading && <Failure error={error} retry={reload} />}
          {data?.items.length === 0 && <Empty title={words.empty} hint={words.emptyHint} />}
          {shown && <RunPanel key={shown} id={shown} place={placeOf(runs, shown)} reload={reload} />}
        </div>
        <Panel title={words.form}>
          <RunForm
            onRun={({ id }) => {
              announce(words.started(id));
              replace(href('training', { run: id }));
              scrollTo(0, 0); // to its panel
              reload();
            }}
          />
        </Panel>
      </div>
      {runs.length > 0 && <Runs runs={runs} shown={shown} reload={reload} />}
      <More hasMore={!!data?.next_cursor} isBusy={isLoading} onMore={loadMore} />
    </>
  );
}

function hasBegun({ started_at }: TrainingRun): boolean {
  return started_at !== null;
}

/** The place of a run in the queue, counted from 1. */
function placeOf(runs: readonly TrainingRun[], id: number): number {
  return runs.filter((run) => run.status === 'queued' && run.id <= id).length;
}

/** The live model; remounted after a run ends, which may have changed it. */
function LiveModel() {
  const { data } = useGet('/models/active');
  if (!data?.model) return null;
  return <p class="facts">{texts.training.live(data.model.id, data.n_changes_since)}</p>;
}

const COLUMNS = {
  run: ({ id }: TrainingRun) => id,
  started: ({ started_at }: TrainingRun) => started_at,
  took: secondsOf,
  rmse: bestRmse,
  ndcg: ndcgOf,
  model: ({ model_id }: TrainingRun) => model_id,
} as const;

/** Parameters without an effect on the model. */
const OUTSIDE: ReadonlySet<string> = new Set(['activate', 'evaluate']);

interface RunsProps {
  runs: readonly TrainingRun[];
  shown: number | undefined;
  reload: () => void;
}

function Runs({ runs, shown, reload }: RunsProps) {
  const { training: words } = texts;
  const { query } = route.value;
  const parameters = differing(runs).filter((name) => !OUTSIDE.has(name));
  const keys: Readonly<Record<string, (run: TrainingRun) => unknown>> = {
    ...Object.fromEntries(parameters.map((name) => [name, (run: TrainingRun) => flat(run.parameters)[name]])),
    ...COLUMNS,
  };
  const sort = query.get('sort') ?? 'run';
  const isDescending = (query.get('order') ?? (sort === 'run' ? 'desc' : 'asc')) === 'desc';
  const column = (name: string, label: string) => ({
    label,
    href: href('training', {
      run: query.get('run'),
      sort: name,
      order: name === sort && !isDescending ? 'desc' : 'asc',
    }),
    order: name === sort ? (isDescending ? ('descending' as const) : ('ascending' as const)) : undefined,
  });
  const { run, took, started, ...measures } = words.columns;
  const best = Math.min(...runs.map((each) => bestRmse(each) ?? Number.POSITIVE_INFINITY));
  return (
    <Panel title={words.runs}>
      <DataTable
        label={words.runs}
        columns={[
          column('run', run),
          ...Object.entries(measures).map(([name, label]) => column(name, label)),
          ...parameters.map((name) => column(name, words.parameter(name))),
          ...[column('took', took), column('started', started)],
        ]}
      >
        {sortedBy(runs, keys[sort] ?? COLUMNS.run, isDescending).map((each) => (
          <Row
            key={each.id}
            run={each}
            parameters={parameters}
            isShown={each.id === shown}
            best={best}
            reload={reload}
          />
        ))}
      </DataTable>
      <p class="facts">{words.same}</p>
    </Panel>
  );
}

interface RowProps {
  run: TrainingRun;
  parameters: readonly string[];
  isShown: boolean;
  best: number;
  reload: () => void;
}

function Row({ run, parameters, isShown, best, reload }: RowProps) {
  const { training: words } = texts;
  const values = flat(run.parameters);
  const rmse = bestRmse(run);
  return (
    <tr data-decides={isShown}>
      <th scope="row">
        <a href={href('training', { ...Object.fromEntries(route.value.query), run: run.id })}>{words.run(run.id)}</a>{' '}
        <RunState status={run.status} />
      </th>
      <td>
        {rmse === best && <span class="chip">{words.best}</span>} {words.metric(rmse)}
      </td>
      <td>{words.metric(ndcgOf(run))}</td>
      <td>
        {run.model_id !== null && <a href={href('model', {}, run.model_id)}>{texts.models.name(run.model_id)}</a>}
        {run.status === 'queued' && <CancelButton id={run.id} isListed reload={reload} />}
      </td>
      {parameters.map((name) => (
        <td key={name}>{words.value(values[name])}</td>
      ))}
      <td>{words.duration(secondsOf(run))}</td>
      <td>{words.startedAt(run.started_at)}</td>
    </tr>
  );
}
