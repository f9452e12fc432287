// Tests of the changes that elements receive from this page and from other pages.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Changes } from './changes.js';
import { credential } from './credential.fixture.js';

globalThis.window ??= globalThis;

const ENDPOINT = new URL('https://vault.example.com/');
const ID = `cred_${'a'.repeat(32)}`;
const settled = (milliseconds = 250) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Another page of the same origin. */
function otherPage() {
  const channel = new BroadcastChannel(`strongroom:changes:${ENDPOINT.href}`);
  return { say: (message) => channel.postMessage(message), close: () => channel.close() };
}

test('a change reaches this page at once, and other pages by its id only', async () => {
  const [here, there] = [
    new Changes(ENDPOINT, async () => null),
    new Changes(ENDPOINT, async (id) => credential('b', { id })),
  ];
  const [mine, theirs] = [[], []];
  const ends = [here.subscribe((change) => mine.push(change)), there.subscribe((change) => theirs.push(change))];
  here.publish({ id: ID, credential: credential('a', { id: ID }) });
  assert.equal(mine.length, 1);
  await settled();
  assert.deepEqual(
    theirs.map(({ credential: { name } }) => name),
    ['b'],
    'what it asked for itself',
  );
  assert.equal(mine.length, 1);
  for (const end of ends) end();
});

test('several messages about one credential cause one request, invalid messages none', async () => {
  let asked = 0;
  const changes = new Changes(ENDPOINT, async () => ((asked += 1), null));
  const end = changes.subscribe(() => undefined);
  const page = otherPage();
  for (const message of [ID, ID, ID, null, 7, {}, 'cred_x', { credential: ID }]) page.say(message);
  await settled();
  assert.equal(asked, 1);
  page.close();
  end();
});

test('an answer older than a change of this page is dropped', async () => {
  let answer;
  const changes = new Changes(ENDPOINT, () => new Promise((resolve) => (answer = resolve)));
  const heard = [];
  const end = changes.subscribe((change) => heard.push(change));
  const page = otherPage();
  page.say(ID);
  await settled();
  changes.publish({ id: ID, credential: null });
  answer(credential('deleted since', { id: ID }));
  await settled(50);
  assert.deepEqual(heard, [{ id: ID, credential: null }]);
  page.close();
  end();
});
