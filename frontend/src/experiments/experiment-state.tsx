import type { Experiment, Results } from '../api';
import { Chip } from '../app/parts';
import { texts } from '../texts';
import { healthOf } from './results';

export function StateChip({ state }: { state: Experiment['state'] }) {
  return <Chip state={state}>{texts.experiments.states[state]}</Chip>;
}

/** Tells whether the numbers can be trusted; appears before all of them. */
export function HealthLine({ results }: { results: Results }) {
  const health = healthOf(results);
  return (
    <p class="health" data-health={health}>
      <b>{texts.results.health[health]}</b> {texts.results.healthText(health, results.sample_ratio_p_value)}
    </p>
  );
}
