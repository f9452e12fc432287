// One thing done to several credentials, a few at a time: how far it is, and what did not work. A failure stops nothing but
// a lost session or network, after which everything would fail alike.
import { asProblem, type Problem } from '../api/problem.js';
import type { Credential } from '../api/types.js';

export interface Failure {
  credential: Credential;
  problem: Problem;
}

export interface Progress {
  what: 'test' | 'delete';
  done: number;
  total: number;
  failures: Failure[];
  /** Over; otherwise still going. */
  over: boolean;
}

const AT_ONCE = 4;

export async function runBatch(
  what: Progress['what'],
  credentials: readonly Credential[],
  act: (credential: Credential) => Promise<void>,
  tell: (progress: Progress) => void,
): Promise<Progress> {
  const progress: Progress = { what, done: 0, total: credentials.length, failures: [], over: false };
  const queue = [...credentials];
  const work = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      try {
        await act(next);
      } catch (caught) {
        const problem = asProblem(caught);
        progress.failures.push({ credential: next, problem });
        if (problem.code === 'session-expired' || problem.code === 'offline') queue.length = 0;
      }
      progress.done += 1;
      tell({ ...progress });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const end = { ...progress, over: true };
  tell(end);
  return end;
}
