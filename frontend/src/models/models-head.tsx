import type { ComponentChildren } from 'preact';
import { isAdmin } from '../account/session';
import { href, route } from '../app/routes';
import { texts } from '../texts';

const PAGES = ['models', 'training', 'proposals', 'admin'] as const;
const OPEN_PAGES = ['proposals'] as const;

interface ModelsHeadProps {
  title: string;
  lead?: string;
  children?: ComponentChildren;
}

/** The head of a page on models and their code, and the way to the others; but for the code they are administrators'. */
export function ModelsHead({ title, lead, children }: ModelsHeadProps) {
  const pages = isAdmin.value ? PAGES : OPEN_PAGES;
  return (
    <header class="page-head">
      <nav class="chips" aria-label={texts.section.label}>
        {pages.map((page) => (
          <a key={page} href={href(page)} aria-current={page === route.value.page ? 'page' : undefined}>
            {texts.section.pages[page]}
          </a>
        ))}
      </nav>
      <h1>{title}</h1>
      {lead && <p class="lead">{lead}</p>}
      {children}
    </header>
  );
}
