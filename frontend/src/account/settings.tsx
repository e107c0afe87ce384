import { useState } from 'preact/hooks';
import { type ApiKey, call, type Me, type Scope } from '../api';
import { ConfirmButton } from '../app/confirm';
import { FormEnd, SelectField, TextField, useForm } from '../app/form';
import { act, notify } from '../app/notices';
import { Button, LinkButton, PageHead, Panel } from '../app/parts';
import { type Resource, useGet } from '../app/resource';
import { href } from '../app/routes';
import { Failure } from '../app/states';
import { chooseTheme, theme } from '../app/theme';
import { chooseLanguage, LANGUAGES, language, texts } from '../texts';
import { passwordProblem } from './credentials';
import { PasswordForm } from './password-form';
import { startSession } from './session';

/** One's own account: how it looks, who may use it, what it holds, and its end. */
export function Settings({ me }: { me: Me }) {
  return (
    <>
      <PageHead title={texts.settings.title} lead={texts.settings.lead} />
      <div class="settings">
        <Panel title={texts.settings.appearance}>
          <SelectField
            label={texts.settings.theme}
            value={theme.value}
            options={texts.settings.themes}
            onValue={chooseTheme}
          />
          <SelectField
            label={texts.settings.language}
            value={language.value}
            options={LANGUAGES}
            onValue={chooseLanguage}
          />
        </Panel>
        <Sessions />
        <Keys me={me} />
        <Password me={me} />
        <Panel title={texts.settings.data}>
          <p class="facts">{texts.settings.dataLead}</p>
          <p class="actions">
            <LinkButton href="/me/export" download>
              {texts.settings.exportAll}
            </LinkButton>
            <LinkButton href={href('import')}>{texts.settings.toTransfer}</LinkButton>
          </p>
        </Panel>
        <Deletion me={me} />
      </div>
    </>
  );
}

function Pending({ of: { data, error, isLoading, reload } }: { of: Resource<unknown> }) {
  if (error && !isLoading) return <Failure error={error} retry={reload} />;
  return data ? null : <div class="skeleton skeleton-line" role="status" aria-label={texts.loading} />;
}

function Sessions() {
  const found = useGet('/me/sessions');
  const { data, reload } = found;
  return (
    <Panel title={texts.settings.sessions}>
      <Pending of={found} />
      <ul class="entries">
        {data?.items.map(({ id, user_agent, last_seen_at, is_current }) => {
          const agent = user_agent ?? texts.settings.unknownAgent;
          return (
            <li key={id}>
              <p>
                {is_current && <b class="chip">{texts.settings.thisSession}</b>} {agent}
                <small class="facts">{texts.settings.lastSeen(last_seen_at)}</small>
              </p>
              {!is_current && (
                <Button
                  aria-label={texts.settings.endOf(agent)}
                  onClick={() =>
                    act(
                      texts.settings.ended,
                      reload,
                      call('delete', '/me/sessions/{session_id}', { path: { session_id: id } }),
                    )
                  }
                >
                  {texts.settings.end}
                </Button>
              )}
            </li>
          );
        })}
      </ul>
      {(data?.items.length ?? 0) > 1 && (
        <Button onClick={() => act(texts.settings.ended, reload, call('delete', '/me/sessions', {}))}>
          {texts.settings.endOthers}
        </Button>
      )}
    </Panel>
  );
}

function Keys({ me }: { me: Me }) {
  const found = useGet('/api-keys');
  const { data, reload } = found;
  return (
    <Panel title={texts.settings.keys}>
      <p class="facts">{texts.settings.keysLead}</p>
      <Pending of={found} />
      {data?.items.length === 0 && <p>{texts.settings.noKeys}</p>}
      <ul class="entries">
        {data?.items.map((key) => (
          <KeyRow key={key.id} apiKey={key} reload={reload} />
        ))}
      </ul>
      <NewKey me={me} reload={reload} />
    </Panel>
  );
}

function KeyRow({ apiKey: { id, name, prefix, scopes, expires_at }, reload }: { apiKey: ApiKey; reload: () => void }) {
  const { revoke, revokeTitle, revokeText, revoked, key, expires } = texts.settings;
  return (
    <li>
      <p>
        <b>{name}</b>
        <small class="facts">
          <code>{key(prefix, scopes)}</code> · {expires(expires_at)}
        </small>
      </p>
      <ConfirmButton
        label={revoke}
        title={revokeTitle(name)}
        text={revokeText}
        kind="danger"
        onConfirm={() =>
          void act(revoked(name), reload, call('delete', '/api-keys/{key_id}', { path: { key_id: id } }))
        }
      />
    </li>
  );
}

