import type { ComponentChildren } from 'preact';

interface SortableColumn {
  readonly label: string;
  /** Sorts by this column, or reverses its order. */
  readonly href: string;
  readonly order: 'ascending' | 'descending' | undefined;
}

interface DataTableProps {
  label: string;
  columns: readonly (string | SortableColumn)[];
  /** The cells of each row; the first one names it. */
  rows?: readonly (readonly ComponentChildren[])[];
  /** Highlights rows. */
  isMarked?: (place: number) => boolean;
  /** Rows with state of their own, after `rows`. */
  children?: ComponentChildren;
}

/** A table that scrolls by itself where the window is narrow, by keyboard as well. */
export function DataTable({ label, columns, rows, isMarked, children }: DataTableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="table-scroll" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column) =>
              typeof column === 'string' ? (
                <th key={column} scope="col">
                  {column}
                </th>
              ) : (
                <th key={column.label} scope="col" aria-sort={column.order}>
                  <a href={column.href}>{column.label}</a>
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {rows?.map(([first, ...others], place) => (
            <tr key={place} data-decides={isMarked?.(place)}>
              <th scope="row">{first}</th>
              {others.map((cell, i) => (
                <td key={i}>{cell}</td>
              ))}
            </tr>
          ))}
          {children}
        </tbody>
      </table>
    </section>
  );
}
