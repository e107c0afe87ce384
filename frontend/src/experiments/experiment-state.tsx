import type { Results } from '../api';
import { texts } from '../texts';
import { healthOf } from './results';

/** Tells whether the numbers can be trusted; appears before all of them. */
export function HealthLine({ results }: { results: Results }) {
  const health = healthOf(results);
  return (
    <p class="health" data-health={health}>
      <b>{texts.results.health[health]}</b> {texts.results.healthText(health, results.sample_ratio_p_value)}
    </p>
  );
}
