import type { TrainingRun } from '../api';
import { texts } from '../texts';

export function RunState({ status }: Pick<TrainingRun, 'status'>) {
  return (
    <span class="chip" data-state={status}>
      {texts.training.states[status]}
    </span>
  );
}
