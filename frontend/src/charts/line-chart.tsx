import { texts } from '../texts';
import { ticks } from './ticks';

type Values = readonly (number | undefined)[];

interface Line {
  readonly name: string;
  readonly values: Values;
  /** The ends of an interval around each value, drawn as a band. */
  readonly band?: { readonly low: Values; readonly high: Values };
}

interface LineChartProps {
  title: string;
  days: readonly string[];
  series: readonly Line[];
  format: (value: number) => string;
  isFromZero?: boolean;
  formatDay?: (day: string) => string;
}

/** Lines over days or steps, one a series, told apart by colour and by dashes; a table beside it holds the numbers. */
export function LineChart({ title, days, series, format, isFromZero = false, formatDay = texts.day }: LineChartProps) {
  const known = series
    .flatMap(({ values, band }) => [...values, ...(band?.low ?? []), ...(band?.high ?? [])])
    .filter((value) => value !== undefined);
  const scale = ticks(isFromZero ? 0 : Math.min(...known), Math.max(...known), 4);
  const [low, high] = [scale[0] ?? 0, scale.at(-1) ?? 1];
  const x = (index: number) => (days.length > 1 ? 2 + (96 * index) / (days.length - 1) : 50);
  const y = (value: number) => (high > low ? 96 - (92 * (value - low)) / (high - low) : 50);
  const points = (values: Values) =>
    values.flatMap((value, i) => (value === undefined ? [] : [{ x: x(i), y: y(value) }]));
  const path = (some: readonly { x: number; y: number }[]) => some.map((point) => `${point.x},${point.y}`).join(' ');
  return (
    <figure class="line-chart">
      <figcaption>{title}</figcaption>
      <div class="line-chart-scale" aria-hidden="true">
        {scale.map((tick) => (
          <span key={tick} style={{ top: `${y(tick)}%` }}>
            {format(tick)}
          </span>
        ))}
      </div>
      <svg class="line-chart-plot" aria-hidden="true">
        {scale.map((tick) => (
          <line
            key={tick}
            class={tick === 0 && low < 0 ? 'interval-zero' : 'grid-line'}
            x1="0"
            x2="100%"
            y1={`${y(tick)}%`}
            y2={`${y(tick)}%`}
          />
        ))}
        <svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
          {series.map(({ name, values, band }, i) => (
            <g key={name} class={`series-${i}`}>
              {band && <polygon points={path([...points(band.low), ...points(band.high).reverse()])} />}
              <polyline points={path(points(values))} />
            </g>
          ))}
        </svg>
        {series.map(({ name, values }, i) =>
          points(values)
            .slice(-1)
            .map((point) => <circle key={name} class={`series-${i}`} cx={`${point.x}%`} cy={`${point.y}%`} r="4" />),
        )}
      </svg>
      <p class="line-chart-days" aria-hidden="true">
        <span>{days[0] && formatDay(days[0])}</span>
        {days.length > 1 && <span>{formatDay(days.at(-1) ?? '')}</span>}
      </p>
    </figure>
  );
}
