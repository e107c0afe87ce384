/** Jeder Text auf Deutsch. */

import type { Comparison } from '../api';
import type { Texts } from '../texts';
import { formatsOf } from './formats';

const { day, number, oneDecimal, percent, pValue, signed, signed2, twoDecimals, upToTwo } = formatsOf('de');

const NONE = '–';
const plural = (n: number, one: string, many: string) => `${number(n)} ${n === 1 ? one : many}`;
const ratings = (n: number) => plural(n, 'Bewertung', 'Bewertungen');
const films = (n: number) => plural(n, 'Film', 'Filme');
const inStars = (value: number) =>
  value === 0.5 ? 'ein halber von 5' : `${Math.floor(value)}${value % 1 ? 'einhalb' : ''} von 5`;
const range = ({ low, high }: { low: number; high: number }) => `${signed(100 * low)} bis ${signed(100 * high)}`;
const pIs = (p: number | null) => (p === null ? NONE : `p ${p < 0.0001 ? '' : '= '}${pValue(p)}`);
const HEADS = { ranking: 'Rangfolge', rating: 'Sterne' };

export const de: Texts = {
  name: 'Cinefold',
  retry: 'Noch einmal versuchen',
  dismiss: 'Schließen',
  cancel: 'Abbrechen',
  none: NONE,
  percent,
  day,
  loading: 'Lädt',
  pageTitle: (page) => `${page} · Cinefold`,

  nav: {
    label: 'Hauptmenü',
    skip: 'Zum Inhalt springen',
    pages: {
      browse: 'Stöbern',
      'for-you': 'Für dich',
      'my-ratings': 'Meine Bewertungen',
      insights: 'Einblicke',
      map: 'Karte',
      experiments: 'Experimente',
    },
    signOut: 'Abmelden',
    signedInAs: (username) => `Angemeldet als ${username}`,
    theme: { auto: 'Darstellung: automatisch', light: 'Darstellung: hell', dark: 'Darstellung: dunkel' },
    notices: 'Meldungen',
  },

  stars: {
    legend: (title) => `Deine Bewertung von ${title}`,
    spoken: inStars,
    short: (value) => (value === null ? '' : number(value)),
    clear: (title) => `Deine Bewertung von ${title} löschen`,
    help: 'Die Tasten 1 bis 5 geben ganze Sterne, dieselbe Taste noch einmal einen halben dazu, 0 ist ein halber Stern, Entf löscht. Pfeiltasten gehen um einen halben Stern.',
  },

  ratings: {
    saved: (title, value) => `${title} bewertet: ${inStars(value)}`,
    removed: (title) => `Bewertung von ${title} gelöscht`,
    refused: (title) => `Deine Bewertung von ${title} wurde nicht gespeichert.`,
    undo: 'Rückgängig',
  },

  movie: {
    name: (title, year) => (year ? `${title} (${year})` : title),
    unknownYear: 'Jahr unbekannt',
    mean: (value) => `${oneDecimal(value)} im Mittel`,
    meanLabel: (value, n) => `${oneDecimal(value)} Sterne im Mittel aus ${ratings(n)}`,
    nRatings: ratings,
    unrated: 'noch nicht bewertet',
    yours: 'Deine Bewertung',
    everyone: 'Die Bewertungen aller',
    bin: (value, n) => `${number(value)} Sterne: ${ratings(n)}`,
    prediction: 'Unsere Schätzung für dich',
    predictionRated: 'Unsere Schätzung, deine Bewertung mitgerechnet',
    basis: (mean, movie, own) =>
      `${oneDecimal(mean)} ist das Mittel aller Bewertungen, ${signed(movie)} macht dieser Film, ${signed(own)} dein Geschmack.`,
    reasons: 'Was für ihn spricht',
    reasonsNone: 'Noch spricht keine deiner Bewertungen für diesen Film.',
    polarizing: 'Spaltet die Meinungen',
    polarizingWhy: (share) =>
      `Die Bewertungen liegen weiter auseinander als bei ${percent(Math.floor(100 * share) / 100)} der Filme mit mindestens zehn.`,
    noModel: 'Noch keine Vorhersage: Das erste Modell wird gerade trainiert.',
    similar: 'Was dieselben Leute mögen',
    similarNone: 'Noch ist nichts Ähnliches bekannt.',
  },

  prediction: {
    value: (stars) => oneDecimal(stars),
    margin: (stars) => `± ${oneDecimal(stars)}`,
    label: (stars, margin) =>
      `Vorhersage: ${oneDecimal(stars)}${margin === null ? '' : ` plus oder minus ${oneDecimal(margin)}`} Sterne`,
    forYou: (stars, margin) => `${oneDecimal(stars)} ± ${oneDecimal(margin)} für dich`,
    because: 'Weil du bewertet hast:',
    stars: (value) => `(${plural(value, 'Stern', 'Sterne').replace(' ', '\u00a0')})`,
  },

  browse: {
    title: 'Stöbern',
    lead: 'Finde, was du gesehen hast, und sag, wie es war.',
    search: 'Filme suchen',
    placeholder: 'Titel, auch mit Tippfehlern',
    sort: 'Sortieren nach',
    sorts: {
      popular: 'Am meisten bewertet',
      predicted: 'Unsere Vermutung für dich',
      title: 'Titel',
      year: 'Neueste zuerst',
      polarizing: 'Am umstrittensten',
    },
    more: 'Weitere Filme laden',
    shown: (n, isAll) => (isAll ? films(n) : `Die ersten ${films(n)}`),
    empty: 'Kein Film passt.',
    emptyHint: 'Nimm einen Filter weg oder versuche es mit weniger Buchstaben.',
    clear: 'Suche und Filter löschen',
  },

  filters: {
    genre: 'Genre',
    anyGenre: 'Alle Genres',
    option: (name, n) => `${name} (${number(n)})`,
    yearFrom: 'Ab Jahr',
    yearTo: 'Bis Jahr',
    order: 'Das erste Jahr liegt nach dem letzten.',
    anyYear: 'egal',
    year: 'Vier Ziffern, etwa 1994.',
  },

  forYou: {
    title: 'Für dich',
    levels: {
      none: 'Noch nicht persönlich',
      partial: 'Wir lernen dich kennen',
      full: 'Aus deinen Bewertungen',
    },
    none: 'Das mögen viele. Bewerte einen Film, den du kennst, und die Liste wird deine.',
    noneUnused: 'Das Modell kennt die Filme noch nicht, die du bewertet hast; dies hier mögen viele.',
    partial: (used) => `Aus ${ratings(used)}. Ein paar mehr machen sie schärfer.`,
    full: (used) => `Aus ${ratings(used)}.`,
    unused: (n) =>
      n === 1
        ? 'Eine weitere gilt einem Film, der dem Modell zu neu ist.'
        : `${number(n)} weitere gelten Filmen, die dem Modell zu neu sind.`,
    surprise: 'Von vertraut bis überraschend',
    surpriseIs: (value) => (value === 0 ? 'vertraut' : `${percent(value)} überraschend`),
    popularity: 'Noch ist kein Modell trainiert; die Reihenfolge folgt der Beliebtheit.',
    model: (id, date) => `Modell ${id}, ${day(date)}`,
    rated: 'Von dir bewertet. Er verlässt die Liste, wenn du wiederkommst.',
    changed: (first) => `Neue Reihenfolge. Jetzt zuerst: ${first}`,
    more: 'Mehr zeigen',
    empty: 'Für diese Filter ist nichts mehr da.',
    emptyHint: 'Du hast alles bewertet, was passt, oder nichts passt.',
    clear: 'Filter löschen',
    start: 'Filme finden, die du kennst',
  },

  feedback: {
    label: (title) => `Was du vom Vorschlag ${title} hältst`,
    votes: { like: 'Guter Vorschlag', dislike: 'Schlechter Vorschlag' },
    votesOf: {
      like: (title) => `Guter Vorschlag: ${title}`,
      dislike: (title) => `Schlechter Vorschlag: ${title}`,
    },
    takeBack: 'Noch einmal drücken nimmt es zurück',
    hide: 'Interessiert mich nicht',
    hideOf: (title) => `${title} interessiert mich nicht`,
    voted: {
      like: (title) => `Dir gefällt der Vorschlag ${title}. Noch einmal drücken nimmt es zurück.`,
      dislike: (title) => `Dir missfällt der Vorschlag ${title}. Noch einmal drücken nimmt es zurück.`,
      none: (title) => `Stimme zu ${title} zurückgenommen`,
    },
    voteRefused: (title) => `Deine Stimme zu ${title} wurde nicht gespeichert.`,
    hidden: (title) => `${title} wird nicht mehr vorgeschlagen`,
    shownAgain: (title) => `${title} darf wieder vorgeschlagen werden`,
    hideRefused: (title) => `${title} konnte nicht ausgeblendet werden.`,
    showRefused: (title) => `${title} ist weiter ausgeblendet.`,
    undo: 'Rückgängig',
  },

  hidden: {
    title: 'Ausgeblendete Filme',
    link: 'Ausgeblendete Filme',
    count: (n, isPart) =>
      isPart ? `Die letzten ${films(n)}, die dich nicht interessieren` : `${films(n)}, die dich nicht interessieren`,
    show: 'Wieder zeigen',
    showTitle: (title) => `Wieder zeigen: ${title}`,
    empty: 'Nichts ist ausgeblendet.',
    emptyHint: 'Was dich nicht interessiert, verlässt deine Vorschläge und wird hier aufgehoben.',
  },

  myRatings: {
    title: 'Meine Bewertungen',
    count: (n, all) => (n === all ? films(n) : `${number(n)} von ${plural(all, 'Film', 'Filmen')}`),
    ratedOn: (date) => `Bewertet am ${day(date)}`,
    shapes: (share) => `macht ${percent(share)} deiner Liste aus`,
    influenceHelp: 'Wie viel von den Punkten deiner ersten 20 Empfehlungen von dieser Bewertung kommt',
    search: 'Titel',
    sort: 'Sortieren nach',
    sorts: { date: 'Neueste zuerst', title: 'Titel', stars: 'Sterne', influence: 'Einfluss auf deine Liste' },
    stars: 'Sterne',
    anyStars: 'Alle Sterne',
    option: (value) => plural(value, 'Stern', 'Sterne'),
    noMatch: 'Keine deiner Bewertungen passt.',
    noMatchHint: 'Nimm einen Filter weg.',
    clear: 'Filter entfernen',
    select: (title) => `${title} auswählen`,
    selectShown: 'Alle gezeigten auswählen',
    removeSelected: (n) => `${ratings(n)} löschen`,
    removed: (n) => `${ratings(n)} gelöscht`,
    undo: 'Rückgängig',
    distribution: 'Deine Sterne und die aller',
    yours: 'Du',
    everyone: 'Alle',
    bin: (value, own, all) => `${plural(value, 'Stern', 'Sterne')}: du ${percent(own)}, alle ${percent(all)}`,
    retrain: (date, n) =>
      `Das Modell hat aus allen Bewertungen bis zum ${day(date)} gelernt. Ein neues Training nähme ${plural(n, 'Änderung', 'Änderungen')} von allen auf. Deine eigenen Bewertungen zählen sofort, auch ohne.`,
    remove: (title) => `Deine Bewertung von ${title} löschen`,
    more: 'Mehr zeigen',
    empty: 'Du hast noch nichts bewertet.',
    emptyHint: 'Ein Film genügt für den Anfang.',
    start: 'Filme finden, die du kennst',
  },

  plot: {
    table: 'Die Zahlen als Tabelle',
    csv: 'Als CSV herunterladen',
    csvOf: (title) => `Als CSV herunterladen: ${title}`,
    number: (value) => upToTwo(value).replace('-', '−'),
    axes: (x, y) => `Waagerecht: ${x}. Senkrecht: ${y}. Beide Achsen sind logarithmisch.`,
  },

  insights: {
    title: 'Einblicke',
    lead: 'Was alle Bewertungen zusammen zeigen.',
    tabs: { ratings: 'Bewertungen und Leute', movies: 'Filme', genres: 'Genres' },
    empty: 'Noch gibt es keine Bewertungen.',
    emptyHint: 'Mit den ersten kommen die Diagramme.',
    asOf: (n, users, date) => `${ratings(n)} von ${plural(users, 'Person', 'Personen')}, gezählt am ${day(date)}.`,
    distribution: 'Wie sich die Bewertungen verteilen',
    distributionText: (value, share) =>
      `Am häufigsten ist die Bewertung ${number(value)}: ${percent(share)} von allen.`,
    distributionColumns: ['Sterne', 'Bewertungen'],
    strictness: 'Strenge und Großzügige',
    strictnessText: (value) => `Die Hälfte aller Leute gibt im Mittel ${number(value)} Sterne oder weniger.`,
    strictnessColumns: ['Mittlere Bewertung', 'Personen'],
    activity: 'Bewertungen im Lauf der Zeit',
    activityText: (first, last, busiest) =>
      `Von ${first} bis ${last}; die meisten im Monat ${busiest.month}: ${ratings(busiest.count)}.`,
    activityColumns: ['Monat', 'Bewertungen'],
    popularity: 'Wie oft Filme bewertet werden',
    popularityText: (once, most) =>
      `${plural(once, 'Film hat', 'Filme haben')} eine einzige Bewertung; der bekannteste hat ${number(most)}.`,
    popularityColumns: ['Bewertungen eines Films', 'Filme'],
    top: 'Die zehn meistbewerteten Filme',
    topText: (title, n) => `Vorn liegt ${title} mit ${ratings(n)}.`,
    topColumns: ['Film', 'Bewertungen', 'Mittel'],
    genre: {
      mean_rating: {
        title: 'Mittlere Bewertung nach Genre',
        column: 'Mittlere Bewertung',
        text: (most, least) =>
          `${most} wird am besten bewertet, ${least} am schlechtesten. Die Balken reichen von 2,5 bis 5 Sterne.`,
      },
      n_movies: {
        title: 'Filme nach Genre',
        column: 'Filme',
        text: (most, least) =>
          `${most} hat die meisten Filme, ${least} die wenigsten. Ein Film zählt in jedem seiner Genres.`,
      },
      n_ratings: {
        title: 'Bewertungen nach Genre',
        column: 'Bewertungen',
        text: (most, least) => `${most} wird am häufigsten bewertet, ${least} am seltensten.`,
      },
    },
  },

  polarizing: {
    title: 'Umstrittene Filme',
    lead: {
      variance: 'Die Filme, über die sich die Leute am wenigsten einig sind: nach der Varianz ihrer Bewertungen.',
      excess:
        'Am uneinigsten kann man sich bei Filmen mit mittlerem Schnitt sein. Hier stehen die vorn, die darüber hinaus spalten.',
    },
    by: 'Reihenfolge',
    measures: { variance: 'Nach Varianz', excess: 'Über das hinaus, was der Schnitt erklärt' },
    minimum: 'Bewertungen, mindestens',
    minimumProblem: 'Eine ganze Zahl von 2 bis 1.000.000.',
    facts: (variance, excess) =>
      `Varianz ${twoDecimals(variance)}, ${signed2(excess)} über das hinaus, was der Schnitt erklärt`,
    columns: ['Film', 'Jahr', 'Bewertungen', 'Mittel', 'Varianz', 'Über das hinaus, was der Schnitt erklärt'],
    empty: 'Kein Film hat so viele Bewertungen.',
    emptyHint: 'Verlange weniger.',
  },

  map: {
    title: 'Karte',
    lead: 'Filme, die dieselben Leute mögen, liegen nah beieinander. Die Achsen sind die Richtungen der größten Unterschiede.',
    of: 'Zeige',
    movies: 'Filme',
    genres: 'Genres',
    dims: 'Dimensionen',
    flat: 'Zwei',
    deep: 'Drei',
    colour: 'Farbe nach',
    colours: { genre: 'Genre', year: 'Jahr', popularity: 'Bewertungen' },
    step: (from, below) =>
      from === null ? `vor ${below}` : below === null ? `ab ${from}` : `${from} bis ${below - 1}`,
    unknown: 'Unbekannt',
    other: 'Andere',
    noModel: 'Noch gibt es keine Karte.',
    noModelHint: 'Sie kommt mit dem ersten trainierten Modell.',
    label: (n, dims) =>
      `Karte von ${films(n)} in ${dims} Dimensionen. Pfeiltasten verschieben oder drehen sie, Plus und Minus zoomen; die Listen daneben enthalten dieselben Filme.`,
    genreLabel: (n) => `Karte von ${plural(n, 'Genre', 'Genres')}; die Liste daneben enthält dieselben.`,
    genreSize: 'Ein Genre; größer mit mehr Filmen',
    keys: {
      2: 'Ziehen verschiebt. Plus und Minus zoomen, auch das Mausrad, sobald die Karte den Fokus hat.',
      3: 'Ziehen oder Pfeiltasten drehen, mit Umschalt verschieben sie. Plus und Minus zoomen, auch das Mausrad, sobald die Karte den Fokus hat.',
    },
    me: 'Du',
    toMe: 'Zu mir',
    overview: 'Alles zeigen',
    lasso: 'Lasso',
    takeView: 'Wähle, was zu sehen ist',
    found: 'Auf der Karte gefunden',
    neighbours: 'Nachbarn',
    notPlaced: 'Das Modell kennt diesen Film noch nicht.',
    inView: (n) => `Zu sehen: ${films(n)}, die bekanntesten zuerst`,
    liked: (n) => `${films(n)} gewählt`,
    likedList: 'Die gewählten Filme',
    recommend: 'Empfiehl Ähnliches',
    recommended: 'Für jemanden, der diesen fünf Sterne gibt',
    clear: 'Auswahl aufheben',
    axes: 'Worum es auf den Achsen geht',
    axisName: (axis) => `Achse ${axis + 1}`,
    axis: (axis, share) => `Achse ${axis + 1}: ${percent(share)} der Varianz`,
    ends: [
      (axis, genres) => `${['Links', 'Unten', 'Fern'][axis]}: ${genres.join(', ')}`,
      (axis, genres) => `${['Rechts', 'Oben', 'Nah'][axis]}: ${genres.join(', ')}`,
    ],
    at: (x, y) => `bei ${twoDecimals(x)}; ${twoDecimals(y)}`.replaceAll('-', '−'),
  },

  transfer: {
    title: 'Import und Export',
    lead: 'Bring deine Bewertungen von anderswo mit, oder nimm sie mit.',
    import: 'Datei importieren',
    hint: 'Eine CSV-Datei von MovieLens, Letterboxd, IMDb oder Trakt, oder eine mit den Spalten title und rating. Zuerst siehst du, was sie bewirken würde.',
    choose: 'Wähle eine CSV-Datei, oder leg sie hier ab',
    checking: 'Die Datei wird gelesen',
    formats: { movielens: 'MovieLens', letterboxd: 'Letterboxd', imdb: 'IMDb', trakt: 'Trakt', csv: 'Einfache CSV' },
    found: (format, scale) => `${format}, Bewertungen bis ${number(scale)}`,
    plan: (added, replaced, unchanged, skipped) =>
      `${number(added)} neu, ${number(replaced)} geändert, ${number(unchanged)} wie bisher, ${number(skipped)} ausgelassen.`,
    confirm: (n) => `${ratings(n)} importieren`,
    nothing: 'Diese Datei würde nichts ändern.',
    done: (n) => `${ratings(n)} importiert.`,
    rows: 'Jede Zeile der Datei',
    columns: ['Zeile', 'In der Datei', 'Bewertung', 'Was geschieht'],
    showing: (n, all) => (n < all ? `Die ersten ${number(n)} von ${number(all)} Zeilen, Ausgelassenes zuerst.` : ''),
    fates: {
      added: 'Neu',
      replaced: 'Geändert',
      unchanged: 'Wie bisher',
      unmatched: 'Ausgelassen: kein solcher Film hier',
      ambiguous: 'Ausgelassen: mehrere Filme oder Zeilen passen',
      not_a_movie: 'Ausgelassen: kein Film',
      unrated: 'Ausgelassen: keine Bewertung',
    },
    value: (written, value) => (value === null ? written || NONE : `${written} → ${number(value)} ★`),
    wrongLine: (line, message) => `Zeile ${line}: ${message}`,
    export: 'Deine Bewertungen exportieren',
    exportHint: 'Dieselben Formate, die importiert werden können.',
  },

  settings: {
    title: 'Einstellungen',
    lead: 'Dein Konto bei diesem Dienst.',
    appearance: 'Darstellung',
    theme: 'Farben',
    language: 'Sprache',
    themes: { auto: 'Wie im System', light: 'Hell', dark: 'Dunkel' },
    password: 'Passwort ändern',
    passwordLead: 'Alle deine anderen Sitzungen enden.',
    current: 'Jetziges Passwort',
    next: 'Neues Passwort',
    changePassword: 'Passwort ändern',
    passwordChanged: 'Das Passwort ist geändert; andere Sitzungen sind beendet.',
    sessions: 'Wo du angemeldet bist',
    thisSession: 'Dieser Browser',
    unknownAgent: 'Unbekannter Browser',
    lastSeen: (date) => `Zuletzt gesehen am ${day(date)}`,
    end: 'Beenden',
    endOf: (agent) => `Sitzung von ${agent} beenden`,
    endOthers: 'Alle anderen beenden',
    ended: 'Dort abgemeldet.',
    keys: 'API-Schlüssel',
    keysLead: 'Für Programme, die für dich handeln.',
    noKeys: 'Noch kein Schlüssel.',
    keyName: 'Name des Schlüssels',
    keyNameHint: 'Wofür er ist',
    keyNameProblem: 'Gib dem Schlüssel einen Namen.',
    scopes: 'Was er darf',
    scopeNames: {
      read: 'Deine Bewertungen und Listen lesen',
      rate: 'Für dich bewerten',
      serve: 'Für alle handeln',
      admin: 'Verwalten',
    },
    scopeProblem: 'Wähle mindestens eines.',
    expiry: 'Gilt',
    expiries: { '30': '30 Tage', '90': '90 Tage', '365': 'ein Jahr', '': 'bis zum Widerruf' },
    createKey: 'Schlüssel erstellen',
    newKey: 'Kopiere den Schlüssel jetzt. Er wird nur dieses eine Mal gezeigt.',
    copy: 'Kopieren',
    copied: 'Kopiert',
    key: (prefix, scopes) => `${prefix}… · ${scopes.join(', ')}`,
    expires: (date) => (date === null ? 'bis zum Widerruf' : `bis ${day(date)}`),
    revoke: 'Widerrufen',
    revokeTitle: (name) => `${name} widerrufen?`,
    revokeText: 'Programme, die ihn benutzen, werden ab jetzt abgewiesen.',
    revoked: (name) => `${name} ist widerrufen`,
    refused: 'Das ist nicht geschehen.',
    data: 'Deine Daten',
    dataLead: 'Alles, was über dich gespeichert ist, als eine JSON-Datei.',
    exportAll: 'Alles herunterladen',
    toTransfer: 'Bewertungen importieren oder exportieren',
    delete: 'Konto löschen',
    deleteLead:
      'Deine Bewertungen, Stimmen, Schlüssel und Sitzungen gehen mit, und das nächste Modell wird ohne sie trainiert. Nichts bringt sie zurück.',
    typeName: (username) => `Tippe ${username}, um es zu bestätigen`,
    typeNameProblem: 'Das ist nicht dein Name.',
    deletePassword: 'Dein Passwort',
    deleteForever: 'Mein Konto löschen',
  },

  experiments: {
    title: 'Experimente',
    lead: 'Welches Modell gefällt besser? Jedes Experiment stellt zwei oder mehr Varianten nebeneinander und zählt Stimmen.',
    create: 'Neues Experiment',
    empty: 'Noch kein Experiment.',
    emptyHint: 'Plane eines: zwei Varianten, eine Frage, und wie viele Leute die Antwort braucht.',
    states: { draft: 'Entwurf', running: 'Läuft', stopped: 'Beendet' },
    traffic: (share) => `${percent(share)} der Leute`,
    variants: (names) => names.join(' gegen '),
    draft: 'Noch sieht es niemand. Ergebnisse gibt es, sobald es läuft.',
    when: ({ created_at, started_at, stopped_at }) =>
      stopped_at !== null && started_at !== null
        ? `${day(started_at)} bis ${day(stopped_at)}`
        : started_at !== null
          ? `seit ${day(started_at)}`
          : `geplant am ${day(created_at)}`,
  },

  experiment: {
    start: 'Starten',
    startTitle: (name) => `${name} starten?`,
    startText: (share) =>
      `Ab jetzt entscheidet es über die Vorschläge von ${share === 1 ? 'allen' : `${percent(share)} der Leute`}. Ein gestarteter Plan lässt sich nicht mehr ändern.`,
    stop: 'Beenden',
    stopTitle: (name) => `${name} beenden?`,
    stopText:
      'Alle bekommen wieder das aktive Modell, spätere Stimmen zählen nicht, und es lässt sich nicht wieder starten.',
    moved: { start: (name) => `${name} läuft`, stop: (name) => `${name} ist beendet` },
    refused: {
      start: (name) => `${name} wurde nicht gestartet.`,
      stop: (name) => `${name} wurde nicht beendet.`,
    },
  },

  metrics: {
    like_share: {
      name: 'Anteil guter Stimmen',
      unit: 'gute von 100 Stimmen',
      soFar: 'Gute von 100 Stimmen, bis zu jedem Tag',
    },
    likes_per_user: {
      name: 'Gute Stimmen je Person',
      unit: 'gute Stimmen auf 100 Leute',
      soFar: 'Gute Stimmen auf 100 Leute, bis zu jedem Tag',
    },
    net_likes_per_user: {
      name: 'Gute minus schlechte Stimmen je Person',
      unit: 'mehr gute als schlechte auf 100 Leute',
      soFar: 'Mehr gute als schlechte Stimmen auf 100 Leute, bis zu jedem Tag',
    },
  },

  results: {
    health: { healthy: 'Gesund.', unhealthy: 'Trau diesen Zahlen nicht.', unknown: 'Wartet.' },
    healthText: (health, p) =>
      ({
        healthy: `Die Leute verteilen sich auf die Varianten wie geplant (${pIs(p)}).`,
        unhealthy: `Die Leute verteilen sich nicht auf die Varianten wie geplant (${pIs(p)}): Etwas ist kaputt.`,
        unknown: 'Noch hat es niemand gesehen.',
      })[health],
    verdict: (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`,
    rule: (alpha) =>
      `Du darfst beliebig oft nachsehen: Alle Blicke zusammen schlagen in höchstens ${percent(alpha)} der Experimente falschen Alarm.`,
    adjusted: 'Was man über die Leute schon vorher wusste, ist herausgerechnet.',
    again: 'Neu laden',
    anyway: 'Die Zahlen trotzdem zeigen',
    differences: 'Unterschied zur Kontrolle',
    against: (variant, control) => `${variant} gegen ${control}`,
    signedIn100: (value) => signed(100 * value),
    intervals: ({ fixed, anytime }: Comparison) =>
      `Zu jeder Zeit ${range(anytime)}; für einen vorher geplanten Blick ${range(fixed)}.`,
    tick: (value) => (value === 0 ? '0' : `${value < 0 ? '−' : '+'}${number(Math.abs(value))}`),
    unit: (unit) => `Unterschied: ${unit}`,
    legend: {
      fixed: 'Intervall für einen Blick',
      anytime: 'Intervall, das jederzeit gilt: Es entscheidet',
      small: 'Kleiner, als es zu finden lohnt',
    },
    counts: 'Anzahlen',
    columns: ['Variante', 'Leute', 'Gut', 'Schlecht', 'Anteil guter', 'Gute minus schlechte je Person', 'Designeffekt'],
    expected: (n) => `geplant ${number(Math.round(n))}`,
    number: (value) => number(value),
    in100: (value) => number(100 * value),
    share: (value) => (value === null ? NONE : percent(value)),
    perUser: (value) => (value === null ? NONE : twoDecimals(value)),
    designEffect:
      'Designeffekt: wie viele Stimmen so viel zählen wie eine, weil sich die Stimmen einer Person gleichen.',
    timeline: 'Tag für Tag',
    usersSoFar: 'Leute, die es gesehen haben, bis zu jedem Tag',
    table: 'Die Zahlen jedes Tages',
    dayColumns: ['Tag (UTC)', 'Variante', 'Neue Leute', 'Gut', 'Schlecht'],
    download: (format) => `Leute und Stimmen herunterladen (${format.toUpperCase()})`,
  },

  tests: {
    title: 'Der Test des Papers neben unserem',
    columns: ['Test', 'Statistik', 'p', 'Sagt'],
    names: {
      pearson: 'Chi-Quadrat',
      yates: 'Chi-Quadrat mit Yates-Korrektur (wie im Paper)',
      rao_scott: 'Chi-Quadrat, korrigiert nach Rao und Scott',
    },
    sequence: (variant) => `Konfidenzfolge, ${variant}: Sie entscheidet`,
    bases: {
      pearson: 'Hält die Stimmen einer Person für unabhängig',
      yates: 'Ebenso; für zwei Varianten',
      rao_scott: 'Stimmen einer Person gleichen sich; ein Blick',
      sequence: 'Stimmen einer Person gleichen sich; gilt jederzeit; für mehrere Varianten korrigiert',
    },
    statistic: (value, isZ) =>
      value === undefined ? NONE : `${isZ ? 'z' : 'χ²'} = ${twoDecimals(value).replace('-', '−')}`,
    p: (p) => (p === undefined ? NONE : pValue(p)),
    says: (p, alpha) =>
      p === undefined ? 'nicht zu berechnen' : p < alpha ? 'ein Unterschied' : 'kein Unterschied gezeigt',
    note: 'Das einfache Chi-Quadrat steht hier, wie das Paper es rechnet. In der Simulation schlägt es dreimal so oft falschen Alarm, wie es verspricht, weil es Stimmen zählt, als käme jede von jemand anderem.',
  },

  plan: {
    title: 'Plan',
    lead: 'Die erste Variante ist die Kontrolle. Der Plan steht fest, sobald das Experiment läuft.',
    name: 'Name',
    hypothesis: 'Hypothese',
    hypothesisHint: 'Was du erwartest, und warum',
    variants: 'Varianten',
    variantsHint: 'Die Anteile ergeben zusammen 100 %.',
    control: 'Kontrolle',
    treatment: 'Neu',
    modelLabel: 'Modell',
    model: (id, date) => `Modell ${id}, ${day(date)}`,
    head: 'Reihenfolge',
    heads: HEADS,
    weight: 'Anteil',
    add: 'Variante hinzufügen',
    removeLast: (name) => `${name} entfernen`,
    variantName: (name) => `Variante ${name}`,
    variantValue: (weight, model, head) => `${percent(weight)}, Modell ${model}, nach ${HEADS[head]}`,
    traffic: 'Beteiligung',
    trafficHint: 'Wie viele aller Leute teilnehmen',
    metric: 'Was entscheidet',
    effect: 'Kleinster Unterschied, den zu finden lohnt',
    effectHint: 'Kleinere sind die Leute nicht wert, die sie kosten.',
    effectValue: (effect, unit) => `${number(100 * effect)} ${unit}`,
    alpha: 'Falscher Alarm',
    power: 'Aussicht, ihn zu finden',
    save: 'Als Entwurf speichern',
    noModel: 'Noch gibt es kein Modell.',
    noModelHint: 'Eine Variante hält ein trainiertes Modell fest. Komm wieder, wenn das erste trainiert ist.',
    problems: {
      name: 'Gib ihm einen Namen.',
      hypothesis: 'Sag, was du erwartest.',
      names: 'Gib jeder Variante einen eigenen Namen.',
      weight: 'Jeder Anteil ist eine Zahl über 0.',
      weights: (sum) => `Die Anteile ergeben ${number(sum)} %; es müssen 100 % sein.`,
      traffic: 'Zwischen 0,1 und 100 %.',
      effect: 'Eine Zahl über 0, etwa 5.',
      alpha: 'Zwischen 0,1 und 50 %.',
      power: 'Zwischen 50 und 99,9 %.',
    },
  },

  power: {
    title: 'Wie viele Leute?',
    incomplete: 'Füll den Plan aus, um es zu sehen.',
    anyTime: 'Leute in allen Varianten, wenn du jederzeit nachsiehst',
    oneLook: (n) => `Für einen einzigen Blick am Ende genügten ${number(n)}.`,
    learned: (n, { votes_per_user, design_effect }) =>
      `Von ${plural(n, 'Person', 'Leuten')}, die hier abgestimmt haben: je ${number(votes_per_user)} Stimmen, Designeffekt ${number(design_effect)}.`,
    noVotes:
      'Hier hat noch niemand abgestimmt, also gibt es nichts zu lernen. Nimm den Anteil guter Stimmen als Maß und triff Annahmen.',
    basis: 'Wie die Leute abstimmen',
    bases: { assumed: 'wie hier angenommen', learned: 'wie sie bisher abgestimmt haben' },
    assumed: {
      like_share: 'Anteil guter Stimmen',
      votes_per_user: 'Stimmen je Person',
      design_effect: 'Designeffekt',
    },
    designEffect: 'Bei 10 Stimmen je Person, die zu 0,1 zusammenhängen, ist der Designeffekt 1,9.',
  },

  simulation: {
    title: 'Selbsttest',
    lead: 'Simulierte Experimente, deren Wahrheit bekannt ist. Ohne Wirkung ist jeder Fund ein falscher Alarm.',
    fields: {
      n_users: 'Leute je Variante, 50 bis 300',
      n_experiments: 'Experimente, bis 1.000',
      n_days: 'Tage, bis 60',
      like_share: 'Anteil guter Stimmen',
      effect: 'Wirkung (0: A/A)',
      correlation: 'Zusammenhang innerhalb einer Person',
      votes_per_user: 'Stimmen je Person',
      alpha: 'Versprochener falscher Alarm',
      seed: 'Startwert',
    },
    between: (low, high, unit) => `Zwischen ${number(low)} und ${number(high)}${unit}.`,
    run: 'Simulieren',
    empty: 'Noch nichts simuliert.',
    emptyHint: 'Die Vorgaben sind ein A/A-Test: zwei Varianten, die sich nicht unterscheiden.',
    oneLook: 'Ein Blick am Ende',
    daily: (n) => `Ein Blick an jedem von ${plural(n, 'Tag', 'Tagen')}`,
    dailyNote: 'Nur die Konfidenzfolge übersteht tägliche Blicke. Darum entscheidet sie.',
    estimator: 'Schätzer',
    alarms: 'Falscher Alarm',
    found: 'Gefunden',
    rate: (share) => `${oneDecimal(100 * share)} %`,
    covered: (share) => `das ${percent(share)}-Intervall trifft`,
    power: (power) => `Der Rechner erwartet ${percent(power)}.`,
    promised: (alpha) => `Die Marke steht bei ${percent(alpha)}, die jeder von ihnen verspricht.`,
  },

  account: {
    signIn: 'Anmelden',
    signInLead: 'Filmvorschläge aus deinen eigenen Bewertungen, jeder mit seinen Gründen.',
    register: 'Konto anlegen',
    registerLead: 'Bewerte einen Film, den du kennst; die Liste wird sofort deine.',
    toRegister: 'Neu hier? Leg ein Konto an',
    toSignIn: 'Schon ein Konto? Melde dich an',
    username: 'Benutzername',
    usernameHint: '3 bis 40 Zeichen',
    password: 'Passwort',
    passwordHint: '8 bis 128 Zeichen; ein Satz ist gut',
    currentPassword: 'Einmalpasswort',
    newPassword: 'Dein neues Passwort',
    show: 'Passwort zeigen',
    hide: 'Passwort verbergen',
    choose: 'Wähle ein eigenes Passwort',
    chooseLead: 'Du hast dich mit einem Einmalpasswort angemeldet. Ersetze es, dann geht es weiter.',
    save: 'Speichern und weiter',
    taken: 'Diesen Namen hat schon jemand. Nimm einen anderen.',
    wrong: 'Der Benutzername oder das Passwort stimmt nicht.',
    wrongCurrent: 'Mit diesem Passwort hast du dich nicht angemeldet.',
    usernameLength: 'Nimm 3 bis 40 Zeichen.',
    passwordLength: 'Nimm 8 bis 128 Zeichen.',
    signOutFailed: 'Du bist noch angemeldet.',
  },

  notFound: {
    title: 'Diese Seite gibt es nicht',
    text: 'Vielleicht ist die Adresse abgeschnitten oder der Film entfernt.',
    home: 'Zum Stöbern',
  },

  errors: {
    title: 'Das hat nicht geklappt',
    offline: 'Der Dienst ist nicht erreichbar. Prüfe, ob er läuft und ob du online bist.',
    timeout: 'Der Dienst hat zehn Sekunden lang nicht geantwortet.',
    malformed: 'Die Antwort war nicht zu lesen.',
    unavailable: 'Der Dienst ist überlastet oder seine Datenbank ist fort. Meist kommt er von selbst zurück.',
    signedOut: 'Du bist abgemeldet. Melde dich an und versuche es noch einmal.',
    unknown: 'Im Dienst ist ein unerwarteter Fehler aufgetreten.',
    wait: (seconds) =>
      seconds < 90
        ? `Versuche es in ${plural(seconds, 'Sekunde', 'Sekunden')} noch einmal.`
        : `Versuche es in ${plural(Math.ceil(seconds / 60), 'Minute', 'Minuten')} noch einmal.`,
    request: 'Anfrage',
  },
};
