// Tests of the fields of a schema, and of a draft: its shown fields, its request bodies and its secrets.
import assert from 'node:assert/strict';
import test from 'node:test';
import { safeAddress } from '../base/address.js';
import { fieldsOf, furtherField, groupsOf, isFieldName } from './fields.js';
import { breaksPattern, textFault } from './checks.js';
import { Draft } from './draft.js';

const schema = {
  type: 'object',
  required: ['key', 'mode'],
  properties: {
    key: { type: 'string', 'x-order': 1, minLength: 3 },
    port: { type: 'integer', minimum: 1, default: 443, 'x-secret': false, 'x-order': 2 },
    mode: { type: 'string', enum: ['a', 'b'], 'x-secret': false, 'x-order': 3, 'x-group': 'G' },
    extra: {
      type: 'string',
      'x-secret': false,
      'x-order': 5,
      'x-group': 'G',
      'x-visible-when': { field: 'mode', in: ['b'] },
    },
    flag: { type: 'boolean', 'x-secret': false, 'x-order': 4 },
  },
};
const field = (draft, name) => draft.fields.find((each) => each.name === name);
const stored = { name: 'Work', configured: ['key'], settings: { port: 1, mode: 'a' }, revision: 3 };

test('fields are ordered and grouped, and secret by default', () => {
  const fields = fieldsOf(schema);
  assert.deepEqual(
    fields.map(({ name }) => name),
    ['key', 'port', 'mode', 'flag', 'extra'],
  );
  assert.deepEqual(
    groupsOf(fields).map(({ title, fields: own }) => [title, own.map(({ name }) => name)]),
    [
      ['', ['key', 'port']],
      ['G', ['mode', 'extra']],
      ['', ['flag']],
    ],
  );
  assert.deepEqual(
    fields.map(({ secret }) => secret),
    [true, false, false, false, false],
  );
  assert.equal(furtherField('x').secret, true);
});

test('only safe addresses become links', () => {
  for (const address of ['https://a.example/x', 'http://localhost:3000/', 'http://127.0.0.1/'])
    assert(safeAddress(address), address);
  for (const address of [
    'http://a.example',
    'javascript:alert(1)',
    'data:text/html,x',
    '//a',
    'JaVaScRiPt:1',
    '',
    null,
    'http://localhost.evil.example',
  ])
    assert.equal(safeAddress(address), null, String(address));
  assert.deepEqual(['a1_', '1a', 'a-b', '', 'é'].map(isFieldName), [true, false, false, false, false]);
});

test('a new draft sends the shown values', () => {
  const draft = new Draft(fieldsOf(schema), null, 'N');
  assert.deepEqual(
    draft.faults().map(({ field: name }) => name),
    ['key', 'mode'],
  );
  draft.set(field(draft, 'key'), 'abc');
  draft.set(field(draft, 'extra'), 'hidden');
  draft.set(field(draft, 'mode'), 'a');
  assert.deepEqual(draft.changes(), { key: 'abc', port: 443, mode: 'a', flag: false });
  draft.set(field(draft, 'mode'), 'b');
  assert.equal(draft.changes().extra, 'hidden');
  draft.set(field(draft, 'port'), '');
  assert.equal(draft.changes().port, null);
  assert.deepEqual(draft.faults(), []);
});

test('a changed draft sends the differences, with null for cleared fields', () => {
  const draft = new Draft(fieldsOf(schema), stored, '');
  assert.deepEqual([draft.isDirty, draft.changes()], [false, {}]);
  assert.equal(draft.secretState(field(draft, 'key')), 'kept');
  draft.replace(field(draft, 'key'));
  assert.deepEqual(
    draft.faults().map(({ code }) => code),
    ['required'],
  );
  draft.set(field(draft, 'key'), 'ab');
  assert.deepEqual(
    draft.faults().map(({ code }) => code),
    ['min-length'],
  );
  draft.undo(field(draft, 'key'));
  assert.deepEqual([draft.isDirty, draft.faults()], [false, []]);
  draft.clear(field(draft, 'key'));
  assert.deepEqual(draft.changes(), { key: null });
});

