import type { Estimate, TrainingRun } from '../api';
import { DataTable } from '../app/data-table';
import { texts } from '../texts';

const MEASURES = ['rmse', 'mae', 'ndcg', 'recall'] as const;

/** Every method on the held-out ratings, each number with its bootstrap interval. */
export function MethodTable({ methods }: { methods: TrainingRun['metrics'] }) {
  const { models: words } = texts;
  return (
    <DataTable label={words.measured} columns={words.methodColumns}>
      {methods.map((method) => (
        <tr key={method.name} data-decides={method.name.endsWith('head')}>
          <th scope="row">{words.methods[method.name] ?? method.name}</th>
          {MEASURES.map((measure) => (
            <td key={measure}>
              <EstimateText estimate={method[measure]} />
            </td>
          ))}
          <td>{texts.percent(method.coverage)}</td>
        </tr>
      ))}
    </DataTable>
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
