import { useEffect, useId, useState } from 'preact/hooks';
import { SelectField } from '../app/form';
import { useGet } from '../app/resource';
import { texts } from '../texts';

type FilterName = 'year_from' | 'year_to';
export type Change = (patch: Readonly<Record<string, string>>) => void;

/** The filters of a list as the service takes them; a last year before the first one is left out. */
export function filterQuery(query: URLSearchParams) {
  const [from, to] = [yearIn(query, 'year_from'), yearIn(query, 'year_to')];
  return { genre: query.get('genre'), year_from: from, year_to: isReversed(from, to) ? null : to };
}

function yearIn(query: URLSearchParams, name: FilterName): number | null {
  const text = query.get(name) ?? '';
  return isYear(text) ? Number(text) : null;
}

function isReversed(from: number | null, to: number | null): boolean {
  return from !== null && to !== null && from > to;
}

/** Genre and years; all of their state is in the address. */
export function Filters({ query, onChange }: { query: URLSearchParams; onChange: Change }) {
  const genres = useGet('/genres');
  const [genre, from, to] = [query.get('genre') ?? '', yearIn(query, 'year_from'), yearIn(query, 'year_to')];
  const given = genres.data?.items.map(({ name, n_movies }): [string, string] => [
    name,
    texts.filters.option(name, n_movies),
  ]);
  const named: [string, string][] = given ?? (genre ? [[genre, genre]] : []);
  return (
    <>
      <SelectField
        label={texts.filters.genre}
        value={genre}
        options={[['', texts.filters.anyGenre], ...named]}
        onValue={(name) => onChange({ genre: name })}
      />
      <YearField name="year_from" label={texts.filters.yearFrom} value={from} onChange={onChange} />
      <YearField
        name="year_to"
        label={texts.filters.yearTo}
        value={to}
        onChange={onChange}
        problem={isReversed(from, to) ? texts.filters.order : undefined}
      />
    </>
  );
}

interface YearFieldProps {
  name: FilterName;
  label: string;
  value: number | null;
  onChange: Change;
  problem?: string | undefined;
}

function YearField({ name, label, value, onChange, problem }: YearFieldProps) {
  const [text, setText] = useState(value?.toString() ?? '');
  const [isLeft, setLeft] = useState(false);
  const id = useId();
  useEffect(() => {
    if (value !== null || isYear(text)) setText(value?.toString() ?? '');
  }, [value]);

  const isWrong = isLeft && text !== '' && !isYear(text);
  const message = isWrong ? texts.filters.year : problem;
  return (
    <label class="field year-field">
      <span>{label}</span>
      <input
        inputMode="numeric"
        placeholder={texts.filters.anyYear}
        autoComplete="off"
        maxLength={4}
        size={6}
        value={text}
        aria-invalid={message !== undefined}
        aria-describedby={id}
        onBlur={() => setLeft(true)}
        onInput={(event) => {
          const next = event.currentTarget.value.trim();
          setText(next);
          setLeft(false);
          if (next === '' || isYear(next)) onChange({ [name]: next });
        }}
      />
      <span id={id} class="field-error">
        {message}
      </span>
    </label>
  );
}

function isYear(text: string): boolean {
  return /^(18|19|20|21)\d\d$/.test(text);
}
