/** Messages over the page: what went wrong, what can be undone; and what a reader should hear. */

import { signal } from '@preact/signals';
import type { ApiError } from '../api';
import { texts } from '../texts';
import { asApiError } from './errors';

export interface Notice {
  readonly id: number;
  readonly text: string;
  readonly error?: ApiError;
  readonly action?: { readonly label: string; readonly run: () => void };
}

const UNDO_MILLISECONDS = 12_000;
const MAX_NOTICES = 3;

export const notices = signal<readonly Notice[]>([]);

/** Read out politely by screen readers; not shown. */
export const announcement = signal('');

let lastId = 0;

export function announce(text: string): void {
  announcement.value = text;
}

/** Errors stay until dismissed, everything else leaves by itself. */
export function notify(notice: Omit<Notice, 'id'>): void {
  lastId += 1;
  const id = lastId;
  notices.value = [...notices.value, { ...notice, id }].slice(-MAX_NOTICES);
  if (!notice.error) setTimeout(() => dismiss(id), UNDO_MILLISECONDS);
}

/** Wait for a change, say so, and look again; a refusal is told as such. */
export async function act(done: string, reload: () => void, request: Promise<unknown>): Promise<void> {
  try {
    await request;
    notify({ text: done });
  } catch (error) {
    notify({ text: texts.settings.refused, error: asApiError(error) });
  }
  reload();
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}
