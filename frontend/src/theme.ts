/** Light, dark, or what the system says; remembered on this device. */

import { signal } from '@preact/signals';

const THEMES = ['auto', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

const KEY = 'cinefold.theme';

export const theme = signal<Theme>('auto');

export function startTheme(): void {
  const stored = localStorage.getItem(KEY);
  apply(THEMES.find((name) => name === stored) ?? 'auto');
}

export function chooseNextTheme(): void {
  apply(THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? 'auto');
  localStorage.setItem(KEY, theme.value);
}

function apply(name: Theme): void {
  theme.value = name;
  document.documentElement.dataset['theme'] = name;
}
