import { texts } from '../texts';
import { LinkButton } from './parts';
import { href } from './routes';

export function NotFound() {
  return (
    <section class="state">
      <h1>{texts.notFound.title}</h1>
      <p>{texts.notFound.text}</p>
      <LinkButton href={href('browse')}>{texts.notFound.home}</LinkButton>
    </section>
  );
}
