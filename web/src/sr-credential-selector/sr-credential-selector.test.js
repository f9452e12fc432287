// Tests of matching, moving and the faults of a choice.
import assert from 'node:assert/strict';
import test from 'node:test';
import { credential as row } from '../api/credential.fixture.js';
import { matching } from '../base/credentials.js';
import { flawOf, moved } from './choice.js';

test('options match without accents, move within bounds and have faults', () => {
  assert.equal(matching([row('Gämse'), row('Haus')], 'GAMS', 'de').length, 1);
  assert.deepEqual(
    [moved(-1, 3, 'next'), moved(2, 3, 'next'), moved(-1, 3, 'previous'), moved(1, 0, 'last')],
    [0, 2, 2, -1],
  );
  assert.deepEqual(
    [flawOf(null, 'p', ''), flawOf(row('a'), 'q', ''), flawOf(row('a'), 'p', 'api-key')],
    ['gone', 'elsewhere', null],
  );
});
