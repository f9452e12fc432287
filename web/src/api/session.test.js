// Session tokens: shared, renewed after a refusal, never quoted.
import assert from 'node:assert/strict';
import test from 'node:test';
import { forget, token } from './session.js';

test('a token is asked for once, again when it was refused, and not twice for two refusals', async () => {
  let asked = 0;
  const source = async () => `t${(asked += 1)}`;
  assert.deepEqual(await Promise.all([token(source), token(source)]), ['t1', 't1']);
  await Promise.all([forget(source, 't1'), forget(source, 't1')]);
  assert.equal(await token(source), 't2');
  await forget(source, 't1');
  assert.equal(await token(source), 't2');
  await assert.rejects(
    token(async () => {
      throw new Error('srs_secret');
    }),
    { message: 'session-expired' },
  );
});