const SCOPES: readonly Scope[] = ['read', 'rate', 'serve', 'admin'];
const EXPIRIES = ['90', '30', '365', ''] as const;

function NewKey({ me, reload }: { me: Me; reload: () => void }) {
  const [scopes, setScopes] = useState<readonly Scope[]>(['read']);
  const [days, setDays] = useState<(typeof EXPIRIES)[number]>('90');
  const [secret, setSecret] = useState('');
  const [isCopied, setCopied] = useState(false);
  const { errors, onSubmit, ...end } = useForm({
    names: ['name', 'scopes'],
    check: ({ name }) => ({
      name: name.trim() ? undefined : texts.settings.keyNameProblem,
      scopes: scopes.length > 0 ? undefined : texts.settings.scopeProblem,
    }),
    send: async ({ name }) => {
      const body = { name, scopes: [...scopes], expires_in_days: days === '' ? null : Number(days) };
      setSecret((await call('post', '/api-keys', { body })).key);
      setCopied(false);
      reload();
    },
  });
  const offered = me.is_admin ? SCOPES : SCOPES.slice(0, 2);
  return (
    <form noValidate onSubmit={onSubmit} class="rows">
      <TextField
        name="name"
        label={texts.settings.keyName}
        autoComplete="off"
        hint={texts.settings.keyNameHint}
        error={errors.name}
      />
      <fieldset class="field">
        <legend>{texts.settings.scopes}</legend>
        {offered.map((scope) => (
          <label key={scope} class="check">
            <input
              type="checkbox"
              name="scopes"
              value={scope}
              checked={scopes.includes(scope)}
              onChange={(event) =>
                setScopes(
                  SCOPES.filter((name) => (name === scope ? event.currentTarget.checked : scopes.includes(name))),
                )
              }
            />
            {texts.settings.scopeNames[scope]}
          </label>
        ))}
        <p class="field-error">{errors.scopes}</p>
      </fieldset>
      <SelectField
        label={texts.settings.expiry}
        value={days}
        options={EXPIRIES.map((value) => [value, texts.settings.expiries[value]])}
        onValue={setDays}
      />
      <FormEnd {...end}>{texts.settings.createKey}</FormEnd>
      {secret && (
        <div role="status" class="rows">
          <p>{texts.settings.newKey}</p>
          <p>
            <code>{secret}</code>
          </p>
          {navigator.clipboard && (
            <Button onClick={() => void navigator.clipboard.writeText(secret).then(() => setCopied(true))}>
              {isCopied ? texts.settings.copied : texts.settings.copy}
            </Button>
          )}
        </div>
      )}
    </form>
  );
}

function Password({ me }: { me: Me }) {
  const { settings } = texts;
  return (
    <Panel title={settings.password}>
      <p class="facts">{settings.passwordLead}</p>
      <PasswordForm
        username={me.username}
        labels={[settings.current, settings.next, settings.changePassword]}
        hasKeys
        onChanged={() => notify({ text: settings.passwordChanged })}
      />
    </Panel>
  );
}

function Deletion({ me }: { me: Me }) {
  const { errors, onSubmit, ...end } = useForm({
    names: ['confirmation', 'password'],
    check: ({ confirmation, password }) => ({
      confirmation: confirmation === me.username ? undefined : texts.settings.typeNameProblem,
      password: passwordProblem(password),
    }),
    send: async ({ password }) => {
      await call('post', '/me/deletion', { body: { password } });
      await startSession();
    },
    refusals: { 'invalid-credentials': { password: texts.account.wrongCurrent } },
  });
  return (
    <Panel title={texts.settings.delete}>
      <p class="facts">{texts.settings.deleteLead}</p>
      <form noValidate onSubmit={onSubmit} class="rows">
        <TextField
          name="confirmation"
          label={texts.settings.typeName(me.username)}
          autoComplete="off"
          error={errors.confirmation}
        />
        <TextField
          name="password"
          type="password"
          label={texts.settings.deletePassword}
          autoComplete="current-password"
          error={errors.password}
        />
        <FormEnd {...end} kind="danger">
          {texts.settings.deleteForever}
        </FormEnd>
      </form>
    </Panel>
  );
}
