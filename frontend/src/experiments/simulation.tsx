import { useState } from 'preact/hooks';
import { call, type ErrorRate, type SimulationPlan } from '../api';
import { DataTable } from '../app/data-table';
import { InputField } from '../app/form';
import { isWithin, numberIn, part } from '../app/numbers';
import { PageHead, Panel } from '../app/parts';
import { useResource } from '../app/resource';
import { href, replace, route } from '../app/routes';
import { Empty, Failure, Skeletons } from '../app/states';
import { texts } from '../texts';

const STANDARD = {
  n_users: '200',
  n_experiments: '1000',
  n_days: '30',
  like_share: '60',
  effect: '0',
  correlation: '10',
  votes_per_user: '10',
  alpha: '5',
  seed: '0',
};
type Name = keyof typeof STANDARD;
const NAMES = Object.keys(STANDARD) as Name[];
const PERCENT = new Set<Name>(['like_share', 'effect', 'correlation', 'alpha']);

/** The bounds of the service; shares are in percent. */
const LIMITS: Readonly<Record<Name, readonly [number, number]>> = {
  n_users: [50, 300],
  n_experiments: [1, 1000],
  n_days: [1, 60],
  like_share: [0.1, 99.9],
  effect: [0, 99.9],
  correlation: [0.1, 99.9],
  votes_per_user: [1, 100],
  alpha: [0.1, 99.9],
  seed: [0, 2 ** 31 - 1],
};

function problemOf(name: Name, text: string): string | undefined {
  const [low, high] = LIMITS[name];
  if (isWithin(text, low, high)) return undefined;
  return texts.simulation.between(low, high, PERCENT.has(name) ? ' %' : '');
}

/** Error rates of each estimator in experiments with a known truth; the address holds the parameters. */
export function Simulation() {
  const { query } = route.value;
  const [values, setValues] = useState(
    () => Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? STANDARD[name]])) as Record<Name, string>,
  );
  const [isChecked, setChecked] = useState(query.size > 0);
  const { simulation } = texts;
  return (
    <>
      <PageHead
        title={simulation.title}
        lead={simulation.lead}
        parent={[href('experiments'), texts.experiments.title]}
      />
      <form
        class="panel simulation-form"
        onSubmit={(event) => {
          event.preventDefault();
          setChecked(true);
          if (NAMES.every((name) => !problemOf(name, values[name]))) replace(href('simulation', values));
        }}
      >
        {NAMES.map((name) => (
          <InputField
            key={name}
            name={name}
            label={simulation.fields[name]}
            value={values[name]}
            error={isChecked ? problemOf(name, values[name]) : undefined}
            unit={PERCENT.has(name) ? '%' : ''}
            onValue={(value) => setValues({ ...values, [name]: value })}
          />
        ))}
        <button type="submit" class="button primary">
          {simulation.run}
        </button>
      </form>
      {query.size === 0 ? (
        <Empty title={simulation.empty} hint={simulation.emptyHint} />
      ) : (
        <Rates plan={planIn(query)} />
      )}
    </>
  );
}

function planIn(query: URLSearchParams): SimulationPlan {
  const entries = NAMES.map((name) => {
    const text = query.get(name) ?? STANDARD[name];
    return [name, PERCENT.has(name) ? part(text) : numberIn(text)];
  });
  return Object.fromEntries(entries) as SimulationPlan;
}

function Rates({ plan }: { plan: SimulationPlan }) {
  const { data, error, isLoading, isStale, reload } = useResource(`simulation ${JSON.stringify(plan)}`, (signal) =>
    call('post', '/experiments/simulation', { body: plan, signal }),
  );
  const { simulation } = texts;
  if (error && !isLoading) return <Failure error={error} retry={reload} />;
  if (!data || isStale) return <Skeletons count={2} kind="row" />;
  return (
    <div class="movie-columns">
      <RateTable title={simulation.oneLook} rates={data.one_look} plan={plan}>
        {plan.effect > 0 && simulation.power(data.power)}
      </RateTable>
      <RateTable title={simulation.daily(plan.n_days)} rates={data.daily_looks} plan={plan}>
        {simulation.dailyNote}
      </RateTable>
    </div>
  );
}

interface RateTableProps {
  title: string;
  rates: readonly ErrorRate[];
  plan: SimulationPlan;
  children: string | false;
}

function RateTable({ title, rates, plan: { effect, alpha }, children }: RateTableProps) {
  const { simulation } = texts;
  const isAlarm = effect === 0;
  return (
    <Panel title={title}>
      <DataTable
        label={title}
        columns={[simulation.estimator, isAlarm ? simulation.alarms : simulation.found, simulation.covered(1 - alpha)]}
        rows={rates.map(({ name, rejected, covered }) => [
          name,
          <div class="rate" key="rate" data-broken={isAlarm && rejected > 2 * alpha}>
            {simulation.rate(rejected)}
            <svg width="100%" height="8" aria-hidden="true">
              <rect class="rate-bar" width={`${100 * rejected}%`} height="8" rx="2" />
              {isAlarm && <rect class="rate-mark" x={`${100 * alpha}%`} width="2" height="8" />}
            </svg>
          </div>,
          covered === null ? texts.none : simulation.rate(covered),
        ])}
      />
      {children && <p class="facts">{children}</p>}
      {isAlarm && <p class="facts">{simulation.promised(alpha)}</p>}
    </Panel>
  );
}
