import type { ComponentChildren } from 'preact';
import { href, route } from '../routes';
import { texts } from '../texts';

const PAGES = ['training', 'models', 'proposals', 'admin'] as const;

interface LabHeadProps {
  title: string;
  lead?: string;
  children?: ComponentChildren;
}

/** The head of an administrator's page, and the way to the others. */
export function LabHead({ title, lead, children }: LabHeadProps) {
  return (
    <header class="page-head">
      <nav class="chips" aria-label={texts.lab.label}>
        {PAGES.map((page) => (
          <a key={page} href={href(page)} aria-current={page === route.value.page ? 'page' : undefined}>
            {texts.lab.pages[page]}
          </a>
        ))}
      </nav>
      <h1>{title}</h1>
      {lead && <p class="lead">{lead}</p>}
      {children}
    </header>
  );
}
