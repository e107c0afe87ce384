import { useState } from 'preact/hooks';
import { ImportList } from '../account/import-list';
import { startSession } from '../account/session';
import { call, type Me, type TrainingRun, type User } from '../api';
import { ConfirmButton } from '../app/confirm';
import { DataTable } from '../app/data-table';
import { asApiError } from '../app/errors';
import { FormEnd, SearchField, TextField, useForm } from '../app/form';
import { act, notify } from '../app/notices';
import { Button, LinkButton, Panel, Tabs } from '../app/parts';
import { useGet, useList } from '../app/resource';
import { href, replace, route } from '../app/routes';
import { Empty, Failure, More, Skeletons } from '../app/states';
import { ModelsHead } from '../models/models-head';
import { useRuns } from '../models/run-events';
import { CancelButton, RunState } from '../models/run-state';
import { isUnfinished, secondsOf } from '../models/training-runs';
import { texts } from '../texts';

const TABS = ['users', 'jobs', 'storage'] as const;

/** Users and their permissions, jobs, and storage. */
export function Admin({ me }: { me: Me }) {
  const { admin } = texts;
  const tab = TABS.find((name) => name === route.value.query.get('tab')) ?? 'users';
  return (
    <>
      <ModelsHead title={admin.title} lead={admin.leads[tab]} />
      <Tabs
        label={admin.title}
        tabs={TABS.map((name) => [href('admin', { tab: name }), admin.tabs[name], name === tab])}
      />
      {tab === 'users' && <Users me={me} />}
      {tab === 'jobs' && <Jobs />}
      {tab === 'storage' && (
        <div class="settings">
          <Sizes />
          <Keys />
        </div>
      )}
    </>
  );
}

function Users({ me }: { me: Me }) {
  const { admin } = texts;
  const search = route.value.query.get('search') ?? '';
  const [asOf, setAsOf] = useState(Date.now);
  const { data, error, isLoading, isStale, reload, loadMore } = useList(
    '/users',
    { query: { search: search.trim() } },
    asOf,
  );
  return (
    <>
      <search class="toolbar">
        <SearchField
          label={admin.search}
          value={search}
          onValue={(text) => replace(href('admin', { tab: 'users', search: text }))}
        />
      </search>
      {!data && isLoading && <Skeletons count={3} kind="row" />}
      {error && !isLoading && <Failure error={error} retry={reload} />}
      {data?.items.length === 0 && !isStale && <Empty title={admin.nobody} hint={admin.nobodyHint} />}
      {data && data.items.length > 0 && (
        <DataTable label={admin.tabs.users} columns={admin.columns}>
          {data.items.map((user) => (
            <UserRow key={`${user.id} ${asOf}`} user={user} isMe={user.id === me.id} />
          ))}
        </DataTable>
      )}
      <More hasMore={!!data?.next_cursor} isBusy={isLoading} onMore={loadMore} />
      <NewUser onUser={() => setAsOf(Date.now())} />
    </>
  );
}

type Change = Partial<Pick<User, 'is_admin' | 'is_disabled'>>;

