import type { Comparison } from '../api';
import { ticks } from '../charts/ticks';
import { texts } from '../texts';

interface IntervalPlotProps {
  comparisons: readonly Comparison[];
  control: string;
  /** The unit of the difference, per 100 votes or users. */
  unit: string;
  minimumEffect: number;
}

/** Differences from the control with both intervals, on one scale; the numbers stand beside them. */
export function IntervalPlot({ comparisons, control, unit, minimumEffect }: IntervalPlotProps) {
  const ends = comparisons.flatMap(({ fixed, anytime }) => [anytime.low, anytime.high, fixed.low, fixed.high]);
  const scale = ticks(100 * Math.min(-minimumEffect, ...ends) * 1.02, 100 * Math.max(minimumEffect, ...ends) * 1.02);
  const [low, high] = [scale[0] ?? 0, scale.at(-1) ?? 1];
  const at = (value: number) => 2 + (96 * (100 * value - low)) / (high - low);
  return (
    <div class="intervals">
      <ul>
        {comparisons.map((comparison) => (
          <li key={comparison.variant} data-outcome={outcome(comparison)}>
            <p class="interval-name">
              <b>{texts.results.against(comparison.variant, control)}</b>
              <span class="interval-value">{texts.results.signedIn100(comparison.fixed.value)}</span>
            </p>
            <Interval comparison={comparison} at={at} minimumEffect={minimumEffect} />
            <p class="facts">{texts.results.intervals(comparison)}</p>
          </li>
        ))}
      </ul>
      <svg class="axis" width="100%" height="22" aria-hidden="true">
        {scale.map((tick) => (
          <text key={tick} x={percent(at(tick / 100))} y="16">
            {texts.results.tick(tick)}
          </text>
        ))}
      </svg>
      <p class="facts axis-unit">{texts.results.unit(unit)}</p>
    </div>
  );
}

interface IntervalProps {
  comparison: Comparison;
  at: (value: number) => number;
  minimumEffect: number;
}

function Interval({ comparison: { fixed, anytime }, at, minimumEffect }: IntervalProps) {
  const line = (low: number, high: number) => ({ x1: percent(at(low)), x2: percent(at(high)), y1: 22, y2: 22 });
  const upright = (value: number, half: number) => ({
    x1: percent(at(value)),
    x2: percent(at(value)),
    y1: 22 - half,
    y2: 22 + half,
  });
  return (
    <svg class="interval" width="100%" height="44" aria-hidden="true">
      <rect
        class="interval-small"
        x={percent(at(-minimumEffect))}
        width={percent(at(minimumEffect) - at(-minimumEffect))}
        height="44"
      />
      <line class="interval-zero" {...upright(0, 22)} />
      <line class="interval-anytime" {...line(anytime.low, anytime.high)} />
      <line class="interval-anytime" {...upright(anytime.low, 6)} />
      <line class="interval-anytime" {...upright(anytime.high, 6)} />
      <line class="interval-fixed" {...line(fixed.low, fixed.high)} />
      <circle cx={percent(at(fixed.value))} cy="22" r="6" />
    </svg>
  );
}

function outcome({ anytime }: Comparison): string {
  if (anytime.low > 0) return 'better';
  return anytime.high < 0 ? 'worse' : 'open';
}

function percent(value: number): string {
  return `${Math.round(value * 100) / 100}%`;
}
