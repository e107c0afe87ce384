import type { ComponentChildren } from 'preact';

interface SortableColumn {
  readonly label: string;
  /** The address that sorts by it, or the other way round. */
  readonly href: string;
  readonly order: 'ascending' | 'descending' | undefined;
}

interface DataTableProps {
  label: string;
  columns: readonly (string | SortableColumn)[];
  children: ComponentChildren;
}

/** A table that scrolls by itself where the window is narrow, by keyboard as well. */
export function DataTable({ label, columns, children }: DataTableProps) {
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
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}
