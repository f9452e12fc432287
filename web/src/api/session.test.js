// Tests of session tokens: sharing, renewal and errors without secrets.
import assert from 'node:assert/strict';
import test from 'node:test';
import { dropRefusedToken, forgetSession, generationOf, tokenOf } from './session.js';

test('a token is requested once, and once more after two refusals', async () => {
  let asked = 0;
  const source = async () => `t${(asked += 1)}`;
  assert.deepEqual(await Promise.all([tokenOf(source), tokenOf(source)]), ['t1', 't1']);
  await Promise.all([dropRefusedToken(source, 't1'), dropRefusedToken(source, 't1')]);
  assert.equal(await tokenOf(source), 't2');
  await dropRefusedToken(source, 't1');
  assert.equal(await tokenOf(source), 't2');
});

test('a source that never returned a token is a mistake, reported without its error text', async () => {
  const failing = async () => {
    throw new TypeError('srs_secret');
  };
  const problem = await tokenOf(failing).catch((caught) => caught);
  assert.equal(problem.code, 'no-session');
  assert.match(problem.mistake.value, /failed with TypeError/);
  assert(!JSON.stringify(problem).includes('srs_secret') && !problem.mistake.value.includes('srs_secret'));
  assert.match((await tokenOf(async () => undefined).catch((caught) => caught)).mistake.value, /returned undefined/);
});

test('a source that fails after a token reports an ended session, until the user changes', async () => {
  let isSignedOut = false;
  const source = async () => (isSignedOut ? '' : 'token');
  assert.equal(await tokenOf(source), 'token');
  isSignedOut = true;
  await dropRefusedToken(source, 'token');
  assert.equal((await tokenOf(source).catch((caught) => caught)).code, 'session-expired');
  forgetSession(source);
  assert.equal(generationOf(source), 1);
  assert.equal((await tokenOf(source).catch((caught) => caught)).code, 'no-session');
});
