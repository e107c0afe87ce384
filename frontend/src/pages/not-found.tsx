import { Empty } from '../components/states';
import { href } from '../routes';
import { texts } from '../texts';

export function NotFound() {
  return (
    <Empty title={texts.notFound.title} hint={texts.notFound.text}>
      <a class="button" href={href('browse')}>
        {texts.notFound.home}
      </a>
    </Empty>
  );
}
