/** Light, dark, or what the system says; remembered on this device. */

import { signal } from '@preact/signals';

export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const KEY = 'cinefold.theme';

export const theme = signal<Theme>('auto');

export function startTheme(): void {
  const stored = localStorage.getItem(KEY);
  apply(THEMES.find((name) => name === stored) ?? 'auto');
}

export function chooseNextTheme(): void {
  chooseTheme(THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? 'auto');
}

export function chooseTheme(name: Theme): void {
  apply(name);
  localStorage.setItem(KEY, name);
}

function apply(name: Theme): void {
  theme.value = name;
  document.documentElement.dataset['theme'] = name;
}
