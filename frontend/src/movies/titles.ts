/** Movie titles the way people say them, from the way MovieLens stores them. */

const ARTICLES = "The|A|An|La|Le|Les|L'|Il|Lo|I|Gli|El|Los|Las|Der|Die|Das|Un|Une|Una|De|Det|Den|En|Het|O|Os";
const INVERTED = new RegExp(`^(.+), (${ARTICLES})$`);

/** Titles that really end in a comma and a word that is an article elsewhere. */
const AS_WRITTEN = new Set(['Die, Mommie, Die']);

function uninvert(part: string): string {
  const [, rest, article] = (!AS_WRITTEN.has(part) && INVERTED.exec(part)) || [];
  if (rest === undefined || article === undefined) return part;
  return article.endsWith("'") ? article + rest : `${article} ${rest}`;
}

/**
 * "Usual Suspects, The" becomes "The Usual Suspects"; each bracketed alternative title
 * is turned round on its own: "Postman, The (Postino, Il)" is "The Postman (Il Postino)".
 */
export function displayTitle(stored: string): string {
  return stored
    .split(/(?=\()|(?<=\))/)
    .map((piece) => {
      const [, open = '', text = '', close = ''] = /^(\((?:a\.k\.a\. )?)?(.*?)(\)?\s*)$/s.exec(piece) ?? [];
      return open + uninvert(text.trimEnd()) + text.slice(text.trimEnd().length) + close;
    })
    .join('');
}

/** The title without its bracketed alternatives, for posters. */
export function mainTitle(stored: string): string {
  return uninvert(stored.replace(/\s*\(.*$/s, '') || stored);
}
