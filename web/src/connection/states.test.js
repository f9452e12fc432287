// Tests of the states of a connection and their transitions.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Problem, problemFrom } from '../api/problem.js';
import * as connect from './states.js';

const waiting = connect.begun(
  { id: 'conn_1', start_address: 'https://vault.example/connect/x', expires_at: '2030-01-01T00:00:00Z' },
  true,
  0,
);

test('a new connection waits, is blocked, shows a code or is connected', () => {
  assert.equal(waiting.at, 'waiting');
  assert.equal(connect.begun({ id: 'c', start_address: 'https://a/' }, false, 0).at, 'blocked');
  const device = connect.begun({ id: 'c', user_code: 'AB', verification_address: 'https://a/' }, false, 0);
  assert.deepEqual(device.device, { code: 'AB', address: 'https://a/' });
  assert.equal(device.expires, 600_000);
  assert.equal(connect.begun({ credential: { id: 'cred_1' } }, false, 0).at, 'connected');
});

test('a closed window decides nothing, the status does', () => {
  const gone = connect.windowGone(waiting);
  assert.deepEqual([gone.at, gone.closed], ['waiting', true]);
  assert.equal(connect.windowGone(gone), gone);
  assert.equal(connect.windowGone(connect.idle), connect.idle);
  assert.equal(connect.observed(gone, { id: 'conn_1', status: 'returned' }).at, 'verifying');
  assert.equal(connect.observed(gone, { id: 'conn_1', status: 'waiting' }), gone);
  assert.equal(connect.observed(gone, { id: 'conn_2', status: 'failed' }), gone);
  assert.equal(connect.observed(gone, { id: 'conn_1', status: 'expired' }).reason, 'expired');
  assert.equal(connect.observed(gone, { id: 'conn_1', status: 'failed', cause: 'access_denied' }).reason, 'denied');
  assert.equal(connect.observed(gone, { id: 'conn_1', status: 'failed', cause: 'server_error' }).reason, 'failed');
});

test('a failed poll is shown and recovers', () => {
  const troubled = connect.troubled(waiting, new Problem('offline'));
  assert.equal(troubled.trouble.code, 'offline');
  assert.equal(connect.observed(troubled, { id: 'conn_1', status: 'waiting' }).trouble, null);
});

test('a missing registration has its own reason', () => {
  const fault = (field, code) => new Problem('invalid-fields', { fields: [{ field, code, message: '' }] });
  assert.equal(connect.refused(fault('app', 'unknown')).reason, 'unregistered');
  assert.equal(connect.refused(fault('name', 'format')).reason, 'problem');
});

test('a key file is requested when the vault requires one', () => {
  const fault = (code) => new Problem('invalid-fields', { fields: [{ field: 'key_file', code, message: '' }] });
  assert.deepEqual(connect.refused(fault('required')), { at: 'key-file', wrong: false });
  assert.deepEqual(connect.refused(fault('format')), { at: 'key-file', wrong: true });
});

test('polls start at one second and slow down to five', () => {
  assert.equal(connect.pause(0), 1000);
  assert.equal(connect.pause(50), 5000);
});

test('missing scopes are listed, and an answer without scopes grants all', () => {
  assert.deepEqual(connect.missingScopes(['a', 'b', 'openid'], ['a']), ['b']);
  assert.deepEqual(connect.missingScopes(['a'], []), []);
  assert.deepEqual(connect.missingScopes(['email'], ['https://www.googleapis.com/auth/userinfo.email']), []);
});

test('any answer becomes a problem with a code', () => {
  const body = {
    type: 'urn:strongroom:problem:stale',
    detail: 'd',
    instance: 'r1',
    errors: [{ field: 'a', code: 'b', message: 'c' }, 7],
  };
  const problem = problemFrom(412, body);
  assert.deepEqual([problem.code, problem.requestId, problem.fields.length], ['stale', 'r1', 1]);
  assert.deepEqual([problemFrom(502, '<html>').code, problemFrom(418, undefined).code], ['unavailable', 'unexpected']);
});
