import { useEffect } from 'preact/hooks';
import { address, call, type Experiment, type Results } from '../api';
import { ConfirmButton } from '../app/confirm';
import { DataTable } from '../app/data-table';
import { asApiError } from '../app/errors';
import { NotFound } from '../app/not-found';
import { announce, notify } from '../app/notices';
import { Button, Chip, Legend, LinkButton, PageHead, Panel } from '../app/parts';
import { useGet } from '../app/resource';
import { href } from '../app/routes';
import { Failure, Skeletons } from '../app/states';
import { LineChart } from '../charts/line-chart';
import { texts } from '../texts';
import { HealthLine } from './experiment-state';
import { IntervalPlot } from './interval-plot';
import { cumulated, differences, expectedUsers, metricOf } from './results';

/** One experiment: its plan, whether its numbers can be trusted, what they say, and the numbers. */
export function ExperimentPage({ id }: { id: number }) {
  const { data, error, isLoading, reload } = useGet('/experiments/{experiment_id}', { path: { experiment_id: id } });
  useEffect(() => {
    if (data) document.title = texts.pageTitle(data.name);
  }, [data]);
  if (error?.status === 404) return <NotFound />;
  if (error && !isLoading) return <Failure error={error} retry={reload} />;
  if (!data) return <Skeletons count={3} kind="row" />;
  return (
    <article class="experiment">
      <Head experiment={data} reload={reload} />
      {data.state === 'draft' ? (
        <p class="facts">{texts.experiments.draft}</p>
      ) : (
        <Findings key={data.state} experiment={data} />
      )}
      <PlanPanel experiment={data} />
    </article>
  );
}

function Head({ experiment, reload }: { experiment: Experiment; reload: () => void }) {
  const { id, name, hypothesis, state, traffic_share } = experiment;
  const move = async (to: 'start' | 'stop') => {
    try {
      await call('post', `/experiments/{experiment_id}/${to}`, { path: { experiment_id: id } });
      announce(texts.experiment.moved[to](name));
    } catch (reason) {
      notify({ text: texts.experiment.refused[to](name), error: asApiError(reason) });
    }
    reload(); // also when refused: somebody else may have been faster
    document.getElementById('main')?.focus({ preventScroll: true }); // the button that had it is gone
  };
  return (
    <PageHead title={name} parent={[href('experiments'), texts.experiments.title]}>
      <p class="facts">
        <Chip state={state}>{texts.experiments.states[state]}</Chip> {texts.experiments.when(experiment)}
      </p>
      <p class="lead">{hypothesis}</p>
      <div class="actions">
        {state === 'draft' && (
          <>
            <ConfirmButton
              label={texts.experiment.start}
              title={texts.experiment.startTitle(name)}
              text={texts.experiment.startText(traffic_share)}
              onConfirm={() => void move('start')}
            />
            <LinkButton href={href('edit-experiment', {}, id)}>{texts.draft.title}</LinkButton>
          </>
        )}
        {state === 'running' && (
          <ConfirmButton
            label={texts.experiment.stop}
            title={texts.experiment.stopTitle(name)}
            text={texts.experiment.stopText}
            kind="danger"
            onConfirm={() => void move('stop')}
          />
        )}
      </div>
    </PageHead>
  );
}

function Findings({ experiment }: { experiment: Experiment }) {
  const { data, error, isLoading, reload } = useGet('/experiments/{experiment_id}/results', {
    path: { experiment_id: experiment.id },
  });
  if (error && !isLoading) return <Failure error={error} retry={reload} />;
  if (!data) return <Skeletons count={2} kind="row" />;
  const numbers = <Numbers experiment={experiment} results={data} />;
  return (
    <>
      <section class="panel verdict" data-kind={data.verdict.kind} aria-busy={isLoading}>
        <HealthLine results={data} />
        <h2>{texts.results.verdict(data)}</h2>
        {data.verdict.kind !== 'unhealthy' && (
          <p class="facts">
            {texts.results.rule(data.alpha)}
            {data.is_adjusted_for_past && ` ${texts.results.adjusted}`}
          </p>
        )}
        {experiment.state === 'running' && (
          <Button aria-busy={isLoading} onClick={reload}>
            {texts.results.again}
          </Button>
        )}
      </section>
      {data.verdict.kind === 'unhealthy' ? (
        <details class="untrusted">
          <summary>{texts.results.anyway}</summary>
          {numbers}
        </details>
      ) : (
        numbers
      )}
    </>
  );
}

function Numbers({ experiment, results }: { experiment: Experiment; results: Results }) {
  const { kind, metric, comparisons, preference, variants } = results;
  return (
    <>
      {comparisons.length > 0 && (
        <Panel title={texts.results.differences}>
          {preference && <p>{texts.results.preference(preference, variants)}</p>}
          <IntervalPlot
            comparisons={comparisons}
            control={variants[0]?.name ?? ''}
            unit={texts.metrics[metric].unit}
            minimumEffect={experiment.minimum_effect}
          />
          <ul class="legend">
            <li class="legend-fixed">{texts.results.legend.fixed}</li>
            <li class="legend-anytime">{texts.results.legend.anytime}</li>
            <li class="legend-small">{texts.results.legend.small}</li>
          </ul>
        </Panel>
      )}
      <Counts experiment={experiment} results={results} />
      {kind === 'split' && <Tests results={results} />}
      <Timeline results={results} />
      <p class="actions">
        {(['csv', 'ndjson'] as const).map((format) => (
          <a
            key={format}
            class="button"
            download={`experiment-${experiment.id}.${format}`}
            href={address('/experiments/{experiment_id}/exposures', { experiment_id: experiment.id }, { format })}
          >
            {texts.results.download(format)}
          </a>
        ))}
      </p>
    </>
  );
}

