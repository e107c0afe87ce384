import { describe, expect, it } from 'vitest';
import { csv } from './plot';

describe('csv', () => {
  it('quotes what would break a row', () => {
    expect(
      csv([
        ['Movie', 'n'],
        ['Cook, the "Thief"', 3],
      ]),
    ).toBe('Movie,n\r\n"Cook, the ""Thief""",3\r\n');
  });

  it('marks formulas as text and leaves numbers alone', () => {
    expect(csv([['=1+1', -2, null]])).toBe("'=1+1,-2,\r\n");
  });
});
