import type { TrainingRun, TrainingSweep } from '../api';
import { DataTable } from '../app/data-table';
import { Legend, LinkButton } from '../app/parts';
import { href } from '../app/routes';
import { Failure, Skeletons } from '../app/states';
import { LineChart } from '../charts/line-chart';
import { CsvButton } from '../charts/plot';
import { texts } from '../texts';
import { MethodTable } from './method-table';
import { useRun } from './run-events';
import { CancelButton, RunState } from './run-state';
import { bestRmse, type Curve, curve, type Head, isUnfinished, ndcgOf } from './training-runs';

interface RunPanelProps {
  id: number;
  /** Its place in the queue. */
  place: number;
  reload: () => void;
}

/** One run: its progress, its curves and its evaluation. */
export function RunPanel({ id, place, reload }: RunPanelProps) {
  const { found, run, sweeps } = useRun(id, reload);
  if (found.error && !found.isLoading) return <Failure error={found.error} retry={found.reload} />;
  if (!run) return <Skeletons count={1} kind="row" />;
  const { training: words } = texts;
  const { preset } = run.parameters;
  return (
    <section class="panel" aria-label={words.run(id)}>
      <h2>{words.run(id)}</h2>
      <p class="facts">
        <RunState status={run.status} /> {words.value(preset)} · {words.facts(run)}
      </p>
      {run.error && <p class="field-error">{run.error}</p>}
      {isUnfinished(run) && <Progress run={run} place={place} />}
      {sweeps.length > 0 ? <Curves run={run} sweeps={sweeps} /> : <p class="facts">{words.noSweeps}</p>}
      {run.metrics.length > 0 && <MethodTable methods={run.metrics} />}
      <div class="actions">
        {run.model_id !== null && (
          <LinkButton href={href('model', {}, run.model_id)}>{texts.models.name(run.model_id)}</LinkButton>
        )}
        {isUnfinished(run) && <CancelButton id={id} reload={reload} />}
      </div>
      {sweeps.length > 0 && <Numbers name={words.run(id)} sweeps={sweeps} />}
    </section>
  );
}

function Progress({ run: { status, stage, progress, eta_seconds: eta }, place }: { run: TrainingRun; place: number }) {
  const { training: words } = texts;
  const told = [
    ...(status === 'queued' ? [words.place(place)] : []),
    ...(stage ? [words.stages(stage)] : []),
    ...(eta === null ? [] : [words.left(eta)]),
  ];
  return (
    <div>
      <progress value={progress} aria-label={words.progressLabel} />
      <p class="facts">
        {words.progress(progress)}
        {told.map((part) => ` · ${part}`)}
      </p>
    </div>
  );
}

const CHARTS = [
  { name: 'rmse', head: 'rating' },
  { name: 'rating', head: 'rating' },
  { name: 'ranking', head: 'ranking' },
] as const;

function Curves({ run, sweeps }: { run: TrainingRun; sweeps: readonly TrainingSweep[] }) {
  const { training: words } = texts;
  const [rmse, ndcg] = [bestRmse(run), ndcgOf(run)];
  return (
    <div class="charts">
      {CHARTS.map(({ name, head }) => {
        const series = seriesOf(sweeps, head, name === 'rmse');
        const known = series.flatMap(({ name, values }, place) => (values.length > 0 ? { name, place } : []));
        if (known.length === 0) return null;
        return (
          <div key={name}>
            <LineChart
              title={words.charts[name]}
              days={stepsOf(sweeps, head)}
              series={series}
              format={name === 'rmse' ? words.rmse : words.loss}
              formatDay={words.sweep}
            />
            <Legend entries={known.map((line) => [line.name, `series-${line.place}`])} />
          </div>
        );
      })}
      <div>
        {rmse !== null && <p class="big-number">{words.metric(rmse)}</p>}
        {rmse !== null && <p>{words.rmseLong}</p>}
        {ndcg !== null && <p class="big-number">{words.metric(ndcg)}</p>}
        {ndcg !== null && <p>{words.ndcgLong}</p>}
      </div>
    </div>
  );
}

/** Always three series, so that each keeps its colour; some may be empty. */
function seriesOf(sweeps: readonly TrainingSweep[], head: Head, isRmse: boolean): Curve[] {
  const { curves } = texts.training;
  const of = (fit: TrainingSweep['fit']) => sweeps.filter((sweep) => sweep.head === head && sweep.fit === fit);
  const value = ({ rmse, loss }: TrainingSweep) => (isRmse ? rmse : loss);
  return [
    curve(curves.all, of('publication'), value),
    curve(curves.train, of('evaluation'), value),
    curve(curves.test, of('evaluation'), ({ test_rmse }) => (isRmse ? test_rmse : null)),
  ];
}

/** All planned steps, so that curves grow towards the end of the axis. */
function stepsOf(sweeps: readonly TrainingSweep[], head: Head): string[] {
  const n = Math.max(...sweeps.filter((sweep) => sweep.head === head).map(({ n_sweeps }) => n_sweeps));
  return Array.from({ length: n }, (_, i) => String(i + 1));
}

function Numbers({ name, sweeps }: { name: string; sweeps: readonly TrainingSweep[] }) {
  const { training: words } = texts;
  const rows = sweeps.map(({ sweep, head, fit, rmse, test_rmse, loss, seconds }) => [
    ...[sweep, words.heads[head], words.fits[fit]],
    ...[rmse, test_rmse, loss, seconds],
  ]);
  return (
    <details>
      <summary>{words.table}</summary>
      <DataTable
        label={words.table}
        columns={words.sweepColumns}
        rows={rows.map((row) =>
          row.map((cell) => (typeof cell === 'number' ? words.value(cell) : (cell ?? texts.none))),
        )}
      />
      <CsvButton name={name} columns={words.sweepColumns} rows={rows} />
    </details>
  );
}
