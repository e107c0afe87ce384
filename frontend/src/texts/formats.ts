/** Numbers and dates as a language writes them. */

/** Made at first use: setting up the formatters takes longer than the rest of the start. */
function lazily<T>(make: () => { format(value: T): string }): (value: T) => string {
  let formatter: { format(value: T): string } | undefined;
  return (value) => {
    formatter ??= make();
    return formatter.format(value);
  };
}

/** A phrase of the service as a sentence. */
export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}

/** Its two largest units, whose signs are the same in every language. */
function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

export function formatsOf(language: string) {
  const numbers = (options: Intl.NumberFormatOptions) => lazily<number>(() => new Intl.NumberFormat(language, options));
  const decimals = (n: number) => numbers({ minimumFractionDigits: n, maximumFractionDigits: n });
  const date = lazily<Date>(() => new Intl.DateTimeFormat(language, { dateStyle: 'medium' }));
  const moment = lazily<Date>(() => new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }));
  const sized = (unit: string) => numbers({ style: 'unit', unit, maximumFractionDigits: 1 });
  const [megabytes, gigabytes] = [sized('megabyte'), sized('gigabyte')];
  const [oneDecimal, twoDecimals] = [decimals(1), decimals(2)];
  const sign = (value: number) => (value < 0 ? '−' : '+');
  const twoDigits = numbers({ maximumSignificantDigits: 2 });
  return {
    /** At most one decimal. */
    number: numbers({ maximumFractionDigits: 1 }),
    oneDecimal,
    twoDecimals,
    upToTwo: numbers({ maximumFractionDigits: 2 }),
    fourDecimals: decimals(4),
    fourDigits: numbers({ maximumSignificantDigits: 4, useGrouping: false }),
    /** Large ones in thousands or millions. */
    compact: numbers({ notation: 'compact', maximumSignificantDigits: 4 }),
    bytes: (n: number) => (n < 1e9 ? megabytes(n / 1e6) : gigabytes(n / 1e9)),
    percent: numbers({ style: 'percent', maximumFractionDigits: 1 }),
    day: (iso: string) => date(new Date(iso)),
    moment: (iso: string) => moment(new Date(iso)),
    duration,
    signed: (value: number) => `${sign(value)}${oneDecimal(Math.abs(value))}`,
    signed2: (value: number) => `${sign(value)}${twoDecimals(Math.abs(value))}`,
    pValue: (p: number) => (p < 0.0001 ? '< 0.0001' : twoDigits(p)),
  };
}