test('a draft over a newer version keeps its input unless it is reset', () => {
  const draft = new Draft(fieldsOf(schema), stored, '');
  draft.set(field(draft, 'port'), 9);
  draft.replace(field(draft, 'key'));
  draft.set(field(draft, 'key'), 'typed');
  const newer = { ...stored, revision: 4, settings: { port: 5, mode: 'b' } };
  assert.deepEqual(draft.over(newer, new Set()).changes(), { key: 'typed', port: 9 });
  assert.deepEqual(draft.over(newer, new Set(['port'])).changes(), { key: 'typed' });
});

test('a draft does not expose its secrets, and wipe drops them', () => {
  const draft = new Draft(fieldsOf(schema), null, 'N');
  draft.set(field(draft, 'key'), 'canary');
  assert(!JSON.stringify(draft).includes('canary'));
  assert(!Object.values(Object.getOwnPropertyDescriptors(draft)).some(({ value }) => String(value).includes('canary')));
  assert.equal(draft.value(field(draft, 'key')), null);
  draft.wipe();
  assert.equal(draft.changes().key, undefined);
});

const text = (more) =>
  fieldsOf({ type: 'object', required: [], properties: { a: { type: 'string', 'x-secret': false, ...more } } })[0];

test('formats follow the rules of the server', () => {
  const cases = {
    hostname: [
      ['db.example.com', '192.0.2.1', '[2001:db8::1]', 'bücher.example'],
      ['not a host!', 'a:80', 'a/b', 'user@a', 'a b'],
    ],
    uri: [
      ['https://example.com', 'postgres://a/b'],
      ['example.com', '//a', ' '],
    ],
    email: [
      ['a@example.com', 'a@192.0.2.1'],
      ['a', '@example.com', 'a b@example.com', 'a@'],
    ],
    uuid: [
      ['67e55044-10b1-426f-9247-bb680e5fe0c8', '67e5504410b1426f9247bb680e5fe0c8'],
      ['67e55044', 'x7e55044-10b1-426f-9247-bb680e5fe0c8'],
    ],
  };
  for (const [format, [good, bad]] of Object.entries(cases)) {
    for (const each of good) assert.equal(textFault(text({ format }), each), null, `${format}: ${each}`);
    for (const each of bad) assert.equal(textFault(text({ format }), each), 'format', `${format}: ${each}`);
  }
  assert.equal(textFault(text({}), 'a\u0007b'), 'control');
  assert.equal(textFault(text({ 'x-widget': 'pem' }), 'a\nb'), null);
});

test('a pattern is checked only beside other faults, and never if it could be slow', () => {
  const schema = {
    type: 'object',
    required: ['key', 'region'],
    properties: { key: { type: 'string', pattern: '^sk-[a-z]+$' }, region: { type: 'string', 'x-secret': false } },
  };
  const draft = new Draft(fieldsOf(schema), null, 'N');
  draft.set(field(draft, 'key'), 'wrong');
  assert.deepEqual(
    draft.faults().map(({ field: name, code }) => `${name} ${code}`),
    ['key pattern', 'region required'],
  );
  draft.set(field(draft, 'region'), 'eu');
  assert.deepEqual(draft.faults(), []);
  assert.equal(breaksPattern(text({ pattern: '^(a+)+$' }), `${'a'.repeat(40)}!`), false);
  assert.equal(breaksPattern(text({ pattern: '[' }), 'a'), false);
});

test('a visible required field must have a value', () => {
  const schema = {
    type: 'object',
    required: ['login', 'user', 'password'],
    properties: {
      login: { type: 'boolean', default: true, 'x-secret': false, 'x-order': 1 },
      user: { type: 'string', 'x-secret': false, 'x-order': 2, 'x-visible-when': { field: 'login', in: ['true'] } },
      password: { type: 'string', 'x-order': 3, 'x-visible-when': { field: 'login', in: ['true'] } },
    },
  };
  const draft = new Draft(fieldsOf(schema), null, 'N');
  assert.deepEqual(
    draft.faults().map(({ field: name }) => name),
    ['user', 'password'],
  );
  draft.set(field(draft, 'login'), false);
  assert.deepEqual([draft.faults(), draft.changes()], [[], { login: false }]);
});
