import { expect, test } from 'vitest';
import { displayTitle, mainTitle } from './titles';

test.each([
  ['Toy Story', 'Toy Story'],
  ['Usual Suspects, The', 'The Usual Suspects'],
  ['Walk in the Clouds, A', 'A Walk in the Clouds'],
  [
    'Good, the Bad and the Ugly, The (Buono, il brutto, il cattivo, Il)',
    'The Good, the Bad and the Ugly (Il Buono, il brutto, il cattivo)',
  ],
  [
    'City of Lost Children, The (Cité des enfants perdus, La)',
    'The City of Lost Children (La Cité des enfants perdus)',
  ],
  ["Bear, The (Ours, L')", "The Bear (L'Ours)"],
  ['Seven (a.k.a. Se7en)', 'Seven (a.k.a. Se7en)'],
  ['Vitelloni, I (a.k.a. Young and the Passionate, The)', 'I Vitelloni (a.k.a. The Young and the Passionate)'],
  ['Die, Mommie, Die', 'Die, Mommie, Die'],
  ['Play It Again, Sam', 'Play It Again, Sam'],
  ['Tinker, Tailor, Soldier, Spy', 'Tinker, Tailor, Soldier, Spy'],
  ['(500) Days of Summer', '(500) Days of Summer'],
  ['<script>alert(1)</script>', '<script>alert(1)</script>'],
  ['', ''],
])('%s is shown as %s', (stored, shown) => {
  expect(displayTitle(stored)).toBe(shown);
});

test('a poster carries the title without its alternatives', () => {
  expect(mainTitle('Postman, The (Postino, Il)')).toBe('The Postman');
  expect(mainTitle('(500) Days of Summer')).toBe('(500) Days of Summer');
});
