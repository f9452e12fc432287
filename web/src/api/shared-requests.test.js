// Tests of shared reads.
import assert from 'node:assert/strict';
import test from 'node:test';
import { SharedRequests } from './shared-requests.js';

function gate() {
  const calls = [];
  const start = (signal) =>
    new Promise((resolve, reject) => {
      calls.push({ resolve, signal });
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  return { calls, start };
}

test('callers of one key share a request, and a later caller starts a new one', async () => {
  const [requests, { calls, start }] = [new SharedRequests(), gate()];
  const both = Promise.all([requests.join('a', undefined, start), requests.join('a', undefined, start)]);
  assert.equal(calls.length, 1);
  calls[0].resolve('first');
  assert.deepEqual(await both, ['first', 'first']);
  void requests.join('a', undefined, start);
  assert.equal(calls.length, 2);
});

test('a request is aborted when its last caller aborts', async () => {
  const [requests, { calls, start }] = [new SharedRequests(), gate()];
  const [one, two] = [new AbortController(), new AbortController()];
  const first = requests.join('a', one.signal, start);
  const second = requests.join('a', two.signal, start);
  one.abort();
  await assert.rejects(first, { name: 'AbortError' });
  assert.equal(calls[0].signal.aborted, false);
  two.abort();
  await assert.rejects(second, { name: 'AbortError' });
  assert.equal(calls[0].signal.aborted, true);
});

test('a read after a write does not join an earlier request', () => {
  const [requests, { calls, start }] = [new SharedRequests(), gate()];
  void requests.join('a', undefined, start);
  requests.clear();
  void requests.join('a', undefined, start);
  assert.equal(calls.length, 2);
});
