import { useEffect, useState } from 'preact/hooks';
import { ApiError, call, type PowerPlan } from '../api';
import { explain, fieldProblem } from '../app/errors';
import { InputField, SelectField } from '../app/form';
import { numberIn, part } from '../app/numbers';
import { useResource } from '../app/resource';
import { texts } from '../texts';
import type { Plan } from './plan';

const TYPING_MILLISECONDS = 300;

type Basis = 'assumed' | 'learned';

/** The number of users that a plan needs, recomputed on every change. */
export function Power({ plan }: { plan: Plan }) {
  const [chosen, setBasis] = useState<Basis>('assumed');
  const [assumed, setAssumed] = useState({ like_share: '60', votes_per_user: '10', design_effect: '1.9' });
  const isPair = plan.kind === 'interleaved';
  const canAssume = isPair || plan.metric === 'like_share';
  const basis = canAssume ? chosen : 'learned';
  const request = useSettled(JSON.stringify(powerPlan(plan, basis === 'assumed' ? assumed : null)));
  const { power } = texts;
  const field = (name: keyof typeof assumed, unit: string) => (
    <InputField
      name={`assumed_${name}`}
      label={power.assumed[name]}
      value={assumed[name]}
      unit={unit}
      onValue={(value) => setAssumed({ ...assumed, [name]: value })}
    />
  );
  return (
    <section class="panel power" aria-labelledby="power-title">
      <h2 id="power-title">{power.title}</h2>
      {request === 'null' ? <p class="facts">{power.incomplete}</p> : <Needed request={request} />}
      {canAssume && <SelectField label={power.basis} value={basis} options={power.bases} onValue={setBasis} />}
      {basis === 'assumed' && (
        <>
          {field('like_share', '%')}
          {field('votes_per_user', '')}
          {!isPair && field('design_effect', '')}
          <p class="facts">{isPair ? power.pairs : power.designEffect}</p>
        </>
      )}
    </section>
  );
}

function Needed({ request }: { request: string }) {
  const { data, error, isLoading, isStale } = useResource(`power ${request}`, (signal) =>
    call('post', '/experiments/power', { body: JSON.parse(request) as PowerPlan, signal }),
  );
  const { power } = texts;
  if (error instanceof ApiError && !isStale && !isLoading) {
    return <p class="field-error">{fieldProblem(error, 'assumed') ? power.noVotes : explain(error)}</p>;
  }
  if (!data) return <div class="skeleton skeleton-line" />;
  const { n_users_any_time: always, n_users_one_look: once, n_users_observed: observed } = data;
  return (
    <div role="status" aria-busy={isLoading}>
      <p class="big-number">{texts.results.number(always)}</p>
      <p>{power.anyTime}</p>
      <p class="facts">
        {power.oneLook(once)} {observed > 0 && power.learned(observed, data)}
      </p>
    </div>
  );
}

/**
 * The smallest treatment decides, for it is compared with the control like the others; they
 * share the false alarms among them, as the verdict will.
 */
function powerPlan(plan: Plan, assumed: Readonly<Record<string, string>> | null): PowerPlan | null {
  const [control = Number.NaN, ...others] = plan.variants.map(({ weight }) => part(weight));
  const numbers = {
    minimum_effect: part(plan.effect),
    alpha: part(plan.alpha) / others.length,
    power: part(plan.power),
    control_weight: control,
    treatment_weight: Math.min(...others, 1 - control),
  };
  const votes = assumed && {
    like_share: part(assumed['like_share'] ?? ''),
    votes_per_user: numberIn(assumed['votes_per_user'] ?? ''),
    design_effect: numberIn(assumed['design_effect'] ?? ''),
  };
  const isComplete = [...Object.values(numbers), ...Object.values(votes ?? {})].every((value) => value > 0);
  return isComplete ? { kind: plan.kind, metric: plan.metric, ...numbers, assumed: votes } : null;
}

/** A value after a pause in typing: not every key sends a request. */
function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), TYPING_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
