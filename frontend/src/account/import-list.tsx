import { call } from '../api';
import { DataTable } from '../app/data-table';
import { usePages } from '../app/resource';
import { Failure, More, Skeletons } from '../app/states';
import { texts } from '../texts';

interface ImportListProps {
  /** The user whose imports to list; all users if omitted. */
  userId?: number;
  /** Changes after every import. */
  asOf: unknown;
}

/** The imported files of ratings, newest first. */
export function ImportList({ userId, asOf }: ImportListProps) {
  const { data, error, isLoading, reload, loadMore } = usePages(`imports ${userId} ${asOf}`, (cursor, signal) =>
    userId === undefined
      ? call('get', '/imports', { query: { cursor }, signal })
      : call('get', '/ratings/{user_id}/imports', { path: { user_id: userId }, query: { cursor }, signal }),
  );
  const { transfer, models } = texts;
  return (
    <>
      {!data && isLoading && <Skeletons count={2} kind="row" />}
      {error && !isLoading && <Failure error={error} retry={reload} />}
      {data?.items.length === 0 && <p>{transfer.noImports}</p>}
      {data && data.items.length > 0 && (
        <DataTable
          label={transfer.imports}
          columns={transfer.importColumns}
          rows={data.items.map((one) => [
            models.moment(one.imported_at),
            one.username ?? one.user_id,
            transfer.formats[one.format],
            transfer.plan(one.n_added, one.n_replaced, one.n_unchanged, one.n_skipped),
          ])}
        />
      )}
      <More hasMore={!!data?.next_cursor} isBusy={isLoading} onMore={loadMore} />
    </>
  );
}
