import { useEffect, useState } from 'preact/hooks';
import { call, type ModelSummary } from '../api';
import { ConfirmButton } from '../app/confirm';
import { act } from '../app/notices';
import { Chip } from '../app/parts';
import { useGet } from '../app/resource';
import { Failure, Skeletons } from '../app/states';
import { texts } from '../texts';
import { pinsOf } from './model-facts';

interface ActionProps {
  model: ModelSummary;
  /** One of many in a table. */
  isListed?: boolean;
  reload: () => void;
}

/** Activates a model that passes its checks. */
export function ActivateButton({ model: { id }, isListed = false, reload }: ActionProps) {
  const [isAllowed, setAllowed] = useState(false);
  const { models: words } = texts;
  return (
    <ConfirmButton
      label={words.activate}
      name={isListed ? words.activateOf(id) : undefined}
      title={words.activateTitle(id)}
      text={words.activateText}
      isAllowed={isAllowed}
      onConfirm={() =>
        void act(words.activated(id), reload, call('post', '/models/{model_id}/activate', { path: { model_id: id } }))
      }
    >
      <Checklist id={id} onResult={setAllowed} />
    </ConfirmButton>
  );
}

/** The checks that a model must pass before it can go live, among them the expectations. */
export function Checklist({ id, onResult }: { id: number; onResult?: (isPassed: boolean) => void }) {
  const { data, error, isLoading, reload } = useGet('/models/{model_id}/checks', { path: { model_id: id } });
  const isPassed = data?.passed === true && !isLoading && !error;
  useEffect(() => onResult?.(isPassed), [isPassed]);
  if (error && !isLoading) return <Failure error={error} retry={reload} />;
  if (!data) return <Skeletons count={1} kind="row" />;
  const { models: words } = texts;
  return (
    <section class="checklist" aria-label={words.checklist} aria-busy={isLoading}>
      <ul class="rows">
        {data.items.map(({ name, passed, detail }) => (
          <li key={name} class="health" data-health={passed ? 'healthy' : 'unhealthy'}>
            <span class="visually-hidden">{words.passed[`${passed}`]}</span> <b>{words.checks[name] ?? name}.</b>{' '}
            {words.check(name, passed, detail)}
          </li>
        ))}
      </ul>
      {!data.passed && <p class="field-error">{words.checksFail}</p>}
    </section>
  );
}

function usePins(id: number): readonly string[] {
  const { data } = useGet('/experiments');
  return pinsOf(id, data?.items ?? []);
}

/** Marks a model that is live, used by an experiment, or imported. */
export function ModelMarks({ model: { id, is_active, kind } }: Pick<ActionProps, 'model'>) {
  const { models: words } = texts;
  const pins = usePins(id);
  return (
    <>
      {is_active && <Chip state="running">{words.active}</Chip>}
      {pins.length > 0 && <span class="chip">{words.pinned}</span>}
      {kind === 'imported' && <span class="chip">{words.imported}</span>}
    </>
  );
}

/** Deletes a model, or explains why that is impossible. */
export function DeleteButton({ model: { id, is_active }, isListed = false, reload }: ActionProps) {
  const { models: words } = texts;
  const pins = usePins(id);
  if (is_active || pins.length > 0) {
    return <small class="facts">{is_active ? words.keptActive : words.keptPinned(pins)}</small>;
  }
  return (
    <ConfirmButton
      label={words.remove}
      name={isListed ? words.removeOf(id) : undefined}
      title={words.removeTitle(id)}
      text={words.removeText}
      kind="danger"
      onConfirm={() =>
        void act(words.removed(id), reload, call('delete', '/models/{model_id}', { path: { model_id: id } }))
      }
    />
  );
}