/** Shows a change at once, and reverts it if the service refuses. */
function UserRow({ user, isMe }: { user: User; isMe: boolean }) {
  const { admin } = texts;
  const [shown, setShown] = useState(user);
  const { id, username, is_admin, is_disabled, must_change_password, n_ratings, created_at, last_seen_at } = shown;
  const change = async (body: Change) => {
    setShown({ ...shown, ...body });
    try {
      setShown(await call('patch', '/users/{user_id}', { path: { user_id: id }, body }));
      if (isMe) await startSession();
    } catch (reason) {
      setShown(shown);
      notify({ text: admin.refused(username), error: asApiError(reason) });
    }
  };
  const role = is_admin ? 'demote' : 'promote';
  return (
    <tr>
      <th scope="row">
        {username} {isMe && <span class="chip">{admin.you}</span>}
      </th>
      <td>{admin.roles(is_admin)}</td>
      <td>
        {is_disabled ? <b class="field-error">{admin.disabled}</b> : admin.enabled}
        {must_change_password && <small>{admin.oneTime}</small>}
      </td>
      <td>{texts.models.count(n_ratings)}</td>
      <td>{texts.day(created_at)}</td>
      <td>{last_seen_at ? texts.day(last_seen_at) : texts.none}</td>
      <td>
        <div class="actions">
          <ConfirmButton
            label={admin[role]}
            title={admin.titles[role](username)}
            text={admin.warnings[role]}
            name={admin.of(admin[role], username)}
            onConfirm={() => void change({ is_admin: !is_admin })}
          />
          {is_disabled ? (
            <Button aria-label={admin.of(admin.enable, username)} onClick={() => void change({ is_disabled: false })}>
              {admin.enable}
            </Button>
          ) : (
            <ConfirmButton
              label={admin.disable}
              title={admin.titles.disable(username)}
              text={admin.warnings.disable}
              kind="danger"
              name={admin.of(admin.disable, username)}
              onConfirm={() => void change({ is_disabled: true })}
            />
          )}
        </div>
      </td>
    </tr>
  );
}

function NewUser({ onUser }: { onUser: () => void }) {
  const { admin } = texts;
  const [made, setMade] = useState<{ username: string; one_time_password: string } | null>(null);
  const { errors, onSubmit, ...end } = useForm({
    names: ['username'],
    check: ({ username }) => ({ username: username.trim() ? undefined : texts.account.usernameLength }),
    send: async ({ username }) => {
      setMade(await call('post', '/users', { body: { username, is_admin: false } }));
      onUser();
    },
    refusals: { 'username-taken': { username: texts.errors.problems['username-taken'] } },
  });
  return (
    <details>
      <summary>{admin.add}</summary>
      <form class="rows entrance-form" noValidate onSubmit={onSubmit}>
        <TextField
          name="username"
          label={texts.account.username}
          autoComplete="off"
          hint={texts.account.usernameHint}
          error={errors.username}
        />
        <FormEnd {...end}>{admin.add}</FormEnd>
        <p role="status">
          {made && (
            <>
              {admin.made(made.username)} <code>{made.one_time_password}</code>
            </>
          )}
        </p>
      </form>
    </details>
  );
}

function Jobs() {
  const { admin } = texts;
  const { data, error, isLoading, reload, loadMore } = useRuns();
  const [asOf] = useState(Date.now);
  const count = (status: TrainingRun['status']) => data?.items.filter((run) => run.status === status).length ?? 0;
  return (
    <>
      <Panel title={texts.training.runs}>
        {!data && isLoading && <Skeletons count={2} kind="row" />}
        {error && !isLoading && <Failure error={error} retry={reload} />}
        {data?.items.length === 0 && <p>{texts.training.empty}</p>}
        {data && data.items.length > 0 && (
          <>
            <p role="status">{admin.atWork(count('running'), count('queued'))}</p>
            <DataTable label={texts.training.runs} columns={admin.runColumns}>
              {data.items.map((run) => (
                <RunRow key={run.id} run={run} reload={reload} />
              ))}
            </DataTable>
            <More hasMore={!!data?.next_cursor} isBusy={isLoading} onMore={loadMore} />
          </>
        )}
        <p class="actions">
          <LinkButton href={href('training')}>{texts.training.title}</LinkButton>
        </p>
      </Panel>
      <Panel title={admin.imports}>
        <ImportList asOf={asOf} />
        <p class="facts">{admin.importsText}</p>
        <p class="actions">
          <LinkButton href={href('import')}>{texts.transfer.title}</LinkButton>
          <LinkButton href={href('models')}>{texts.section.pages.models}</LinkButton>
        </p>
      </Panel>
    </>
  );
}

