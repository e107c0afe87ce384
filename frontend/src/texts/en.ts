/** Every text in English; other languages have the same shape. */

import type { Comparison, Experiment, ImportedRow, Metric, Scope } from '../api';
import type { Health } from '../experiments';
import { formatsOf } from './formats';

const { day, number, oneDecimal, percent, pValue, signed, signed2, twoDecimals, upToTwo } = formatsOf('en');

const NONE = '–';
const plural = (n: number, one: string, many: string) => `${number(n)} ${n === 1 ? one : many}`;
const ratings = (n: number) => plural(n, 'rating', 'ratings');
const inStars = (value: number) =>
  value === 0.5 ? 'half of 5' : `${Math.floor(value)}${value % 1 ? ' and a half' : ''} of 5`;
const range = ({ low, high }: { low: number; high: number }) => `${signed(100 * low)} to ${signed(100 * high)}`;
const pIs = (p: number | null) => (p === null ? NONE : `p ${p < 0.0001 ? '' : '= '}${pValue(p)}`);
const HEADS = { ranking: 'Ranking head', rating: 'Rating head' };

export const en = {
  name: 'Cinefold',
  retry: 'Try again',
  dismiss: 'Dismiss',
  cancel: 'Cancel',
  none: NONE,
  percent,
  day,
  loading: 'Loading',
  pageTitle: (page: string) => `${page} · Cinefold`,

  nav: {
    label: 'Main',
    skip: 'Skip to content',
    pages: {
      browse: 'Browse',
      'for-you': 'For you',
      'my-ratings': 'My ratings',
      insights: 'Insights',
      map: 'Map',
      experiments: 'Experiments',
    },
    signOut: 'Sign out',
    signedInAs: (username: string) => `Signed in as ${username}`,
    theme: { auto: 'Theme: automatic', light: 'Theme: light', dark: 'Theme: dark' },
    notices: 'Messages',
  },

  stars: {
    legend: (title: string) => `Your rating of ${title}`,
    spoken: inStars,
    short: (value: number | null) => (value === null ? '' : number(value)),
    clear: (title: string) => `Clear your rating of ${title}`,
    help: 'Keys 1 to 5 give whole stars, the same key again adds half a star, 0 is half a star, Delete clears. Arrow keys move by half a star.',
  },

  ratings: {
    saved: (title: string, value: number) => `${title} rated ${inStars(value)}`,
    removed: (title: string) => `Rating of ${title} removed`,
    refused: (title: string) => `Your rating of ${title} was not saved.`,
    undo: 'Undo',
  },

  movie: {
    name: (title: string, year: number | null | undefined) => (year ? `${title} (${year})` : title),
    unknownYear: 'year unknown',
    mean: (value: number) => `${oneDecimal(value)} average`,
    meanLabel: (value: number, n: number) => `${oneDecimal(value)} stars on average of ${ratings(n)}`,
    nRatings: ratings,
    unrated: 'not rated yet',
    yours: 'Your rating',
    everyone: 'Everyone’s ratings',
    bin: (value: number, n: number) => `${number(value)} stars: ${ratings(n)}`,
    prediction: 'Our guess for you',
    predictionRated: 'Our guess, knowing your rating',
    basis: (mean: number, movie: number, own: number) =>
      `${oneDecimal(mean)} is the average of all ratings, ${signed(movie)} is this film, ${signed(own)} is your taste.`,
    reasons: 'What speaks for it',
    reasonsNone: 'None of your ratings speaks for this film yet.',
    polarizing: 'Divides opinion',
    polarizingWhy: (share: number) =>
      `Ratings lie further apart than those of ${percent(Math.floor(100 * share) / 100)} of films with at least ten.`,
    noModel: 'No prediction yet: the first model is still in training.',
    similar: 'Liked by the same people',
    similarNone: 'Nothing similar is known yet.',
  },

  prediction: {
    value: (stars: number) => oneDecimal(stars),
    margin: (stars: number) => `± ${oneDecimal(stars)}`,
    label: (stars: number, margin: number | null) =>
      `Predicted ${oneDecimal(stars)}${margin === null ? '' : ` plus or minus ${oneDecimal(margin)}`} stars`,
    forYou: (stars: number, margin: number) => `${oneDecimal(stars)} ± ${oneDecimal(margin)} for you`,
    because: 'Because you rated',
    stars: (value: number) => `(${plural(value, 'star', 'stars').replace(' ', '\u00a0')})`,
  },

  browse: {
    title: 'Browse',
    lead: 'Find what you have seen and say how it was.',
    search: 'Search films',
    placeholder: 'Title, also with typos',
    sort: 'Sort by',
    sorts: {
      popular: 'Most rated',
      predicted: 'Our guess for you',
      title: 'Title',
      year: 'Newest first',
      polarizing: 'Opinions differ most',
    },
    more: 'Load more films',
    shown: (n: number, isAll: boolean) => (isAll ? plural(n, 'film', 'films') : `First ${plural(n, 'film', 'films')}`),
    empty: 'No film fits.',
    emptyHint: 'Take a filter away or try fewer letters.',
    clear: 'Clear search and filters',
  },

  filters: {
    genre: 'Genre',
    anyGenre: 'All genres',
    option: (name: string, n: number) => `${name} (${number(n)})`,
    yearFrom: 'From year',
    yearTo: 'To year',
    order: 'The first year is after the last.',
    anyYear: 'any',
    year: 'Four digits, such as 1994.',
  },

  forYou: {
    title: 'For you',
    levels: {
      none: 'Not personal yet',
      partial: 'Getting to know you',
      full: 'Made from your ratings',
    },
    none: 'This is what many people like. Rate one film you know and the list becomes yours.',
    noneUnused: 'The model does not know the films you rated yet, so this is what many people like.',
    partial: (used: number) => `From ${ratings(used)}. A few more make it sharper.`,
    full: (used: number) => `From ${ratings(used)}.`,
    unused: (n: number) => `${plural(n, 'other is', 'others are')} of films too new for the model.`,
    surprise: 'From familiar to surprising',
    surpriseIs: (value: number) => (value === 0 ? 'familiar' : `${percent(value)} surprising`),
    popularity: 'No model is trained yet; the order is by popularity.',
    model: (id: number, date: string) => `Model ${id}, ${day(date)}`,
    rated: 'You rated it. It leaves the list when you come back.',
    changed: (first: string) => `New order. First now: ${first}`,
    more: 'Show more',
    empty: 'Nothing left for these filters.',
    emptyHint: 'You have rated everything that fits, or nothing does.',
    clear: 'Clear filters',
    start: 'Find films you know',
  },

  feedback: {
    label: (title: string) => `What you think of the suggestion ${title}`,
    votes: { like: 'Good suggestion', dislike: 'Poor suggestion' },
    votesOf: {
      like: (title: string) => `Good suggestion: ${title}`,
      dislike: (title: string) => `Poor suggestion: ${title}`,
    },
    takeBack: 'Press again to take it back',
    hide: 'Not interested',
    hideOf: (title: string) => `Not interested in ${title}`,
    voted: {
      like: (title: string) => `You like the suggestion ${title}. Press again to take it back.`,
      dislike: (title: string) => `You dislike the suggestion ${title}. Press again to take it back.`,
      none: (title: string) => `Vote on ${title} taken back`,
    },
    voteRefused: (title: string) => `Your vote on ${title} was not saved.`,
    hidden: (title: string) => `${title} will not be suggested again`,
    shownAgain: (title: string) => `${title} may be suggested again`,
    hideRefused: (title: string) => `${title} could not be hidden.`,
    showRefused: (title: string) => `${title} is still hidden.`,
    undo: 'Undo',
  },

  hidden: {
    title: 'Hidden films',
    link: 'Hidden films',
    count: (n: number, isPart: boolean) =>
      `${isPart ? 'The last ' : ''}${plural(n, 'film', 'films')} you are not interested in`,
    show: 'Show again',
    showTitle: (title: string) => `Show again: ${title}`,
    empty: 'Nothing is hidden.',
    emptyHint: 'What you are not interested in leaves your suggestions and is kept here.',
  },

  myRatings: {
    title: 'My ratings',
    count: (n: number, all: number) =>
      n === all ? plural(n, 'film', 'films') : `${number(n)} of ${plural(all, 'film', 'films')}`,
    ratedOn: (date: string) => `Rated ${day(date)}`,
    shapes: (share: number) => `makes ${percent(share)} of your list`,
    influenceHelp: 'How much of the scores of your first 20 recommendations comes from this rating',
    search: 'Title',
    sort: 'Sort by',
    sorts: { date: 'Newest first', title: 'Title', stars: 'Stars', influence: 'Influence on your list' },
    stars: 'Stars',
    anyStars: 'All stars',
    option: (value: number) => plural(value, 'star', 'stars'),
    noMatch: 'None of your ratings fits.',
    noMatchHint: 'Take a filter away.',
    clear: 'Clear filters',
    select: (title: string) => `Select ${title}`,
    selectShown: 'Select all shown',
    removeSelected: (n: number) => `Delete ${ratings(n)}`,
    removed: (n: number) => `${ratings(n)} deleted`,
    undo: 'Undo',
    distribution: 'Your stars and everyone’s',
    yours: 'You',
    everyone: 'Everyone',
    bin: (value: number, own: number, all: number) =>
      `${plural(value, 'star', 'stars')}: you ${percent(own)}, everyone ${percent(all)}`,
    retrain: (date: string, n: number) =>
      `The model learned from all ratings up to ${day(date)}. Training it again would take in ${plural(n, 'change', 'changes')} by everyone. Your own ratings count at once, without it.`,
    remove: (title: string) => `Delete your rating of ${title}`,
    more: 'Show more',
    empty: 'You have not rated anything yet.',
    emptyHint: 'One film is enough to start.',
    start: 'Find films you know',
  },

  plot: {
    table: 'The numbers as a table',
    csv: 'Download as CSV',
    csvOf: (title: string) => `Download as CSV: ${title}`,
    number: (value: number) => upToTwo(value).replace('-', '−'),
    axes: (x: string, y: string) => `Across: ${x}. Up: ${y}. Both axes are logarithmic.`,
  },

  insights: {
    title: 'Insights',
    lead: 'What all ratings together show.',
    tabs: { ratings: 'Ratings and users', movies: 'Films', genres: 'Genres' },
    empty: 'There are no ratings yet.',
    emptyHint: 'The plots come with the first ones.',
    asOf: (n: number, users: number, date: string) =>
      `${ratings(n)} of ${plural(users, 'user', 'users')}, counted ${day(date)}.`,
    distribution: 'How ratings spread',
    distributionText: (value: number, share: number) =>
      `The most common rating is ${number(value)} stars, ${percent(share)} of all.`,
    distributionColumns: ['Stars', 'Ratings'],
    strictness: 'Strict and generous users',
    strictnessText: (value: number) => `Half of all users give ${number(value)} stars or less on average.`,
    strictnessColumns: ['Mean rating of a user', 'Users'],
    activity: 'Ratings over time',
    activityText: (first: string, last: string, busiest: { month: string; count: number }) =>
      `From ${first} to ${last}; most in ${busiest.month}, ${ratings(busiest.count)}.`,
    activityColumns: ['Month', 'Ratings'],
    popularity: 'How often films are rated',
    popularityText: (once: number, most: number) =>
      `${plural(once, 'film has', 'films have')} a single rating; the best known has ${number(most)}.`,
    popularityColumns: ['Ratings of a film', 'Films'] as [string, string],
    top: 'The ten most rated films',
    topText: (title: string, n: number) => `${title} leads with ${ratings(n)}.`,
    topColumns: ['Film', 'Ratings', 'Average'],
    genre: {
      mean_rating: {
        title: 'Average rating by genre',
        column: 'Average rating',
        text: (most: string, least: string) =>
          `${most} is rated highest, ${least} lowest. Bars begin at 2.5 stars and end at 5.`,
      },
      n_movies: {
        title: 'Films by genre',
        column: 'Films',
        text: (most: string, least: string) =>
          `${most} has most films, ${least} fewest. A film counts in all its genres.`,
      },
      n_ratings: {
        title: 'Ratings by genre',
        column: 'Ratings',
        text: (most: string, least: string) => `${most} is rated most often, ${least} least.`,
      },
    },
  },

  polarizing: {
    title: 'Polarizing films',
    lead: {
      variance: 'The films on which opinions differ most: by the variance of their ratings.',
      excess:
        'Opinions can differ most on films of middling average. Here films come first that are divisive beyond that.',
    },
    by: 'Order',
    measures: { variance: 'By variance', excess: 'Beyond what the average explains' },
    minimum: 'Ratings, at least',
    minimumProblem: 'A whole number from 2 to 1,000,000.',
    facts: (variance: number, excess: number) =>
      `Variance ${twoDecimals(variance)}, ${signed2(excess)} beyond what its average explains`,
    columns: ['Film', 'Year', 'Ratings', 'Average', 'Variance', 'Beyond what the average explains'],
    empty: 'No film has so many ratings.',
    emptyHint: 'Ask for fewer.',
  },

  map: {
    title: 'Map',
    lead: 'Films that the same people like lie close together. The directions of most difference are the axes.',
    of: 'Show',
    movies: 'Films',
    genres: 'Genres',
    dims: 'Dimensions',
    flat: 'Two',
    deep: 'Three',
    colour: 'Colour by',
    colours: { genre: 'Genre', year: 'Year', popularity: 'Ratings' },
    step: (from: number | null, below: number | null) =>
      from === null ? `before ${below}` : below === null ? `${from} and up` : `${from} to ${below - 1}`,
    unknown: 'Unknown',
    other: 'Other',
    noModel: 'There is no map yet.',
    noModelHint: 'It comes with the first trained model.',
    label: (n: number, dims: number) =>
      `Map of ${plural(n, 'film', 'films')} in ${dims} dimensions. Arrow keys move or turn it, plus and minus zoom; the lists beside it hold the same films.`,
    genreLabel: (n: number) => `Map of ${plural(n, 'genre', 'genres')}; the list beside it holds the same.`,
    genreSize: 'A genre; larger with more films',
    keys: {
      2: 'Drag to move. Plus and minus zoom, and the wheel once the map has the focus.',
      3: 'Drag or use the arrow keys to turn, with Shift to move. Plus and minus zoom, and the wheel once the map has the focus.',
    },
    me: 'You',
    toMe: 'Go to me',
    overview: 'Show all',
    lasso: 'Lasso',
    takeView: 'Choose what is in view',
    found: 'Found on the map',
    neighbours: 'Neighbours',
    notPlaced: 'The model does not know this film yet.',
    inView: (n: number) => `In view: ${plural(n, 'film', 'films')}, best known first`,
    liked: (n: number) => `${plural(n, 'film', 'films')} chosen`,
    likedList: 'The chosen films',
    recommend: 'Recommend like these',
    recommended: 'For somebody who gives these five stars',
    clear: 'Choose none',
    axes: 'What the axes are about',
    axisName: (axis: number) => `Axis ${axis + 1}`,
    axis: (axis: number, share: number) => `Axis ${axis + 1}: ${percent(share)} of the variance`,
    ends: [
      (axis: number, genres: readonly string[]) => `${['Left', 'Bottom', 'Far'][axis]}: ${genres.join(', ')}`,
      (axis: number, genres: readonly string[]) => `${['Right', 'Top', 'Near'][axis]}: ${genres.join(', ')}`,
    ],
    at: (x: number, y: number) => `at ${twoDecimals(x)}, ${twoDecimals(y)}`.replaceAll('-', '−'),
  },

  transfer: {
    title: 'Import and export',
    lead: 'Bring your ratings from elsewhere, or take them with you.',
    import: 'Import a file',
    hint: 'A CSV file of MovieLens, Letterboxd, IMDb or Trakt, or any with columns title and rating. First you see what it would do.',
    choose: 'Choose a CSV file, or drop it here',
    checking: 'Reading the file',
    formats: { movielens: 'MovieLens', letterboxd: 'Letterboxd', imdb: 'IMDb', trakt: 'Trakt', csv: 'Plain CSV' },
    found: (format: string, scale: number) => `${format}, ratings up to ${number(scale)}`,
    plan: (added: number, replaced: number, unchanged: number, skipped: number) =>
      `${number(added)} new, ${number(replaced)} changed, ${number(unchanged)} as before, ${number(skipped)} left out.`,
    confirm: (n: number) => `Import ${ratings(n)}`,
    nothing: 'This file would change nothing.',
    done: (n: number) => `${ratings(n)} imported.`,
    rows: 'Every row of the file',
    columns: ['Line', 'In the file', 'Rating', 'What happens'],
    showing: (n: number, all: number) =>
      n < all ? `The first ${number(n)} of ${number(all)} rows, what is left out first.` : '',
    fates: {
      added: 'New',
      replaced: 'Changed',
      unchanged: 'As before',
      unmatched: 'Left out: no such film here',
      ambiguous: 'Left out: several films or rows fit',
      not_a_movie: 'Left out: not a film',
      unrated: 'Left out: no rating',
    } satisfies Record<ImportedRow['status'], string>,
    value: (written: string, value: number | null) =>
      value === null ? written || '–' : `${written} → ${number(value)} ★`,
    wrongLine: (line: string, message: string) => `Line ${line}: ${message}`,
    export: 'Export your ratings',
    exportHint: 'The same formats that can be imported.',
  },

  settings: {
    title: 'Settings',
    lead: 'Your account on this service.',
    appearance: 'Appearance',
    theme: 'Theme',
    language: 'Language',
    themes: { auto: 'As the system says', light: 'Light', dark: 'Dark' },
    password: 'Change password',
    passwordLead: 'All your other sessions end.',
    current: 'Current password',
    next: 'New password',
    changePassword: 'Change password',
    passwordChanged: 'The password is changed; other sessions have ended.',
    sessions: 'Where you are signed in',
    thisSession: 'This browser',
    unknownAgent: 'Unknown browser',
    lastSeen: (date: string) => `Last seen ${day(date)}`,
    end: 'End',
    endOf: (agent: string) => `End the session of ${agent}`,
    endOthers: 'End all others',
    ended: 'Signed out there.',
    keys: 'API keys',
    keysLead: 'For programs that act for you.',
    noKeys: 'No key yet.',
    keyName: 'Name of the key',
    keyNameHint: 'What it is for',
    keyNameProblem: 'Give the key a name.',
    scopes: 'What it may do',
    scopeNames: {
      read: 'Read your ratings and lists',
      rate: 'Rate for you',
      serve: 'Act for any user',
      admin: 'Administer',
    } satisfies Record<Scope, string>,
    scopeProblem: 'Choose at least one.',
    expiry: 'Works for',
    expiries: { '30': '30 days', '90': '90 days', '365': 'a year', '': 'until revoked' },
    createKey: 'Create key',
    newKey: 'Copy the key now. It is shown only this once.',
    copy: 'Copy',
    copied: 'Copied',
    key: (prefix: string, scopes: readonly string[]) => `${prefix}… · ${scopes.join(', ')}`,
    expires: (date: string | null) => (date === null ? 'until revoked' : `until ${day(date)}`),
    revoke: 'Revoke',
    revokeTitle: (name: string) => `Revoke ${name}?`,
    revokeText: 'Programs that use it are refused from now on.',
    revoked: (name: string) => `${name} is revoked`,
    refused: 'That was not done.',
    data: 'Your data',
    dataLead: 'Everything stored about you, as one JSON file.',
    exportAll: 'Download everything',
    toTransfer: 'Import or export ratings',
    delete: 'Delete account',
    deleteLead:
      'Your ratings, votes, keys and sessions go with it, and the next model is trained without them. Nothing brings them back.',
    typeName: (username: string) => `Type ${username} to confirm`,
    typeNameProblem: 'This is not your username.',
    deletePassword: 'Your password',
    deleteForever: 'Delete my account',
  },

  experiments: {
    title: 'Experiments',
    lead: 'Which model do people like more? Each experiment shows two or more variants side by side and counts votes.',
    create: 'New experiment',
    empty: 'No experiment yet.',
    emptyHint: 'Plan one: two variants, one question, and how many users it takes to answer it.',
    states: { draft: 'Draft', running: 'Running', stopped: 'Stopped' } satisfies Record<Experiment['state'], string>,
    traffic: (share: number) => `${percent(share)} of users`,
    variants: (names: readonly string[]) => names.join(' against '),
    draft: 'Nobody sees it yet. It has results once it is started.',
    when: ({ created_at, started_at, stopped_at }: Experiment) =>
      stopped_at !== null && started_at !== null
        ? `${day(started_at)} to ${day(stopped_at)}`
        : started_at !== null
          ? `since ${day(started_at)}`
          : `planned ${day(created_at)}`,
  },

  experiment: {
    start: 'Start',
    startTitle: (name: string) => `Start ${name}?`,
    startText: (share: number) =>
      `From now on it decides the recommendations of ${share === 1 ? 'all' : percent(share).concat(' of')} users. A plan that has started cannot be changed.`,
    stop: 'Stop',
    stopTitle: (name: string) => `Stop ${name}?`,
    stopText: 'Everybody gets the active model again, later votes do not count, and it cannot be started again.',
    moved: { start: (name: string) => `${name} is running`, stop: (name: string) => `${name} is stopped` },
    refused: {
      start: (name: string) => `${name} was not started.`,
      stop: (name: string) => `${name} was not stopped.`,
    },
  },

  metrics: {
    like_share: { name: 'Share of likes', unit: 'likes in 100 votes', soFar: 'Likes in 100 votes, up to each day' },
    likes_per_user: { name: 'Likes a user', unit: 'likes in 100 users', soFar: 'Likes in 100 users, up to each day' },
    net_likes_per_user: {
      name: 'Likes minus dislikes a user',
      unit: 'net likes in 100 users',
      soFar: 'Net likes in 100 users, up to each day',
    },
  } satisfies Record<Metric, object>,

  results: {
    health: { healthy: 'Healthy.', unhealthy: 'Do not trust these numbers.', unknown: 'Waiting.' },
    healthText: (health: Health, p: number | null) =>
      ({
        healthy: `Users arrive in the variants as planned (${pIs(p)}).`,
        unhealthy: `Users do not arrive in the variants as planned (${pIs(p)}): something is broken.`,
        unknown: 'Nobody has seen it yet.',
      })[health],
    verdict: (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`,
    rule: (alpha: number) =>
      `You may look as often as you like: all looks together raise a false alarm in at most ${percent(alpha)} of experiments.`,
    adjusted: 'What was known of the users before is taken out.',
    again: 'Look again',
    anyway: 'Show the numbers all the same',
    differences: 'Difference from the control',
    against: (variant: string, control: string) => `${variant} against ${control}`,
    signedIn100: (value: number) => signed(100 * value),
    intervals: ({ fixed, anytime }: Comparison) =>
      `At any time ${range(anytime)}; for one look planned beforehand ${range(fixed)}.`,
    tick: (value: number) => (value === 0 ? '0' : `${value < 0 ? '−' : '+'}${number(Math.abs(value))}`),
    unit: (unit: string) => `Difference in ${unit}`,
    legend: {
      fixed: 'Interval for one look',
      anytime: 'Interval valid at any time: decides',
      small: 'Smaller than worth finding',
    },
    counts: 'Counts',
    columns: ['Variant', 'Users', 'Likes', 'Dislikes', 'Share of likes', 'Net likes a user', 'Design effect'],
    expected: (n: number) => `planned ${number(Math.round(n))}`,
    number: (value: number) => number(value),
    in100: (value: number) => number(100 * value),
    share: (value: number | null) => (value === null ? NONE : percent(value)),
    perUser: (value: number | null) => (value === null ? NONE : twoDecimals(value)),
    designEffect: 'Design effect: how many votes count as much as one, because the votes of one user agree.',
    timeline: 'Day by day',
    usersSoFar: 'Users who have seen it, up to each day',
    table: 'The numbers of each day',
    dayColumns: ['Day (UTC)', 'Variant', 'New users', 'Likes', 'Dislikes'],
    download: (format: 'csv' | 'ndjson') => `Download users and votes (${format.toUpperCase()})`,
  },

  tests: {
    title: 'The paper’s test beside ours',
    columns: ['Test', 'Statistic', 'p', 'Says'],
    names: {
      pearson: 'Chi-square',
      yates: 'Chi-square with Yates’ correction (the paper’s)',
      rao_scott: 'Chi-square corrected by Rao and Scott',
    },
    sequence: (variant: string) => `Confidence sequence, ${variant}: decides`,
    bases: {
      pearson: 'Takes the votes of one user for independent',
      yates: 'Likewise; for two variants',
      rao_scott: 'Votes of one user agree; one look',
      sequence: 'Votes of one user agree; valid at any time; corrected for several variants',
    },
    statistic: (value: number | undefined, isZ: boolean) =>
      value === undefined ? NONE : `${isZ ? 'z' : 'χ²'} = ${twoDecimals(value).replace('-', '−')}`,
    p: (p: number | undefined) => (p === undefined ? NONE : pValue(p)),
    says: (p: number | undefined, alpha: number): string =>
      p === undefined ? 'cannot be computed' : p < alpha ? 'a difference' : 'no difference shown',
    note: 'Plain chi-square is shown as the paper does it. In simulation it raises three times the false alarms it promises, because it counts votes as if each came from another user.',
  },

  plan: {
    title: 'Plan',
    lead: 'The first variant is the control. The plan is fixed once the experiment has started.',
    name: 'Name',
    hypothesis: 'Hypothesis',
    hypothesisHint: 'What you expect, and why',
    variants: 'Variants',
    variantsHint: 'Shares sum to 100 %.',
    control: 'Control',
    treatment: 'Treatment',
    modelLabel: 'Model',
    model: (id: string | number, date: string) => `Model ${id}, ${day(date)}`,
    head: 'Order',
    heads: HEADS,
    weight: 'Share',
    add: 'Add a variant',
    removeLast: (name: string) => `Remove ${name}`,
    variantName: (name: string) => `Variant ${name}`,
    variantValue: (weight: number, model: number, head: 'ranking' | 'rating') =>
      `${percent(weight)}, model ${model}, ${HEADS[head].toLowerCase()}`,
    traffic: 'Traffic',
    trafficHint: 'How many of all users take part',
    metric: 'Metric that decides',
    effect: 'Smallest difference worth finding',
    effectHint: 'Smaller ones are not worth the users they would take.',
    effectValue: (effect: number, unit: string) => `${number(100 * effect)} ${unit}`,
    alpha: 'False alarms',
    power: 'Chance of finding it',
    save: 'Save as draft',
    noModel: 'There is no model yet.',
    noModelHint: 'A variant pins a trained model. Come back when the first one is trained.',
    problems: {
      name: 'Give it a name.',
      hypothesis: 'Say what you expect.',
      names: 'Give each variant a name of its own.',
      weight: 'Each share is a number above 0.',
      weights: (sum: number) => `Shares sum to ${number(sum)} %; they must sum to 100 %.`,
      traffic: 'Between 0.1 and 100 %.',
      effect: 'A number above 0, such as 5.',
      alpha: 'Between 0.1 and 50 %.',
      power: 'Between 50 and 99.9 %.',
    },
  },

  power: {
    title: 'How many users?',
    incomplete: 'Fill in the plan to see it.',
    anyTime: 'users in all variants, looking whenever you like',
    oneLook: (n: number) => `For a single look at the end ${number(n)} would do.`,
    learned: (n: number, { votes_per_user, design_effect }: { votes_per_user: number; design_effect: number }) =>
      `From ${plural(n, 'user', 'users')} who voted here: ${number(votes_per_user)} votes each, design effect ${number(design_effect)}.`,
    noVotes:
      'Nobody has voted here yet, so there is nothing to learn from. Choose the share of likes as the metric, and assume.',
    basis: 'How users vote',
    bases: { assumed: 'as assumed here', learned: 'as they have voted so far' },
    assumed: { like_share: 'Share of likes', votes_per_user: 'Votes a user', design_effect: 'Design effect' },
    designEffect: 'With 10 votes a user of which two correlate by 0.1 the design effect is 1.9.',
  },

  simulation: {
    title: 'Self-test',
    lead: 'Simulated experiments whose truth is known. Without an effect, every find is a false alarm.',
    fields: {
      n_users: 'Users a variant, 50 to 300',
      n_experiments: 'Experiments, up to 1,000',
      n_days: 'Days, up to 60',
      like_share: 'Share of likes',
      effect: 'Effect (0: A/A)',
      correlation: 'Correlation within users',
      votes_per_user: 'Votes a user',
      alpha: 'False alarms promised',
      seed: 'Seed',
    },
    between: (low: number, high: number, unit: string) => `Between ${number(low)} and ${number(high)}${unit}.`,
    run: 'Simulate',
    empty: 'Nothing simulated yet.',
    emptyHint: 'The standard values are an A/A test: two variants that do not differ.',
    oneLook: 'One look at the end',
    daily: (n: number) => `A look on each of ${plural(n, 'day', 'days')}`,
    dailyNote: 'Only the confidence sequence survives daily looks. That is why it decides.',
    estimator: 'Estimator',
    alarms: 'False alarms',
    found: 'Found',
    rate: (share: number) => `${oneDecimal(100 * share)}%`,
    covered: (share: number) => `${percent(share)} interval covers`,
    power: (power: number) => `The calculator expects ${percent(power)}.`,
    promised: (alpha: number) => `The mark stands at ${percent(alpha)}, which each of them promises.`,
  },

  account: {
    signIn: 'Sign in',
    signInLead: 'Film recommendations from your own ratings, each with its reasons.',
    register: 'Create an account',
    registerLead: 'Rate one film you know; the list becomes yours at once.',
    toRegister: 'New here? Create an account',
    toSignIn: 'Already have an account? Sign in',
    username: 'Username',
    usernameHint: '3 to 40 characters',
    password: 'Password',
    passwordHint: '8 to 128 characters; a sentence is good',
    currentPassword: 'One-time password',
    newPassword: 'Your new password',
    show: 'Show password',
    hide: 'Hide password',
    choose: 'Choose your own password',
    chooseLead: 'You signed in with a one-time password. Replace it to go on.',
    save: 'Save and continue',
    taken: 'Somebody else has this name. Take another.',
    wrong: 'The username or the password is wrong.',
    wrongCurrent: 'This is not the password you signed in with.',
    usernameLength: 'Use 3 to 40 characters.',
    passwordLength: 'Use 8 to 128 characters.',
    signOutFailed: 'You are still signed in.',
  },

  notFound: {
    title: 'No such page',
    text: 'The address may be cut off, or the film may have been removed.',
    home: 'Go to Browse',
  },

  errors: {
    title: 'That did not work',
    offline: 'The service cannot be reached. Check that it runs and that you are online.',
    timeout: 'The service did not answer within ten seconds.',
    malformed: 'The answer could not be read.',
    unavailable: 'The service is busy or its database is away. It usually comes back by itself.',
    signedOut: 'You are signed out. Sign in and try again.',
    unknown: 'The service met an unexpected error.',
    wait: (seconds: number) =>
      seconds < 90
        ? `Try again in ${plural(seconds, 'second', 'seconds')}.`
        : `Try again in ${plural(Math.ceil(seconds / 60), 'minute', 'minutes')}.`,
    request: 'Request',
  },
};
