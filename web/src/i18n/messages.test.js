// Tests of languages, plurals, dates and overrides.
import assert from 'node:assert/strict';
import test from 'node:test';
import { learn, Words } from './messages.js';
import { ar } from './ar.js';
import { de } from './de.js';
import { en } from './en.js';

const names = (message) => [...new Set(JSON.stringify(message).match(/\{\w+\}/g) ?? [])].sort().join();

test('every language has every key and no unknown parameter', () => {
  for (const [language, catalog] of Object.entries({ de, ar })) {
    assert.deepEqual(Object.keys(catalog).sort(), Object.keys(en).sort(), language);
    for (const key of Object.keys(en)) {
      assert(
        names(catalog[key])
          .split(',')
          .every((name) => names(en[key]).includes(name)),
        `${language}: ${key}`,
      );
    }
  }
});

test('texts follow plurals, numbers, dates and overrides', async () => {
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
