import { useEffect, useId, useState } from 'preact/hooks';
import { call } from '../api';
import { useResource } from '../resource';
import { texts } from '../texts';

export type FilterName = 'genre' | 'year_from' | 'year_to';
export type Change = (patch: Readonly<Record<string, string>>) => void;

export const FILTER_NAMES: readonly FilterName[] = ['genre', 'year_from', 'year_to'];

/** The filters of a list as the service takes them. */
export function filterQuery(query: URLSearchParams) {
  const year = (name: FilterName) => (isYear(query.get(name) ?? '') ? Number(query.get(name)) : null);
  return { genre: query.get('genre'), year_from: year('year_from'), year_to: year('year_to') };
}

/** Genre and years; all of their state is in the address. */
export function Filters({ query, onChange }: { query: URLSearchParams; onChange: Change }) {
  const genres = useResource('genres', (signal) => call('get', '/genres', { signal }));
  const { genre, year_from: from, year_to: to } = filterQuery(query);
  const isReversed = from !== null && to !== null && from > to;
  return (
    <>
      <label class="field">
        <span>{texts.filters.genre}</span>
        <select value={genre ?? ''} onChange={(event) => onChange({ genre: event.currentTarget.value })}>
          <option value="">{texts.filters.anyGenre}</option>
          {genres.data?.items.map(({ name, n_movies }) => (
            <option key={name} value={name}>
              {texts.filters.option(name, n_movies)}
            </option>
          ))}
          {!genres.data && genre && <option value={genre}>{genre}</option>}
        </select>
      </label>
      <YearField name="year_from" label={texts.filters.yearFrom} value={from} onChange={onChange} />
      <YearField
        name="year_to"
        label={texts.filters.yearTo}
        value={to}
        onChange={onChange}
        problem={isReversed ? texts.filters.order : undefined}
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
