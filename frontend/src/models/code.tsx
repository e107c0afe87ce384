import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { isAdmin } from '../account/session';
import { call } from '../api';
import { FormEnd, InputField, useForm } from '../app/form';
import { LinkButton } from '../app/parts';
import { useGet } from '../app/resource';
import { href, replace, route } from '../app/routes';
import { Empty, Failure, Skeletons } from '../app/states';
import { texts } from '../texts';
import { readDiff } from './diff';
import { ModelsHead } from './models-head';
import { DiffCode, PythonCode } from './source-code';

const FIRST = 'engine/training/fit.py';
const MOST_CHARACTERS = 200_000;
const PREVIEW_MILLISECONDS = 300;

/** The training code as it was when it made a model, and the way to propose an edit. */
export function Code({ id }: { id: number }) {
  const { code } = texts;
  const { data, error, isLoading, reload } = useGet('/models/{model_id}/source', { path: { model_id: id } });
  const asked = route.value.query.get('module') ?? FIRST;
  const module = data?.modules.find(({ path }) => path === asked) ?? data?.modules[0];
  return (
    <>
      <ModelsHead title={code.of(id)} lead={code.lead}>
        {isAdmin.value && (
          <p class="actions">
            <a href={href('model', {}, id)}>{code.toModel(id)}</a>
          </p>
        )}
      </ModelsHead>
      {!data && isLoading && <Skeletons count={2} kind="row" />}
      {error && !isLoading && error.status !== 404 && <Failure error={error} retry={reload} />}
      {error?.status === 404 && !isLoading && (
        <Empty title={code.none} hint={code.noneHint}>
          <LinkButton href={href('proposals')}>{texts.proposals.title}</LinkButton>
        </Empty>
      )}
      {data && module && (
        <div class="code-view">
          <nav class="panel" aria-label={code.modules}>
            <h2>{code.modules}</h2>
            <ul>
              {data.modules.map(({ path }) => (
                <li key={path}>
                  <a href={href('code', { module: path }, id)} aria-current={path === module.path ? 'page' : undefined}>
                    {path}
                  </a>
                </li>
              ))}
            </ul>
            <p class="facts">
              {code.hash} <code>{data.sha256}</code>
            </p>
          </nav>
          {route.value.query.has('edit') ? (
            <Edit key={module.path} modelId={id} path={module.path} text={module.text} />
          ) : (
            <Module modelId={id} path={module.path} text={module.text} />
          )}
        </div>
      )}
    </>
  );
}

interface ModuleProps {
  modelId: number;
  path: string;
  text: string;
}

function Module({ modelId, path, text }: ModuleProps) {
  const head = useRef<HTMLElement>(null);
  useEffect(() => {
    // Another module begins at its beginning, however far the one before was scrolled.
    if ((head.current?.getBoundingClientRect().top ?? 0) < 0) head.current?.scrollIntoView();
  }, [path]);
  return (
    <section class="panel">
      <header class="code-head" ref={head}>
        <h2>{path}</h2>
        <LinkButton href={href('code', { module: path, edit: 'true' }, modelId)}>{texts.code.edit}</LinkButton>
      </header>
      <PythonCode path={path} source={text} />
    </section>
  );
}

/** An edit of one module, as the diff that it makes, and why. */
function Edit({ modelId, path, text: before }: ModuleProps) {
  const { code } = texts;
  const [text, setText] = useState(before);
  const [comment, setComment] = useState('');
  const { errors, onSubmit, ...end } = useForm({
    names: ['text', 'comment'],
    check: () => ({
      text: text === before ? code.unchanged : undefined,
      comment: comment.trim() ? undefined : code.commentProblem,
    }),
    send: async () => {
      const body = { model_id: modelId, path, text, comment: comment.trim() };
      const { id } = await call('post', '/code-proposals', { body });
      replace(href('proposal', {}, id));
    },
  });
  return (
    <form class="panel" noValidate onSubmit={onSubmit}>
      <header class="code-head">
        <h2>{code.editOf(path)}</h2>
        <LinkButton href={href('code', { module: path }, modelId)}>{texts.cancel}</LinkButton>
      </header>
      <Editor text={text} onText={setText} error={errors.text} />
      <Preview path={path} before={before} after={text} />
      <InputField
        name="comment"
        label={code.comment}
        value={comment}
        isLong
        hint={code.commentHint}
        error={errors.comment}
        onValue={setComment}
      />
      <FormEnd {...end}>{code.submit}</FormEnd>
    </form>
  );
}

interface EditorProps {
  text: string;
  onText: (text: string) => void;
  error: string | undefined;
}

function Editor({ text, onText, error }: EditorProps) {
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => area.current?.focus({ preventScroll: true }), []); // the link that led here is gone
  return (
    <div class="field">
      <label for={id}>{texts.code.text}</label>
      <textarea
        ref={area}
        id={id}
        class="code"
        name="text"
        rows={24}
        wrap="off"
        maxLength={MOST_CHARACTERS}
        spellcheck={false}
        autoCapitalize="none"
        value={text}
        aria-invalid={error !== undefined}
        aria-describedby={`${id}-note`}
        onInput={(event) => onText(event.currentTarget.value)}
      />
      <p id={`${id}-note`} class="field-error">
        {error}
      </p>
    </div>
  );
}

/** A preview of the changes; the service computes the diff that it stores. */
function Preview({ path, before, after }: { path: string; before: string; after: string }) {
  const { code } = texts;
  const diff = createTwoFilesPatch(path, path, before, after, undefined, undefined, {
    context: 3,
    headerOptions: FILE_HEADERS_ONLY,
    timeout: PREVIEW_MILLISECONDS,
  });
  const lines = readDiff(diff ?? '');
  return (
    <>
      <h3>{code.preview}</h3>
      {lines.length > 0 ? (
        <DiffCode path={path} lines={lines} />
      ) : (
        <p class="facts">{diff === undefined ? code.previewTooLong : code.previewNone}</p>
      )}
    </>
  );
}
