import type { CSSProperties } from 'preact';
import { texts } from '../texts';

interface HistogramProps {
  bins: readonly { value: number; count: number }[];
  /** The user's own rating, marked among the bars. */
  own: number | null;
}

/** Counts the ratings of each half star; screen readers read the numbers. */
export function Histogram({ bins, own }: HistogramProps) {
  const most = Math.max(1, ...bins.map(({ count }) => count));
  return (
    <ol class="histogram">
      {bins.map(({ value, count }) => (
        <li key={value} data-own={value === own} title={texts.movie.bin(value, count)}>
          <i style={{ '--share': count / most } as CSSProperties} />
          <span class="visually-hidden">{texts.movie.bin(value, count)}</span>
          <b aria-hidden="true">{value % 1 === 0 ? value : ''}</b>
        </li>
      ))}
    </ol>
  );
}
