import type { ComponentChildren, CSSProperties } from 'preact';
import { DataTable } from '../app/data-table';
import { Panel } from '../app/parts';
import { texts } from '../texts';

type Cell = string | number | null;

interface PlotProps {
  title: string;
  /** Describes the plot in a sentence for screen readers. */
  summary: string;
  columns: readonly string[];
  rows: readonly (readonly Cell[])[];
  children: ComponentChildren;
}

/** A plot with its two alternatives: the numbers as a table, and as a file. */
export function Plot({ title, summary, columns, rows, children }: PlotProps) {
  return (
    <Panel title={title}>
      <p class="facts">{summary}</p>
      <div class="plot" role="img" aria-label={`${title}. ${summary}`}>
        {children}
      </div>
      <details>
        <summary>{texts.plot.table}</summary>
        <DataTable
          label={title}
          columns={columns}
          rows={rows.map(([first, ...others]) => [
            first,
            ...others.map((cell) => (typeof cell === 'number' ? texts.plot.number(cell) : (cell ?? texts.none))),
          ])}
        />
      </details>
      <CsvButton name={title} columns={columns} rows={rows} />
    </Panel>
  );
}

type CsvProps = Pick<PlotProps, 'columns' | 'rows'> & { name: string };

/** Hands the numbers over as a file. */
export function CsvButton({ name, columns, rows }: CsvProps) {
  const save = () => {
    const url = URL.createObjectURL(new Blob([csv([columns, ...rows])], { type: 'text/csv' }));
    Object.assign(document.createElement('a'), { href: url, download: `${name}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(url));
  };
  return (
    <button type="button" class="quiet-button plot-csv" aria-label={texts.plot.csvOf(name)} onClick={save}>
      {texts.plot.csv}
    </button>
  );
}

/** Rows as CSV by RFC 4180; what a spreadsheet would take for a formula is marked as text. */
export function csv(rows: readonly (readonly Cell[])[]): string {
  const field = (cell: Cell) => {
    const text = typeof cell === 'string' ? cell.replace(/^[=+\-@\t\r]/, "'$&") : String(cell ?? '');
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => `${row.map(field).join(',')}\r\n`).join('');
}

interface Bar {
  readonly name: string;
  readonly value: number;
  /** The value as written at the bar. */
  readonly label: string;
}

/** Upright bars over an ordered scale, such as stars or months. */
export function Columns({ bars, step }: { bars: readonly Bar[]; step: number }) {
  const most = Math.max(1, ...bars.map(({ value }) => value));
  return (
    <div class="plot-columns">
      {bars.map(({ name, value, label }, i) => (
        <span key={name} title={`${name}: ${label}`}>
          <i style={{ '--share': value / most } as CSSProperties} />
          <b>{i % step === 0 && name}</b>
        </span>
      ))}
    </div>
  );
}

interface BarsProps {
  bars: readonly Bar[];
  /** The range of the bars. */
  low?: number;
  high?: number;
}

/** Lying bars with a name each, such as genres. */
export function Bars({ bars, low = 0, high = Math.max(1, ...bars.map(({ value }) => value)) }: BarsProps) {
  return (
    <div class="plot-bars">
      {bars.map(({ name, value, label }) => (
        <span key={name}>
          <b>{name}</b>
          <i style={{ '--share': Math.max(0, (value - low) / (high - low)) } as CSSProperties} />
          <em>{label}</em>
        </span>
      ))}
    </div>
  );
}

const decades = (most: number) => Array.from({ length: Math.floor(Math.log10(most)) + 1 }, (_, n) => 10 ** n);

interface LogDotsProps {
  points: readonly (readonly [x: number, y: number])[];
  axes: readonly [x: string, y: string];
}

/** Dots on two logarithmic axes. */
export function LogDots({ points, axes }: LogDotsProps) {
  const along = (place: 0 | 1) => {
    const most = Math.max(10, ...points.map((point) => point[place]));
    return { ticks: decades(most), at: (value: number) => (94 * Math.log10(value)) / Math.log10(most) };
  };
  const [x, y] = [along(0), along(1)];
  return (
    <div class="plot-dots">
      <svg width="100%" height="16rem" aria-hidden="true">
        {x.ticks.map((tick) => (
          <g key={tick}>
            <line class="grid-line" x1={`${3 + x.at(tick)}%`} x2={`${3 + x.at(tick)}%`} y1="0" y2="90%" />
            <text x={`${3 + x.at(tick)}%`} y="99%">
              {texts.plot.number(tick)}
            </text>
          </g>
        ))}
        {y.ticks.map((tick) => (
          <g key={tick}>
            <line
              class="grid-line"
              x1="3%"
              x2="100%"
              y1={`${88 - 0.9 * y.at(tick)}%`}
              y2={`${88 - 0.9 * y.at(tick)}%`}
            />
            <text class="plot-upright" x="3%" y={`${86.5 - 0.9 * y.at(tick)}%`}>
              {texts.plot.number(tick)}
            </text>
          </g>
        ))}
        {points.map(([a, b]) => (
          <circle key={a} cx={`${3 + x.at(a)}%`} cy={`${88 - 0.9 * y.at(b)}%`} r="3.5" />
        ))}
      </svg>
      <p class="facts">{texts.plot.axes(...axes)}</p>
    </div>
  );
}
