import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { ApiError } from '../api';
import { describe } from '../app/errors';
import { FormEnd, InputField, SelectField, useForm } from '../app/form';
import { Button } from '../app/parts';
import { useGet } from '../app/resource';
import { Empty, Failure, Skeletons } from '../app/states';
import { texts } from '../texts';
import {
  evenWeights,
  METRICS,
  MOST_VARIANTS,
  newVariant,
  type Plan,
  type PlanField,
  type PlannedVariant,
  planProblems,
  withKind,
} from './plan';
import { Power } from './power';

const FIELDS: readonly PlanField[] = ['name', 'hypothesis', 'variants', 'traffic', 'effect', 'alpha', 'power'];

export type Models = readonly (readonly [string, string])[];

/** The latest models, which variants may pin; a way forward where there are none. */
export function WithModels({ children }: { children: (models: Models) => ComponentChildren }) {
  const { data, error, isLoading, reload } = useGet('/models', { query: { limit: 100 } });
  const models = data?.items.map(({ id, created_at: at }) => [String(id), texts.plan.model(id, at)] as const);
  return (
    <>
      {error && !isLoading && <Failure error={error} retry={reload} />}
      {!models && !error && <Skeletons count={2} kind="row" />}
      {models?.length === 0 && <Empty title={texts.plan.noModel} hint={texts.plan.noModelHint} />}
      {models && models.length > 0 && children(models)}
    </>
  );
}

interface PlanFormProps {
  models: Models;
  first: Plan;
  send: (plan: Plan) => Promise<void>;
  /** Content above the button. */
  children?: ComponentChildren;
}

/** A plan, checked while it is typed and costed beside. */
export function PlanForm({ models, first, send, children }: PlanFormProps) {
  const [plan, setPlan] = useState(first);
  const { errors, onSubmit, ...end } = useForm({
    names: FIELDS,
    check: () => planProblems(plan),
    send: () => send(plan),
    blame,
  });
  const field = (name: Exclude<PlanField, 'variants'>, label: string, extra: { unit?: string; hint?: string } = {}) => (
    <InputField
      name={name}
      label={label}
      value={plan[name]}
      error={errors[name]}
      isLong={name === 'hypothesis'}
      onValue={(value) => setPlan({ ...plan, [name]: value })}
      {...extra}
    />
  );
  const { plan: words, metrics } = texts;
  return (
    <form class="plan-form" noValidate onSubmit={onSubmit}>
      <div class="panel">
        {field('name', words.name)}
        {field('hypothesis', words.hypothesis, { hint: words.hypothesisHint })}
        <SelectField
          label={words.kind}
          value={plan.kind}
          options={words.kinds}
          onValue={(kind) => setPlan(withKind(plan, kind))}
        />
        <Variants plan={plan} models={models} error={errors.variants} onPlan={setPlan} />
        <div class="field-pair">
          {field('traffic', words.traffic, { unit: '%', hint: words.trafficHint })}
          <SelectField
            label={words.metric}
            value={plan.metric}
            options={METRICS.filter((metric) => plan.kind === 'split' || metric !== 'like_share').map(
              (metric) => [metric, metrics[metric].name] as const,
            )}
            onValue={(metric) => setPlan({ ...plan, metric })}
          />
        </div>
        {field('effect', words.effect, { unit: metrics[plan.metric].unit, hint: words.effectHint })}
        <div class="field-pair">
          {field('alpha', words.alpha, { unit: '%' })}
          {field('power', words.power, { unit: '%' })}
        </div>
        {children}
        <FormEnd {...end}>{words.save}</FormEnd>
      </div>
      <Power plan={plan} />
    </form>
  );
}

interface VariantsProps {
  plan: Plan;
  models: Models;
  error: string | undefined;
  onPlan: (plan: Plan) => void;
}

function Variants({ plan, models, error, onPlan }: VariantsProps) {
  const { plan: words } = texts;
  const { kind, variants } = plan;
  const isPair = kind === 'interleaved';
  const edit = (at: number, patch: Partial<PlannedVariant>) => {
    const isFor = (i: number) => i === at || (isPair && 'model' in patch); // a pair shares its model
    onPlan({ ...plan, variants: variants.map((variant, i) => (isFor(i) ? { ...variant, ...patch } : variant)) });
  };
  const share = (some: readonly PlannedVariant[]) => {
    const weights = evenWeights(some.length);
    onPlan({ ...plan, variants: some.map((variant, i) => ({ ...variant, weight: weights[i] ?? '' })) });
  };
  return (
    <fieldset class="variants" name="variants" tabIndex={-1} aria-describedby="variants-note">
      <legend>{words.variants}</legend>
      {variants.map((variant, i) => (
        <VariantFields
          key={i}
          place={i}
          variant={variant}
          models={models}
          isWeighted={!isPair}
          onEdit={(patch) => edit(i, patch)}
        />
      ))}
      <p id="variants-note" class={error ? 'field-error' : 'field-hint'}>
        {error ?? words.variantsHint[kind]}
      </p>
      <div class="actions">
        {!isPair && variants.length < MOST_VARIANTS && (
          <Button onClick={() => share([...variants, newVariant(variants.length, models[0]?.[0] ?? '')])}>
            {words.add}
          </Button>
        )}
        {variants.length > 2 && (
          <Button kind="quiet" onClick={() => share(variants.slice(0, -1))}>
            {words.removeLast(variants.at(-1)?.name ?? '')}
          </Button>
        )}
      </div>
    </fieldset>
  );
}

interface VariantFieldsProps {
  place: number;
  variant: PlannedVariant;
  models: Models;
  isWeighted: boolean;
  onEdit: (patch: Partial<PlannedVariant>) => void;
}

function VariantFields({ place, variant, models, isWeighted, onEdit }: VariantFieldsProps) {
  const { plan: words } = texts;
  const { name, model, head } = variant;
  const percent = (field: 'weight' | 'diversity' | 'exploration') => (
    <InputField
      name={`variant-${place}-${field}`}
      label={words[field]}
      value={variant[field]}
      unit="%"
      onValue={(value) => onEdit({ [field]: value })}
    />
  );
  return (
    <div class="variant">
      <InputField
        name={`variant-${place}-name`}
        label={place === 0 ? words.control : words.treatment}
        value={name}
        onValue={(value) => onEdit({ name: value })}
      />
      <SelectField label={words.modelLabel} value={model} options={models} onValue={(id) => onEdit({ model: id })} />
      <SelectField label={words.head} value={head} options={words.heads} onValue={(value) => onEdit({ head: value })} />
      {percent('diversity')}
      {percent('exploration')}
      {isWeighted && percent('weight')}
    </div>
  );
}

/** Maps the service's field names to ours; an error in any variant appears under all of them. */
function blame(error: ApiError) {
  const ours = { minimum_effect: 'effect', traffic_share: 'traffic' } as const;
  const found = error.problem?.errors?.map((fault) => {
    const name = fault.field[1];
    return [name === 'minimum_effect' || name === 'traffic_share' ? ours[name] : name, describe(fault)];
  });
  return Object.fromEntries(found ?? []) as Partial<Record<PlanField, string>>;
}
