/** The texts of the chosen language. Read them while rendering: at import no language is chosen yet. */

import { signal } from '@preact/signals';
import { inTime } from '../api';
import { en, type Texts } from './en';

export type { Texts };

export const LANGUAGES = { en: 'English', de: 'Deutsch' } as const;
export type Language = keyof typeof LANGUAGES;

const KEY = 'cinefold.language';

export const language = signal<Language>('en');
export let texts: Texts = en;

/** The language chosen on this device, else the first supported language of the browser. */
function wanted(): Language {
  const asked = [localStorage.getItem(KEY) ?? '', ...navigator.languages].map((tag) => tag.slice(0, 2));
  return asked.find((tag): tag is Language => tag in LANGUAGES) ?? 'en';
}

/** Before the first paint; English is there already and stands in where another cannot be fetched. */
export async function startLanguage(): Promise<void> {
  try {
    if (wanted() === 'de') texts = (await inTime(import('./de'))).de;
    language.value = wanted();
  } catch {
    return; // offline since the start: the app says so itself
  }
  document.documentElement.lang = language.value;
}

export function chooseLanguage(name: Language): void {
  localStorage.setItem(KEY, name);
  location.reload();
}
