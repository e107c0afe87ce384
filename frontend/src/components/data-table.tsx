import type { ComponentChildren } from 'preact';

interface DataTableProps {
  label: string;
  columns: readonly string[];
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
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}