function RunRow({ run, reload }: { run: TrainingRun; reload: () => void }) {
  const { admin, training, models } = texts;
  const { id, status, reason, progress, eta_seconds, error, model_id } = run;
  return (
    <tr>
      <th scope="row">
        <a href={href('training', { run: id })}>{training.run(id)}</a> <RunState status={status} />
        {status === 'running' && (
          <small>
            {training.progress(progress)}
            {eta_seconds !== null && `, ${training.left(eta_seconds)}`}
          </small>
        )}
        {error && <small>{error}</small>}
      </th>
      <td>{admin.reasons[reason]}</td>
      <td>{models.moment(run.requested_at)}</td>
      <td>{training.duration(secondsOf(run))}</td>
      <td>{model_id !== null && <a href={href('model', {}, model_id)}>{models.name(model_id)}</a>}</td>
      <td>{isUnfinished(run) && <CancelButton id={id} isListed reload={reload} />}</td>
    </tr>
  );
}

function Sizes() {
  const { admin } = texts;
  const { data, error, isLoading, reload } = useGet('/storage');
  if (error && !isLoading) return <Failure error={error} retry={reload} />;
  if (!data) return <Skeletons count={3} kind="row" />;
  const used = data.disk_total_bytes - data.disk_free_bytes;
  return (
    <>
      <Panel title={admin.disk}>
        <p class="big-number">{admin.bytes(data.disk_free_bytes)}</p>
        <p>{admin.diskText(data.disk_total_bytes)}</p>
        <meter max={data.disk_total_bytes} value={used} aria-label={admin.diskUsed} />
      </Panel>
      <Panel title={texts.models.title}>
        <p class="facts">{admin.modelsText(data.models.length, data.models_bytes)}</p>
        <DataTable
          label={texts.models.title}
          columns={admin.modelColumns}
          rows={data.models.map(({ model_id, is_active, n_bytes }) => [
            <>
              <a href={href('model', {}, model_id)}>{texts.models.name(model_id)}</a>{' '}
              {is_active && <span class="chip">{texts.models.active}</span>}
            </>,
            admin.bytes(n_bytes),
          ])}
        />
      </Panel>
      <Panel title={admin.database}>
        <p class="facts">{admin.databaseText(data.database_bytes, data.is_database_embedded)}</p>
        <DataTable
          label={admin.database}
          columns={admin.tableColumns}
          rows={data.tables.map(({ name, n_bytes, n_rows }) => [
            <code key={name}>{name}</code>,
            n_rows === null ? texts.none : texts.models.count(n_rows),
            admin.bytes(n_bytes),
          ])}
        />
      </Panel>
    </>
  );
}

function Keys() {
  const { admin, settings } = texts;
  const [asOf, setAsOf] = useState(Date.now);
  const { data, error, isLoading, reload, loadMore } = useList('/users/api-keys', {}, asOf);
  return (
    <Panel title={settings.keys}>
      {error && !isLoading && <Failure error={error} retry={reload} />}
      {data?.items.length === 0 && <p>{settings.noKeys}</p>}
      {data && data.items.length > 0 && (
        <DataTable label={settings.keys} columns={admin.keyColumns}>
          {data.items.map(({ id, name, owner, prefix, scopes, expires_at }) => (
            <tr key={id}>
              <th scope="row">
                {name}
                <small>
                  <code>{settings.key(prefix, scopes)}</code>
                </small>
              </th>
              <td>{owner}</td>
              <td>{settings.expires(expires_at)}</td>
              <td>
                <ConfirmButton
                  label={settings.revoke}
                  title={settings.revokeTitle(name)}
                  text={settings.revokeText}
                  kind="danger"
                  name={admin.of(settings.revoke, name)}
                  onConfirm={() =>
                    void act(
                      settings.revoked(name),
                      () => setAsOf(Date.now()),
                      call('delete', '/users/api-keys/{key_id}', { path: { key_id: id } }),
                    )
                  }
                />
              </td>
            </tr>
          ))}
        </DataTable>
      )}
      <More hasMore={!!data?.next_cursor} isBusy={isLoading} onMore={loadMore} />
    </Panel>
  );
}
