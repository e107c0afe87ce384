/** Follow training runs: one by server-sent events, and by asking again where those cannot come; all by asking. */

import { useEffect, useState } from 'preact/hooks';
import { call, type TrainingRun, type TrainingSweep } from '../api';
import { asApiError } from '../app/errors';
import { type PagedResource, type Resource, useGet, useList } from '../app/resource';
import { isUnfinished, withSweeps } from './training-runs';

const POLL_MILLISECONDS = 2_000;
const RUNS_MILLISECONDS = 3_000;

interface News {
  readonly run: TrainingRun | null;
  readonly sweeps: readonly TrainingSweep[];
}

interface Followed {
  readonly found: Resource<unknown>;
  readonly run: TrainingRun | undefined;
  readonly sweeps: readonly TrainingSweep[];
}

const NOTHING: News = { run: null, sweeps: [] };

/** All runs, the latest first, looked at again and again while one waits or is at work. */
export function useRuns(): PagedResource<TrainingRun> {
  const [asOf] = useState(Date.now);
  const runs = useList('/training-runs', { query: { limit: 100 } }, asOf);
  const isBusy = runs.data?.items.some(isUnfinished) ?? false;
  useEffect(() => {
    if (!isBusy) return;
    const timer = setInterval(runs.reload, RUNS_MILLISECONDS);
    return () => clearInterval(timer);
  }, [isBusy]);
  return runs;
}

/** A run as it is now; `onEnd` is told once a run that was watched has ended. */
export function useRun(id: number, onEnd: () => void): Followed {
  const found = useGet('/training-runs/{run_id}', { path: { run_id: id } });
  const [news, setNews] = useState(NOTHING);
  const stored = found.isStale ? undefined : found.data;
  const isWatched = stored !== undefined && isUnfinished(stored);

  useEffect(() => {
    setNews(NOTHING);
    if (!isWatched) return;
    return follow(id, (told) => {
      setNews((before) => ({ run: told.run ?? before.run, sweeps: withSweeps(before.sweeps, told.sweeps) }));
      if (told.run && !isUnfinished(told.run)) {
        found.reload(); // it counts from now on, and is what a later visit remembers
        onEnd();
      }
    });
  }, [id, isWatched]);

  const run = stored && isWatched ? (news.run ?? stored) : stored;
  return { found, run, sweeps: withSweeps(stored?.sweeps ?? [], news.sweeps) };
}

/** Listen until the run ends; a lost connection is taken up where it broke by the browser itself. */
function follow(id: number, tell: (news: News) => void): () => void {
  const source = new EventSource(`/training-runs/${id}/events`);
  let stopPolling = () => {};
  const listen = (name: string, take: (data: string) => News) =>
    source.addEventListener(name, (event) => {
      tell(take((event as MessageEvent<string>).data));
      if (name === 'end') source.close();
    });
  listen('sweep', (data) => ({ run: null, sweeps: [JSON.parse(data) as TrainingSweep] }));
  for (const name of ['run', 'end']) listen(name, (data) => ({ run: JSON.parse(data) as TrainingRun, sweeps: [] }));
  source.addEventListener('error', () => {
    if (source.readyState === EventSource.CLOSED) stopPolling = poll(id, tell);
  });
  return () => {
    source.close();
    stopPolling();
  };
}

function poll(id: number, tell: (news: News) => void): () => void {
  const timer = setInterval(async () => {
    try {
      const run = await call('get', '/training-runs/{run_id}', { path: { run_id: id } });
      tell({ run, sweeps: run.sweeps });
      if (!isUnfinished(run)) clearInterval(timer);
    } catch (error) {
      asApiError(error); // the next round may be luckier; a fault of our own must surface
    }
  }, POLL_MILLISECONDS);
  return () => clearInterval(timer);
}
