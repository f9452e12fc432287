// Languages, plurals, dates; lists and choices; tokens.
import assert from 'node:assert/strict';
import test from 'node:test';
import { filtered, noFilter, pageNumbers, sliced, sorted } from '../../build/unit/list/table.js';
import { learn, Words } from '../../build/unit/messages.js';
import { ar } from '../../build/unit/messages/ar.js';
import { de } from '../../build/unit/messages/de.js';
import { en } from '../../build/unit/messages/en.js';
import { flawOf, matching, moved } from '../../build/unit/selector/choice.js';
import { forget, token } from '../../build/unit/session.js';

const names = (message) => [...new Set(JSON.stringify(message).match(/\{\w+\}/g) ?? [])].sort().join();

test('every language has every key, and asks for nothing that is not given', () => {
  for (const [language, catalog] of Object.entries({ de, ar })) {
    assert.deepEqual(Object.keys(catalog).sort(), Object.keys(en).sort(), language);
    for (const key of Object.keys(en)) {
      assert(names(catalog[key]).split(',').every((name) => names(en[key]).includes(name)), `${language}: ${key}`);
    }
  }
});

test('plurals, numbers, dates and overrides', async () => {
  await learn('de-AT');
  await learn('ar');
  const now = Date.parse('2026-01-10T00:00:00Z');
  assert.equal(new Words('en').say('list.count', { n: 1 }), 'One credential');
  assert.equal(new Words('de').say('list.count', { n: 1234 }), '1.234 Zugänge');
  assert.equal(new Words('ar').say('list.count', { n: 2 }), 'عنصران');
  assert.equal(new Words('en').ago('2026-01-08T00:00:00Z', now), '2 days ago');
  assert.equal(new Words('de').ago('2026-01-13T00:00:00Z', now), 'in 3 Tagen');
  assert.equal(new Words('en', { retry: 'Again' }).say('retry'), 'Again');
  assert.equal(new Words('xx-nonsense-').say('retry'), 'Try again');
  assert.equal(new Words('en').ago('<img>'), '');
  assert.equal(new Words('en').sayCode('problem', 'toString', 'own'), 'own');
});

const row = (name, more = {}) => ({ id: name, name, plugin: 'p', type: 'api-key', state: 'active', ...more });

test('a list is filtered, ordered and cut', () => {
  const rows = [row('b'), row('a10'), row('a9', { state: 'reauth-required' })];
  assert.deepEqual(sorted(rows, { by: 'name', down: false }, 'en').map(({ name }) => name), ['a9', 'a10', 'b']);
  assert.equal(sorted(rows, { by: 'state', down: false }, 'en')[0].name, 'a9');
  assert.deepEqual(filtered(rows, { ...noFilter, state: 'needs' }, 'en').map(({ name }) => name), ['a9']);
  assert.deepEqual({ ...sliced(rows, 9, 2), rows: 1 }, { rows: 1, page: 1, pages: 2, count: 3 });
  assert.deepEqual(pageNumbers(10, 20), [0, null, 9, 10, 11, null, 19]);
  assert.deepEqual(pageNumbers(0, 1), [0]);
});

test('a choice is found without its marks, moved in bounds, and judged', () => {
  assert.equal(matching([row('Gämse'), row('Haus')], 'GAMS', 'de').length, 1);
  assert.deepEqual([moved(-1, 3, 'next'), moved(2, 3, 'next'), moved(-1, 3, 'previous'), moved(1, 0, 'last')], [0, 2, 2, -1]);
  assert.deepEqual([flawOf(null, 'p', ''), flawOf(row('a'), 'q', ''), flawOf(row('a'), 'p', 'api-key')], ['gone', 'elsewhere', null]);
});

test('a token is asked for once, again when it was refused, and not twice for two refusals', async () => {
  let asked = 0;
  const source = async () => `t${(asked += 1)}`;
  assert.deepEqual(await Promise.all([token(source), token(source)]), ['t1', 't1']);
  await Promise.all([forget(source, 't1'), forget(source, 't1')]);
  assert.equal(await token(source), 't2');
  await forget(source, 't1');
  assert.equal(await token(source), 't2');
  await assert.rejects(token(async () => { throw new Error('srs_secret'); }), { message: 'session-expired' });
});