function Counts({ experiment, results }: { experiment: Experiment; results: Results }) {
  const { columns, number, share, perUser, expected } = texts.results;
  return (
    <Panel title={texts.results.counts}>
      <DataTable
        label={texts.results.counts}
        columns={columns}
        rows={results.variants.map((variant, i) => [
          <>
            <i class={`swatch series-${i}`} /> {variant.name}
          </>,
          <>
            {number(variant.n_users)}
            {results.kind === 'split' && <small>{expected(expectedUsers(experiment, results, variant.name))}</small>}
          </>,
          number(variant.n_likes),
          number(variant.n_dislikes),
          share(variant.like_share),
          perUser(variant.net_likes_per_user),
          perUser(variant.design_effect),
        ])}
      />
      <p class="facts">{texts.results.designEffect}</p>
    </Panel>
  );
}

/** The paper's test beside what decides: the same table of counts, with and without its assumption. */
function Tests({ results: { chi_square, comparisons, alpha } }: { results: Results }) {
  const { tests } = texts;
  const rows = [
    ...(['pearson', 'yates', 'rao_scott'] as const).map((name) => {
      const { statistic, p_value: p } = chi_square[name] ?? {};
      return { name: tests.names[name], basis: tests.bases[name], statistic, p, decides: false };
    }),
    ...comparisons.map(({ variant, fixed, p_value: p }) => ({
      name: tests.sequence(variant),
      basis: tests.bases.sequence,
      statistic: fixed.value / fixed.standard_error,
      p,
      decides: true,
    })),
  ];
  return (
    <Panel title={tests.title}>
      <DataTable
        label={tests.title}
        columns={tests.columns}
        rows={rows.map(({ name, basis, statistic, p, decides }) => [
          <>
            {name}
            <small>{basis}</small>
          </>,
          tests.statistic(statistic, decides),
          tests.p(p),
          tests.says(p, alpha),
        ])}
        isMarked={(place) => rows[place]?.decides ?? false}
      />
      <p class="facts">{tests.note}</p>
    </Panel>
  );
}

function Timeline({ results }: { results: Results }) {
  const { days, series } = cumulated(results);
  if (days.length === 0) return null;
  const { metric } = results;
  const lines = series.map(({ name, counts }) => ({ name, values: counts.map((n) => metricOf(metric, n)) }));
  const users = series.map(({ name, counts }) => ({ name, values: counts.map((n) => n.n_users) }));
  return (
    <Panel title={texts.results.timeline}>
      <Legend entries={series.map(({ name }, i) => [name, `series-${i}`])} />
      <div class="charts">
        {results.looks.length > 0 && (
          <LineChart
            title={texts.results.looks(texts.metrics[metric].unit)}
            days={days}
            series={differences(results, days)}
            format={texts.results.signedIn100}
          />
        )}
        {lines.some(({ values }) => values.some((value) => value !== undefined)) && (
          <LineChart title={texts.metrics[metric].soFar} days={days} series={lines} format={texts.results.in100} />
        )}
        <LineChart
          title={texts.results.usersSoFar}
          days={days}
          series={users}
          format={texts.results.number}
          isFromZero
        />
      </div>
      <details>
        <summary>{texts.results.table}</summary>
        <DataTable
          label={texts.results.table}
          columns={texts.results.dayColumns}
          rows={results.timeline.map(({ day, variant, n_users, n_likes, n_dislikes }) => [
            texts.day(day),
            variant,
            texts.results.number(n_users),
            texts.results.number(n_likes),
            texts.results.number(n_dislikes),
            texts.results.look(results.looks.find((look) => look.day === day && look.variant === variant)),
          ])}
        />
      </details>
    </Panel>
  );
}

function PlanPanel({ experiment }: { experiment: Experiment }) {
  const { plan, metrics } = texts;
  const { kind, metric, minimum_effect, traffic_share, alpha, power, variants } = experiment;
  return (
    <Panel title={plan.title}>
      <dl class="plan">
        <dt>{plan.kind}</dt>
        <dd>{plan.kinds[kind]}</dd>
        <dt>{plan.metric}</dt>
        <dd>{metrics[metric].name}</dd>
        <dt>{plan.effect}</dt>
        <dd>{plan.effectValue(minimum_effect, metrics[metric].unit)}</dd>
        <dt>{plan.traffic}</dt>
        <dd>{texts.percent(traffic_share)}</dd>
        <dt>{plan.alpha}</dt>
        <dd>{texts.percent(alpha)}</dd>
        <dt>{plan.power}</dt>
        <dd>{texts.percent(power)}</dd>
        {variants.map((variant) => (
          <>
            <dt>{plan.variantName(variant.name)}</dt>
            <dd>{plan.variantValue(variant)}</dd>
          </>
        ))}
      </dl>
    </Panel>
  );
}
