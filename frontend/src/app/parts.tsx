/** Shared parts of pages: heads, panels, buttons, tabs and legends. */

import type { AnchorHTMLAttributes, ButtonHTMLAttributes, ComponentChildren } from 'preact';

interface PageHeadProps {
  title: string;
  lead?: ComponentChildren;
  /** The page one level up. */
  parent?: readonly [href: string, title: string];
  tabs?: ComponentChildren;
  children?: ComponentChildren;
}

export function PageHead({ title, lead, parent, tabs, children }: PageHeadProps) {
  return (
    <header class="page-head">
      {parent && (
        <p>
          <a href={parent[0]}>{parent[1]}</a>
        </p>
      )}
      {tabs}
      <h1>{title}</h1>
      {lead && <p class="lead">{lead}</p>}
      {children}
    </header>
  );
}

interface PanelProps {
  title: string;
  'aria-busy'?: boolean;
  children: ComponentChildren;
}

export function Panel({ title, children, ...rest }: PanelProps) {
  return (
    <section class="panel" {...rest}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

const KINDS = {
  plain: 'button',
  primary: 'button primary',
  danger: 'button danger',
  quiet: 'quiet-button',
  icon: 'icon-button',
} as const;

type ButtonProps = ButtonHTMLAttributes & { kind?: keyof typeof KINDS };

export function Button({ kind = 'plain', ...rest }: ButtonProps) {
  return <button type="button" class={KINDS[kind]} {...rest} />;
}

type LinkButtonProps = AnchorHTMLAttributes & { kind?: 'plain' | 'primary' };

export function LinkButton({ kind = 'plain', ...rest }: LinkButtonProps) {
  return <a class={KINDS[kind]} {...rest} />;
}

/** A label for a state. */
export function Chip({ state, children }: { state?: string; children: ComponentChildren }) {
  return (
    <span class="chip" data-state={state}>
      {children}
    </span>
  );
}

interface TabsProps {
  label: string;
  tabs: readonly (readonly [href: string, name: string, isCurrent: boolean])[];
}

/** Links to the parts of a page; the current one is marked. */
export function Tabs({ label, tabs }: TabsProps) {
  return (
    <nav class="chips" aria-label={label}>
      {tabs.map(([href, name, isCurrent]) => (
        <a key={href} href={href} aria-current={isCurrent ? 'page' : undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}

/** Names the colours of a chart. */
export function Legend({ entries }: { entries: readonly (readonly [name: string, hue: string])[] }) {
  return (
    <ul class="legend">
      {entries.map(([name, hue]) => (
        <li key={name}>
          <i class={`swatch ${hue}`} /> {name}
        </li>
      ))}
    </ul>
  );
}
