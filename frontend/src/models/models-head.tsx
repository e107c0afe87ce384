import type { ComponentChildren } from 'preact';
import { isAdmin } from '../account/session';
import { PageHead, Tabs } from '../app/parts';
import { href, route } from '../app/routes';
import { texts } from '../texts';

const PAGES = ['models', 'training', 'proposals', 'admin'] as const;
const OPEN_PAGES = ['proposals'] as const;

interface ModelsHeadProps {
  title: string;
  lead?: string;
  children?: ComponentChildren;
}

/** The head of a page of the section on models, with the way to the others; code is open to everyone. */
export function ModelsHead(props: ModelsHeadProps) {
  const { label, pages } = texts.section;
  const shown = isAdmin.value ? PAGES : OPEN_PAGES;
  return (
    <PageHead
      {...props}
      tabs={<Tabs label={label} tabs={shown.map((page) => [href(page), pages[page], page === route.value.page])} />}
    />
  );
}
