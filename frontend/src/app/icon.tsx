/** Line icons on a 24-unit grid, drawn in the colour of the text around them. */

const PATHS = {
  close: 'M6 6l12 12M18 6L6 18',
  search: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20 20',
  auto: 'M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18M12 8h6.5M12 12h8.8M12 16h6.5',
  light: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M5 19l2-2M17 7l2-2',
  dark: 'M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z',
  leave: 'M14 4h5v16h-5M10 8l-4 4 4 4M6 12h9',
  like: 'M7 11v9H3v-9zM7 11l4.5-8c1.8 0 2.6 1.2 2.3 2.8L13 9.5h6.2c1.3 0 2.1 1.1 1.8 2.3l-1.6 6.6c-.3 1-1.1 1.6-2.1 1.6H7',
  dislike:
    'M17 13V4h4v9zM17 13l-4.5 8c-1.8 0-2.6-1.2-2.3-2.800L11 14.500H4.800c-1.3 0-2.1-1.1-1.8-2.300l1.6-6.600C4.9 4.6 5.7 4 6.7 4H17',
  hide: 'M4 4l16 16M9.9 6.200A9.6 9.6 0 0 1 12 6c5.5 0 9 6 9 6a16 16 0 0 1-2.8 3.400M6.3 7.800A15.5 15.5 0 0 0 3 12s3.5 6 9 6c1.5 0 2.9-.4 4.1-1M10.2 10.200a2.5 2.5 0 0 0 3.6 3.6',
  show: 'M3 12s3.5-6 9-6 9 6 9 6-3.5 6-9 6-9-6-9-6zM12 9.500a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z',
  settings:
    'M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.600l2.1 2.100M16.3 16.300l2.1 2.100M5.6 18.400l2.1-2.100M16.3 7.700l2.1-2.100',
  remove: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
} as const;

type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
