// Tests of changes to the credentials that an element shows.
import assert from 'node:assert/strict';
import test from 'node:test';
import { credential } from '../api/credential.fixture.js';
import { withChange } from './credentials.js';

const always = () => true;
const names = (rows) => rows.map(({ name }) => name);

test('a change adds, replaces and removes rows', () => {
  const rows = [credential('a'), credential('b')];
  assert.deepEqual(names(withChange(rows, { id: 'c', credential: credential('c') }, always)), ['a', 'b', 'c']);
  const renamed = credential('A', { id: 'a', revision: 2 });
  assert.deepEqual(names(withChange(rows, { id: 'a', credential: renamed }, always)), ['b', 'A']);
  assert.deepEqual(names(withChange(rows, { id: 'a', credential: null }, always)), ['b']);
  assert.deepEqual(names(withChange(rows, { id: 'x', credential: null }, always)), ['a', 'b']);
});

test('a filtered row is omitted, and an older revision is ignored', () => {
  const rows = [credential('new', { id: 'a', revision: 3 })];
  assert.deepEqual(names(withChange(rows, { id: 'c', credential: credential('c') }, () => false)), ['new']);
  const old = credential('old', { id: 'a', revision: 2 });
  assert.deepEqual(names(withChange(rows, { id: 'a', credential: old }, always)), ['new']);
});
