/** Numbers and dates as a language writes them. */

/** Made at first use: setting up the formatters takes longer than the rest of the start. */
function lazily<T>(make: () => { format(value: T): string }): (value: T) => string {
  let formatter: { format(value: T): string } | undefined;
  return (value) => {
    formatter ??= make();
    return formatter.format(value);
  };
}

export function formatsOf(language: string) {
  const numbers = (options: Intl.NumberFormatOptions) => lazily<number>(() => new Intl.NumberFormat(language, options));
  const decimals = (n: number) => numbers({ minimumFractionDigits: n, maximumFractionDigits: n });
  const date = lazily<Date>(() => new Intl.DateTimeFormat(language, { dateStyle: 'medium' }));
  const oneDecimal = decimals(1);
  const twoDigits = numbers({ maximumSignificantDigits: 2 });
  return {
    /** At most one decimal. */
    number: numbers({ maximumFractionDigits: 1 }),
    oneDecimal,
    twoDecimals: decimals(2),
    percent: numbers({ style: 'percent', maximumFractionDigits: 1 }),
    day: (iso: string) => date(new Date(iso)),
    signed: (value: number) => `${value < 0 ? '−' : '+'}${oneDecimal(Math.abs(value))}`,
    pValue: (p: number) => (p < 0.0001 ? '< 0.0001' : twoDigits(p)),
  };
}
