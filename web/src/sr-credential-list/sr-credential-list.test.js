// Tests of the rows of a list: filter, order and pages.
import assert from 'node:assert/strict';
import test from 'node:test';
import { credential as row } from '../api/credential.fixture.js';
import { filtered, noFilter, pageNumbers, sliced, sorted } from './rows.js';

test('rows are filtered, sorted and paged', () => {
  const rows = [row('b'), row('a10'), row('a9', { state: 'reauth-required' })];
  assert.deepEqual(
    sorted(rows, { by: 'name', down: false }, 'en').map(({ name }) => name),
    ['a9', 'a10', 'b'],
  );
  assert.equal(sorted(rows, { by: 'state', down: false }, 'en')[0].name, 'a9');
  assert.deepEqual(
    filtered(rows, { ...noFilter, state: 'needs' }, 'en').map(({ name }) => name),
    ['a9'],
  );
  assert.deepEqual({ ...sliced(rows, 9, 2), rows: 1 }, { rows: 1, page: 1, pages: 2, count: 3 });
  assert.deepEqual(pageNumbers(10, 20), [0, null, 9, 10, 11, null, 19]);
  assert.deepEqual(pageNumbers(0, 1), [0]);
});
