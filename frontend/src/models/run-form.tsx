import { useState } from 'preact/hooks';
import { type ApiError, call, type Field, type Schema, schemaOf, type TrainingRequest, type TrainingRun } from '../api';
import { describe } from '../app/errors';
import { FormEnd, InputField, SelectField, useForm } from '../app/form';
import { numberIn } from '../app/numbers';
import { useResource } from '../app/resource';
import { Failure, Skeletons } from '../app/states';
import { texts } from '../texts';
import { type Head, type Parameter, type Preset, parameterProblem, parametersOf, valuesOf } from './training-runs';

const MOST_SEED = 2 ** 31 - 1;
const SEED: Field = { type: 'integer', minimum: 0, maximum: MOST_SEED };
const SHARE: Field = { type: 'number', minimum: 1, maximum: 50 };

/** Ask for a training run; what is left empty takes the preset's value. */
export function RunForm({ onRun }: { onRun: (run: TrainingRun) => void }) {
  const { data, error, isLoading, reload } = useResource('parameters', async (signal) => {
    const [rating, ranking] = await Promise.all([
      schemaOf('RatingParameters', signal),
      schemaOf('RankingParameters', signal),
    ]);
    return { rating, ranking };
  });
  if (error && !isLoading) return <Failure error={error} retry={reload} />;
  if (!data) return <Skeletons count={2} kind="row" />;
  return <Fields schemas={data} onRun={onRun} />;
}

interface FieldsProps {
  schemas: Readonly<Record<Head, Schema>>;
  onRun: (run: TrainingRun) => void;
}

function Fields({ schemas, onRun }: FieldsProps) {
  const { training: words } = texts;
  const [preset, setPreset] = useState<Preset>('default');
  const [evaluate, setEvaluate] = useState<keyof typeof texts.training.evaluations>('auto');
  const [activate, setActivate] = useState(true);
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>({ seed: '0', test_share: '10' });
  const parameters = {
    rating: parametersOf(schemas.rating, 'rating', preset),
    ranking: parametersOf(schemas.ranking, 'ranking', preset),
  };
  const all = (['rating', 'ranking'] as const).flatMap((head) =>
    parameters[head].map((field) => ({ ...field, id: `${head}-${field.name}` })),
  );
  const text = (id: string) => typed[id] ?? '';
  const type = (id: string) => (value: string) => setTyped({ ...typed, [id]: value });
  const given = (head: Head) => valuesOf(parameters[head], (name) => text(`${head}-${name}`));
  const { errors, onSubmit, ...end } = useForm<string>({
    names: ['seed', 'test_share', ...all.map(({ id }) => id)],
    check: () => ({
      seed: text('seed') === '' ? words.range(SEED) : parameterProblem(SEED, text('seed')),
      test_share: text('test_share') === '' ? words.range(SHARE) : parameterProblem(SHARE, text('test_share')),
      ...Object.fromEntries(all.map((field) => [field.id, parameterProblem(field, text(field.id))])),
    }),
    send: async () => {
      const body: TrainingRequest = {
        preset,
        evaluate,
        activate,
        seed: numberIn(text('seed')),
        test_share: numberIn(text('test_share')) / 100,
        rating: given('rating'),
        ranking: given('ranking'),
      };
      onRun(await call('post', '/training-runs', { body }));
    },
    blame,
  });
  const inputs = (head: Head) =>
    parameters[head].map((field) => (
      <ParameterField
        key={field.name}
        field={field}
        name={`${head}-${field.name}`}
        value={text(`${head}-${field.name}`)}
        error={errors[`${head}-${field.name}`]}
        onValue={type(`${head}-${field.name}`)}
      />
    ));
  return (
    <form class="rows" noValidate onSubmit={onSubmit}>
      <SelectField label={words.preset} value={preset} options={words.presets} onValue={setPreset} />
      <p class="facts">{words.presetHints[preset]}</p>
      <div class="field-pair">{inputs('rating')}</div>
      <details open={all.some(({ id }) => id.startsWith('ranking') && errors[id])}>
        <summary>{words.ranking}</summary>
        <div class="field-pair">{inputs('ranking')}</div>
      </details>
      <div class="field-pair">
        <InputField
          name="test_share"
          label={words.testShare}
          value={text('test_share')}
          unit="%"
          hint={words.range(SHARE)}
          error={errors['test_share']}
          onValue={type('test_share')}
        />
        <InputField
          name="seed"
          label={words.seed}
          value={text('seed')}
          hint={words.seedHint}
          error={errors['seed']}
          onValue={type('seed')}
        />
      </div>
      <SelectField label={words.evaluate} value={evaluate} options={words.evaluations} onValue={setEvaluate} />
      <label class="check">
        <input type="checkbox" checked={activate} onChange={(event) => setActivate(event.currentTarget.checked)} />
        {words.activate}
      </label>
      <FormEnd {...end}>{words.start}</FormEnd>
    </form>
  );
}

interface ParameterFieldProps {
  field: Parameter;
  name: string;
  value: string;
  error: string | undefined;
  onValue: (value: string) => void;
}

function ParameterField({ field, name, value, error, onValue }: ParameterFieldProps) {
  const { training: words } = texts;
  const label = words.parameter(field.name);
  if (field.type === 'boolean') {
    const options = ['true', 'false'].map((choice) => [choice, words.choice(choice)] as const);
    return <SelectField label={label} value={value} options={[['', words.ofPreset], ...options]} onValue={onValue} />;
  }
  return (
    <InputField
      name={name}
      label={label}
      value={value}
      hint={words.range(field)}
      error={error}
      unit=""
      onValue={onValue}
    />
  );
}

/** The service says where in the body a value was wrong; a mistake of the whole is told under the form. */
function blame(error: ApiError): Record<string, string> {
  const found = error.problem?.errors?.filter(({ field }) => field.length > 1) ?? [];
  return Object.fromEntries(found.map((fault) => [fault.field.slice(1).join('-'), describe(fault)]));
}
