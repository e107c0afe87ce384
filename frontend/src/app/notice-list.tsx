import { texts } from '../texts';
import { explain } from './errors';
import { Icon } from './icon';
import { announcement, dismiss, type Notice, notices } from './notices';
import { Button } from './parts';
import { RequestId } from './states';

/** Messages over the page; the regions exist from the start so that readers hear changes. */
export function Notices() {
  return (
    <>
      <section class="notices" aria-label={texts.nav.notices} aria-live="polite">
        {notices.value.map((notice) => (
          <NoticeCard key={notice.id} notice={notice} />
        ))}
      </section>
      <p class="visually-hidden" role="status">
        {announcement.value}
      </p>
    </>
  );
}

function NoticeCard({ notice: { id, text, error, action } }: { notice: Notice }) {
  return (
    <div class="notice" data-error={error !== undefined}>
      <div>
        <p>{text}</p>
        {error && <p class="notice-cause">{explain(error)}</p>}
        {error && <RequestId error={error} />}
      </div>
      {action && (
        <Button
          onClick={() => {
            dismiss(id);
            action.run();
          }}
        >
          {action.label}
        </Button>
      )}
      <Button kind="icon" aria-label={texts.dismiss} onClick={() => dismiss(id)}>
        <Icon name="close" />
      </Button>
    </div>
  );
}
