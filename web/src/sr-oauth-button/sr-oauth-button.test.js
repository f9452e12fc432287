// Tests of account names and return addresses.
import assert from 'node:assert/strict';
import test from 'node:test';
import { credential } from '../api/credential.fixture.js';
import { returnAddress } from '../connection/return-address.js';
import { accountName } from './accounts.view.js';

globalThis.location ??= { origin: 'https://app.example', pathname: '/settings', href: 'https://app.example/settings' };

test('an account is named by its label, and two credentials of one account by their names too', () => {
  const [one, two] = [
    credential('Work', { account: 'a@example.com' }),
    credential('Home', { account: 'a@example.com' }),
  ];
  assert.equal(accountName(one, [one]), 'a@example.com');
  assert.equal(accountName(one, [one, two]), 'a@example.com (Work)');
  assert.equal(accountName(credential('No account'), []), 'No account');
});

test('a connection returns to the attribute, to this page, or to the only address of the manifest', () => {
  const [here, there] = ['https://app.example/settings', 'https://other.example/return'];
  assert.deepEqual(returnAddress('', [here, there]), { address: here, elsewhere: '', mistake: null });
  const wanted = returnAddress('https://app.example/return', ['https://app.example/return']);
  assert.deepEqual(wanted, { address: 'https://app.example/return', elsewhere: '', mistake: null });
  assert.equal(returnAddress('', []).mistake, null);
});

test('a foreign, unlisted or missing return address is a mistake with a remedy', () => {
  const there = 'https://other.example/return';
  const only = returnAddress('', [there]);
  assert.deepEqual([only.address, only.elsewhere], ['', there]);
  assert.match(only.mistake.remedy, /of another origin/);
  assert.match(returnAddress('https://app.example/nowhere', [there]).mistake.remedy, /exactly as it is written/);
  assert.match(returnAddress('', [there, `${there}2`]).mistake.remedy, /does not list this page/);
});
