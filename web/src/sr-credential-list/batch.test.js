// Tests of batches: rate limits, progress and failures.
import assert from 'node:assert/strict';
import test from 'node:test';
import { credential } from '../api/credential.fixture.js';
import { Problem } from '../api/problem.js';
import { runBatch } from './batch.js';

const rows = Array.from({ length: 10 }, (_, at) => credential(`c${at}`));
const signal = new AbortController().signal;

test('a batch waits after a 429 and completes', async () => {
  let allowance = 3;
  const waits = [];
  const seen = [];
  const done = new Set();
  const act = async ({ id }) => {
    if (allowance === 0) throw new Problem('rate-limited', { retryAfter: 2 });
    allowance -= 1;
    done.add(id);
  };
  const sleep = async (milliseconds) => {
    waits.push(milliseconds);
    if (waits.length % 2 === 0) allowance = 3;
  };
  const end = await runBatch({ what: 'test', credentials: rows, act, report: (at) => seen.push(at), signal, sleep });
  assert.deepEqual([end.done, end.total, end.failures, end.over, end.waiting], [10, 10, [], true, 0]);
  assert.equal(done.size, 10);
  assert(waits.length >= 6 && waits.every((each) => each === 1000), String(waits));
  assert(seen.some(({ waiting }) => waiting === 2) && seen.some(({ waiting }) => waiting === 1));
});

test('a batch reports a failure and continues', async () => {
  const act = async ({ id }) => {
    if (id === 'c3') throw new Problem('stale');
  };
  const end = await runBatch({ what: 'delete', credentials: rows, act, report: () => undefined, signal });
  assert.deepEqual(
    [end.done, end.failures.map(({ credential: { id }, problem }) => `${id} ${problem.code}`)],
    [10, ['c3 stale']],
  );
});

test('a lost network stops the batch', async () => {
  let calls = 0;
  const act = async () => {
    calls += 1;
    throw new Problem('offline');
  };
  const end = await runBatch({ what: 'test', credentials: rows, act, report: () => undefined, signal });
  assert(calls <= 4 && end.over);
});

test('a removed element starts no further operation', async () => {
  const stop = new AbortController();
  let calls = 0;
  const act = async () => {
    calls += 1;
    stop.abort();
  };
  await runBatch({ what: 'test', credentials: rows, act, report: () => undefined, signal: stop.signal });
  assert(calls <= 4);
});
