import { call, type TrainingRun } from '../api';
import { ConfirmButton } from '../app/confirm';
import { act } from '../app/notices';
import { Chip } from '../app/parts';
import { texts } from '../texts';

export function RunState({ status }: Pick<TrainingRun, 'status'>) {
  return <Chip state={status}>{texts.training.states[status]}</Chip>;
}

interface CancelProps {
  id: number;
  /** One of many in a table. */
  isListed?: boolean;
  reload: () => void;
}

/** Ends a run that waits or is at work, once asked. */
export function CancelButton({ id, isListed = false, reload }: CancelProps) {
  const { training: words } = texts;
  return (
    <ConfirmButton
      label={words.cancel}
      name={isListed ? words.cancelOf(id) : undefined}
      title={words.cancelTitle(id)}
      text={words.cancelText}
      kind="danger"
      onConfirm={() =>
        void act(words.cancelled(id), reload, call('post', '/training-runs/{run_id}/cancel', { path: { run_id: id } }))
      }
    />
  );
}
