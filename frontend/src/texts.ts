/** Every text of the app. A second language is a second object of this type. */

/** Made at first use: setting up the formatters takes longer than the rest of the start. */
function lazily<T>(make: () => { format(value: T): string }): (value: T) => string {
  let formatter: { format(value: T): string } | undefined;
  return (value) => {
    formatter ??= make();
    return formatter.format(value);
  };
}

const number = lazily<number>(() => new Intl.NumberFormat('en', { maximumFractionDigits: 1 }));
const oneDecimal = lazily<number>(
  () => new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 }),
);
const day = lazily<Date>(() => new Intl.DateTimeFormat('en', { dateStyle: 'medium' }));

const plural = (n: number, one: string, many: string) => `${number(n)} ${n === 1 ? one : many}`;
const ratings = (n: number) => plural(n, 'rating', 'ratings');

export const texts = {
  name: 'Cinefold',
  retry: 'Try again',
  dismiss: 'Dismiss',
  loading: 'Loading',
  pageTitle: (page: string) => `${page} · Cinefold`,

  nav: {
    label: 'Main',
    skip: 'Skip to content',
    browse: 'Browse',
    forYou: 'For you',
    myRatings: 'My ratings',
    signOut: 'Sign out',
    signedInAs: (username: string) => `Signed in as ${username}`,
    theme: { auto: 'Theme: automatic', light: 'Theme: light', dark: 'Theme: dark' },
    notices: 'Messages',
  },

  stars: {
    legend: (title: string) => `Your rating of ${title}`,
    spoken: (value: number) =>
      value === 0.5 ? 'half of 5' : `${Math.floor(value)}${value % 1 ? ' and a half' : ''} of 5`,
    short: (value: number | null) => (value === null ? '' : number(value)),
    clear: (title: string) => `Clear your rating of ${title}`,
    help: 'Keys 1 to 5 give whole stars, the same key again adds half a star, 0 is half a star, Delete clears. Arrow keys move by half a star.',
  },

  ratings: {
    saved: (title: string, value: number) => `${title} rated ${texts.stars.spoken(value)}`,
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
    noModel: 'No prediction yet: the first model is still in training.',
    similar: 'Liked by the same people',
    similarNone: 'Nothing similar is known yet.',
  },

  prediction: {
    value: (stars: number) => oneDecimal(stars),
    margin: (stars: number) => `± ${oneDecimal(stars)}`,
    label: (stars: number, margin: number | null) =>
      `Predicted ${oneDecimal(stars)}${margin === null ? '' : ` plus or minus ${oneDecimal(margin)}`} stars`,
    because: 'Because you rated',
    stars: (value: number) => `(${plural(value, 'star', 'stars').replace(' ', '\u00a0')})`,
  },

  browse: {
    title: 'Browse',
    lead: 'Find what you have seen and say how it was.',
    search: 'Search films',
    placeholder: 'Title, also with typos',
    sort: 'Sort by',
    sorts: { popular: 'Most rated', title: 'Title', year: 'Newest first' },
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
    popularity: 'No model is trained yet; the order is by popularity.',
    model: (id: number, date: string) => `Model ${id}, ${day(new Date(date))}`,
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
    showTitle: (title: string) => `Show ${title} again`,
    empty: 'Nothing is hidden.',
    emptyHint: 'What you are not interested in leaves your suggestions and is kept here.',
  },

  myRatings: {
    title: 'My ratings',
    count: (n: number) => `${plural(n, 'film', 'films')}, newest first`,
    ratedOn: (date: string) => `Rated ${day(new Date(date))}`,
    remove: (title: string) => `Delete your rating of ${title}`,
    more: 'Show more',
    empty: 'You have not rated anything yet.',
    emptyHint: 'One film is enough to start.',
    start: 'Find films you know',
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

export type Texts = typeof texts;

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${oneDecimal(Math.abs(value))}`;
}
