import type { CSSProperties } from 'preact';

interface HistogramProps {
  bins: readonly { value: number; count: number }[];
  /** The user's own rating, marked among the bars. */
  own: number | null;
  label: (value: number, count: number) => string;
}

/** A bar for each level of the scale; screen readers read the numbers. */
export function Histogram({ bins, own, label }: HistogramProps) {
  const most = Math.max(...bins.map(({ count }) => count)) || 1;
  return (
    <ol class="histogram">
      {bins.map(({ value, count }) => (
        <li key={value} data-own={value === own} title={label(value, count)}>
          <i style={{ '--share': count / most } as CSSProperties} />
          <span class="visually-hidden">{label(value, count)}</span>
          <b aria-hidden="true">{value % 1 === 0 ? value : ''}</b>
        </li>
      ))}
    </ol>
  );
}
