import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { type ApiError, type ImportedRow, type ImportReport, importRatings, type Me } from '../api';
import { DataTable } from '../app/data-table';
import { asApiError, describe, explain } from '../app/errors';
import { Button, PageHead, Panel } from '../app/parts';
import { href } from '../app/routes';
import { RequestId } from '../app/states';
import { reloadRatings } from '../movies/ratings';
import { displayTitle } from '../movies/titles';
import { texts } from '../texts';
import { ImportList } from './import-list';

const FORMATS = ['csv', 'letterboxd', 'imdb', 'trakt', 'movielens'] as const;
const MOST_ROWS = 300;

/** Import ratings from a file after a dry run, and export all ratings. */
export function ImportRatings({ me }: { me: Me }) {
  const [file, setFile] = useState<File | null>(null);
  const [report, setReport] = useState<ImportReport | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [asOf, setAsOf] = useState(Date.now);

  const send = async (chosen: File, isDryRun: boolean) => {
    setBusy(true);
    setFailure(null);
    try {
      setReport(await importRatings(me.id, chosen, isDryRun));
      if (isDryRun) return;
      setAsOf(Date.now());
      await reloadRatings(me.id);
    } catch (reason) {
      setFailure(asApiError(reason));
    } finally {
      setBusy(false);
    }
  };
  const choose = (chosen: File | undefined) => {
    if (!chosen) return;
    setFile(chosen);
    setReport(null);
    void send(chosen, true);
  };
  return (
    <>
      <PageHead title={texts.transfer.title} lead={texts.transfer.lead} />
      <div class="settings">
        <Panel title={texts.transfer.import} aria-busy={isBusy}>
          <p class="facts">{texts.transfer.hint}</p>
          <label
            class="field drop"
            onDragOver={(event) => event.preventDefault()}
            onDrop={(event) => {
              event.preventDefault();
              choose(event.dataTransfer?.files[0]);
            }}
          >
            <span>{texts.transfer.choose}</span>
            <input
              type="file"
              accept=".csv,.json,.zip,text/csv,application/json,application/zip"
              onChange={(event) => {
                choose(event.currentTarget.files?.[0]);
                event.currentTarget.value = ''; // the same file may be chosen again
              }}
            />
          </label>
          <p role="status">{isBusy ? texts.transfer.checking : file?.name}</p>
          {failure && (
            <ImportFailure error={failure}>
              {file && !report && !failure.problem?.errors && (
                <Button onClick={() => void send(file, true)}>{texts.retry}</Button>
              )}
            </ImportFailure>
          )}
          {report && file && <Report report={report} isBusy={isBusy} onConfirm={() => void send(file, false)} />}
        </Panel>
        <Panel title={texts.transfer.export}>
          <p class="facts">{texts.transfer.exportHint}</p>
          <p class="actions">
            {FORMATS.map((format) => (
              <a key={format} class="button" href={`/ratings/${me.id}/export?format=${format}`} download>
                {texts.transfer.formats[format]}
              </a>
            ))}
          </p>
        </Panel>
        <Panel title={texts.transfer.imports}>
          <ImportList userId={me.id} asOf={asOf} />
        </Panel>
      </div>
    </>
  );
}

/** The faulty lines of a file that was refused as a whole. */
function ImportFailure({ error, children }: { error: ApiError; children: ComponentChildren }) {
  return (
    <div role="alert" class="form-failure">
      <p>{explain(error)}</p>
      <ul>
        {error.problem?.errors?.slice(0, 10).map((error) => (
          <li key={error.field.join()}>{texts.transfer.wrongLine(String(error.field.at(-1)), describe(error))}</li>
        ))}
      </ul>
      <RequestId error={error} />
      {children}
    </div>
  );
}

interface ReportProps {
  report: ImportReport;
  isBusy: boolean;
  onConfirm: () => void;
}

function Report({ report, isBusy, onConfirm }: ReportProps) {
  const n = report.n_added + report.n_replaced;
  // Skipped rows come first.
  const rows = [...report.rows].sort((a, b) => Number(a.movie_id !== null) - Number(b.movie_id !== null));
  const shown = rows.slice(0, MOST_ROWS);
  return (
    <>
      <p class="facts">{texts.transfer.found(texts.transfer.formats[report.format], report.scale)}</p>
      {report.is_dry_run ? (
        <>
          <p class="outcome">
            {texts.transfer.plan(report.n_added, report.n_replaced, report.n_unchanged, report.n_skipped)}
          </p>
          {n === 0 && <p>{texts.transfer.nothing}</p>}
          {n > 0 && (
            <Button kind="primary" aria-busy={isBusy} disabled={isBusy} onClick={onConfirm}>
              {texts.transfer.confirm(n)}
            </Button>
          )}
        </>
      ) : (
        <p class="outcome" role="status">
          {texts.transfer.done(n)} <a href={href('my-ratings')}>{texts.myRatings.title}</a>
        </p>
      )}
      <DataTable label={texts.transfer.rows} columns={texts.transfer.columns} rows={shown.map(cellsOf)} />
      <p class="facts">{texts.transfer.showing(shown.length, rows.length)}</p>
    </>
  );
}

function cellsOf({ line, title, movie_title, rating, value, status, problem }: ImportedRow) {
  const found = movie_title && displayTitle(movie_title);
  return [
    line,
    <div class="wide" key="title">
      {title ?? texts.none}
      {found && found !== title && <small>{found}</small>}
      {problem && <small lang="en">{problem}</small>}
    </div>,
    texts.transfer.value(rating, value),
    texts.transfer.fates[status],
  ];
}
