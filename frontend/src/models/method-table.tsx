import type { Estimate, TrainingRun } from '../api';
import { DataTable } from '../app/data-table';
import { texts } from '../texts';

const MEASURES = ['rmse', 'mae', 'ndcg', 'recall'] as const;

/** Every method on the held-out ratings, each number with its bootstrap interval. */
export function MethodTable({ methods }: { methods: TrainingRun['metrics'] }) {
  const { models: words } = texts;
  return (
    <DataTable
      label={words.measured}
      columns={words.methodColumns}
      rows={methods.map((method) => [
        words.methods[method.name] ?? method.name,
        ...MEASURES.map((measure) => <EstimateText key={measure} estimate={method[measure]} />),
        texts.percent(method.coverage),
      ])}
      isMarked={(place) => methods[place]?.name.endsWith('head') ?? false}
    />
  );
}

export function EstimateText({ estimate }: { estimate: Estimate | null }) {
  return (
    <>
      {texts.models.estimate(estimate)}
      {estimate && <small>{texts.models.interval(estimate)}</small>}
    </>
  );
}
