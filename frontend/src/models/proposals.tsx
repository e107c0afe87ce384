import { useState } from 'preact/hooks';
import { isAdmin } from '../account/session';
import { address, type CodeProposal, type CodeProposalDetail, call } from '../api';
import { ConfirmButton } from '../app/confirm';
import { asApiError } from '../app/errors';
import { FormEnd, InputField, useForm } from '../app/form';
import { NotFound } from '../app/not-found';
import { announce, notify } from '../app/notices';
import { Chip, LinkButton, Panel, Tabs } from '../app/parts';
import { useGet, useList } from '../app/resource';
import { href, route } from '../app/routes';
import { Empty, Failure, More, Skeletons } from '../app/states';
import { texts } from '../texts';
import { countChanges, readDiff } from './diff';
import { ModelsHead } from './models-head';
import { DiffCode } from './source-code';

const STATES = ['open', 'accepted', 'declined'] as const;

/** Proposed edits of the training code, newest first. */
export function Proposals() {
  const { proposals } = texts;
  const status = STATES.find((name) => name === route.value.query.get('status')) ?? null;
  const [asOf] = useState(Date.now); // decisions move proposals, so no visit shows what an earlier one did
  const { data, error, isLoading, isStale, reload, loadMore } = useList('/code-proposals', { query: { status } }, asOf);
  return (
    <>
      <ModelsHead title={proposals.title} lead={proposals.lead}>
        <ToCode />
      </ModelsHead>
      <Tabs
        label={proposals.filter}
        tabs={[null, ...STATES].map((name) => [
          href('proposals', { status: name }),
          name ? proposals.states[name] : proposals.all,
          name === status,
        ])}
      />
      {!data && isLoading && <Skeletons count={4} kind="row" />}
      {error && !isLoading && <Failure error={error} retry={reload} />}
      {data?.items.length === 0 && !isStale && <Empty title={proposals.empty} hint={proposals.emptyHint} />}
      <ul class="rows" aria-busy={isLoading}>
        {data?.items.map((proposal) => (
          <li key={proposal.id} class="panel experiment-row">
            <div>
              <h2>
                <a href={href('proposal', {}, proposal.id)}>{firstLine(proposal.comment)}</a>
              </h2>
              <Facts proposal={proposal} />
            </div>
            <code>{proposal.path}</code>
          </li>
        ))}
      </ul>
      <More hasMore={!!data?.next_cursor} isBusy={isLoading} onMore={loadMore} />
    </>
  );
}

/** A link to the code of the live model. */
function ToCode() {
  const { data } = useGet('/models/active');
  if (!data?.model) return null;
  return (
    <p class="actions">
      <LinkButton href={href('code', {}, data.model.id)}>{texts.code.of(data.model.id)}</LinkButton>
    </p>
  );
}

const firstLine = (comment: string) => comment.trim().split('\n', 1)[0] ?? '';

function Facts({ proposal: { id, status, author, created_at, decided_at } }: { proposal: CodeProposal }) {
  const { proposals } = texts;
  return (
    <p class="facts">
      <Chip state={status}>{proposals.states[status]}</Chip> {proposals.facts(id, author, created_at)}
      {decided_at && ` · ${proposals.decided(decided_at)}`}
    </p>
  );
}

/** One proposal: its diff, what people say to it, and an administrator's decision. */
export function ProposalPage({ id }: { id: number }) {
  const { data, error, isLoading, reload } = useGet('/code-proposals/{proposal_id}', { path: { proposal_id: id } });
  if (error?.status === 404) return <NotFound />;
  return (
    <>
      {error && !isLoading && <Failure error={error} retry={reload} />}
      {!data && isLoading && <Skeletons count={3} kind="row" />}
      {data && (
        <>
          <ModelsHead title={firstLine(data.comment)}>
            <Facts proposal={data} />
            <Decision proposal={data} reload={reload} />
          </ModelsHead>
          <Change proposal={data} />
          <Discussion proposal={data} reload={reload} />
        </>
      )}
    </>
  );
}

interface PartProps {
  proposal: CodeProposalDetail;
  reload: () => void;
}

function Decision({ proposal: { id, status }, reload }: PartProps) {
  const { proposals } = texts;
  const decide = async (decision: 'accepted' | 'declined') => {
    const path = { proposal_id: id };
    try {
      await call('put', '/code-proposals/{proposal_id}/decision', { path, body: { status: decision } });
      announce(proposals.states[decision]);
    } catch (reason) {
      notify({ text: proposals.undecided, error: asApiError(reason) });
    }
    reload(); // also when refused: somebody else may have been faster
    document.getElementById('main')?.focus({ preventScroll: true }); // the button that had it is gone
  };
  return (
    <div class="actions">
      {status === 'open' && isAdmin.value && (
        <>
          <ConfirmButton
            label={proposals.accept}
            title={proposals.acceptTitle(id)}
            text={proposals.acceptText}
            onConfirm={() => void decide('accepted')}
          />
          <ConfirmButton
            label={proposals.decline}
            title={proposals.declineTitle(id)}
            text={proposals.declineText}
            kind="danger"
            onConfirm={() => void decide('declined')}
          />
        </>
      )}
      <LinkButton href={address('/code-proposals/{proposal_id}/patch', { proposal_id: id }, {})} download>
        {proposals.download}
      </LinkButton>
    </div>
  );
}

function Change({ proposal: { id, path, diff } }: { proposal: CodeProposalDetail }) {
  const { proposals } = texts;
  const lines = readDiff(diff);
  const { added, removed } = countChanges(lines);
  return (
    <Panel title={path}>
      <p class="facts">
        {proposals.size(added, removed)} <code>git apply proposal-{id}.patch</code>
      </p>
      <DiffCode path={path} lines={lines} />
    </Panel>
  );
}

function Discussion({ proposal, reload }: PartProps) {
  const { proposals } = texts;
  const { id, author, comment, created_at, comments } = proposal;
  const [text, setText] = useState('');
  const { errors, onSubmit, ...end } = useForm({
    names: ['text'],
    check: () => ({ text: text.trim() ? undefined : proposals.remarkProblem }),
    send: async () => {
      const path = { proposal_id: id };
      await call('post', '/code-proposals/{proposal_id}/comments', { path, body: { text: text.trim() } });
      setText('');
      reload();
    },
  });
  return (
    <Panel title={proposals.discussion}>
      <ol class="rows remarks">
        {[{ author, text: comment, created_at }, ...comments].map((remark, i) => (
          <li key={i}>
            <p class="facts">{proposals.said(remark.author, remark.created_at)}</p>
            <p>{remark.text}</p>
          </li>
        ))}
      </ol>
      <form class="rows" noValidate onSubmit={onSubmit}>
        <InputField name="text" label={proposals.remark} value={text} isLong error={errors.text} onValue={setText} />
        <FormEnd {...end}>{proposals.send}</FormEnd>
      </form>
    </Panel>
  );
}
