// Runs one operation on several credentials, a few at a time, with progress and failures. After a 429, all operations
// wait for the time that the vault names. Only a lost session or network stops the batch, because the rest would fail
// alike.
import { asProblem, type Problem } from '../api/problem.js';
import type { Credential } from '../api/types.js';

export interface Failure {
  credential: Credential;
  problem: Problem;
}

export interface BatchProgress {
  what: 'test' | 'delete';
  done: number;
  total: number;
  /** Seconds until it continues. 0 while it works. */
  waiting: number;
  failures: Failure[];
  /** Whether the batch has ended. */
  over: boolean;
}

export interface Batch {
  what: BatchProgress['what'];
  credentials: readonly Credential[];
  act(credential: Credential): Promise<void>;
  report(progress: BatchProgress): void;
  /** Stops the batch. No further operation starts. */
  signal: AbortSignal;
  sleep?(milliseconds: number): Promise<void>;
}

const AT_ONCE = 4;
const STOPPING = new Set(['session-expired', 'no-session', 'offline']);

const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

export async function runBatch({
  what,
  credentials,
  act,
  report,
  signal,
  sleep = pause,
}: Batch): Promise<BatchProgress> {
  const progress: BatchProgress = { what, done: 0, total: credentials.length, waiting: 0, failures: [], over: false };
  const queue = [...credentials];
  let break_: Promise<void> | null = null;

  const wait = async (seconds: number): Promise<void> => {
    break_ ??= (async () => {
      for (progress.waiting = seconds; progress.waiting > 0 && !signal.aborted; progress.waiting -= 1) {
        report({ ...progress });
        await sleep(1000);
      }
      break_ = null;
    })();
    await break_;
  };

  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next && !signal.aborted; next = queue.shift()) {
      if (break_) await break_;
      if (signal.aborted) return;
      try {
        await act(next);
      } catch (caught) {
        const problem = asProblem(caught);
        if (problem.code === 'rate-limited') {
          queue.unshift(next);
          await wait(Math.max(1, problem.retryAfter));
          continue;
        }
        progress.failures.push({ credential: next, problem });
        if (STOPPING.has(problem.code)) queue.length = 0;
      }
      progress.done += 1;
      report({ ...progress });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const end = { ...progress, over: true };
  report(end);
  return end;
}
