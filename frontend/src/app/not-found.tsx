import { texts } from '../texts';
import { href } from './routes';

export function NotFound() {
  return (
    <section class="state">
      <h1>{texts.notFound.title}</h1>
      <p>{texts.notFound.text}</p>
      <a class="button" href={href('browse')}>
        {texts.notFound.home}
      </a>
    </section>
  );
}
