import type { ComponentChildren } from 'preact';
import { texts } from '../texts';
import type { DiffLine } from './diff';
import { type Piece, readPython } from './python';

const HUES = { keyword: 'hue-2', string: 'hue-0', name: 'hue-4', number: 'hue-7', comment: 'lead' } as const;

/** A module with the numbers of its lines, in colour. */
export function PythonCode({ path, source }: { path: string; source: string }) {
  return (
    <Lines label={path}>
      {readPython(source).map((pieces, i) => (
        <span key={i} data-gutter={numbered(i + 1)}>
          {pieces.map(coloured)}
          {'\n'}
        </span>
      ))}
    </Lines>
  );
}

function coloured({ kind, text }: Piece) {
  return kind ? <span class={HUES[kind]}>{text}</span> : text;
}

/** The removed and added lines of a diff, in colour and with signs. */
export function DiffCode({ path, lines }: { path: string; lines: readonly DiffLine[] }) {
  return (
    <Lines label={texts.code.diffOf(path)}>
      {lines.map(({ kind, text, before, after }, i) => (
        <span key={i} data-kind={kind} data-gutter={`${numbered(before)}${numbered(after)} ${SIGNS[kind]}`}>
          {`${text}\n`}
        </span>
      ))}
    </Lines>
  );
}

const SIGNS = { added: '+', removed: '−', kept: ' ', place: ' ', note: ' ' } as const;
const numbered = (line?: number) => String(line ?? '').padStart(4);

function Lines({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="table-scroll" aria-label={label} tabIndex={0}>
      <pre class="code">{children}</pre>
    </section>
  );
}
