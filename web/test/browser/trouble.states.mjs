// Tests of a provider's answers: a refused grant, an unavailable provider, an incomplete answer, missing scopes. Also
// connections without a user, and rate limits.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { becomes, until } from './vault.mjs';

/** Clicks, and returns the window that opens. */
async function press(person, target) {
  const opening = person.context.waitForEvent('page');
  await target.click();
  return opening;
}

/** The grant types of the token requests since then. A vault refreshes by itself at any time. */
const grantsSince = ({ asked }, count) =>
  asked
    .slice(count)
    .map((form) => form.get('grant_type'))
    .filter((type) => type !== 'refresh_token');

async function connected(person, properties = {}) {
  const { scripted } = person.world;
  const button = await person.fresh('sr-oauth-button', { plugin: 'scripted', ...properties });
  const popup = await press(person, button.getByRole('button', { name: /Connect (Scripted|another account)/ }));
  await button.getByText(scripted.account.email).waitFor();
  await until('the window closes', () => popup.isClosed());
  return [button, await button.evaluate((each) => each.value)];
}

/** The service account's file as the provider offers it for download. */
function keyFile(secret) {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return JSON.stringify({
    type: 'service_account',
    project_id: secret,
    private_key_id: 'a',
    private_key: privateKey,
    client_email: 'robot@example.com',
  });
}

/** Drops a file as a user does. The browser itself creates the events. */
async function drop(person, input, path) {
  await input.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await input.boundingBox();
  const session = await person.context.newCDPSession(person.page);
  const data = { items: [], files: [path], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop']) {
    await session.send('Input.dispatchDragEvent', { type, x: x + width / 2, y: y + height / 2, data });
  }
}

function inFolder(person, name, content) {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-file-'));
  person.leave(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

async function ailing(person, { vault, scripted }) {
  const cases = {
    down: ['degraded', 'fails at the moment'],
    break: ['ambiguous', 'was interrupted'],
    refuse: ['reauth-required', 'has to be connected again'],
  };
  for (const [turn, [state, words]] of Object.entries(cases)) {
    scripted.account = { sub: turn, email: `${turn}@example.com` };
    const [button, id] = await connected(person, { credentialName: turn });
    const token = await vault.session(person.user);
    scripted.ail(turn);
    await fetch(`${vault.origin}/v1/credentials/${id}/refresh`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    });
    assert.equal((await vault.call('GET', `/v1/credentials/${id}`, token)).state, state);
    await button.evaluate((each) => each.refresh());
    await button.getByText(words).waitFor();
    await person.state(`real-${state}`);
  }
  const selector = await person.fresh('sr-credential-selector', { plugin: 'scripted', label: 'Account' });
  await selector.getByRole('combobox').click();
  for (const words of ['Refresh fails', 'Uncertain', 'Reconnect needed']) await selector.getByText(words).waitFor();
  await person.state('real-selector');
  const list = await person.fresh('sr-credential-list', { plugin: 'scripted', label: 'Accounts' });
  await list.getByRole('button', { name: 'Reconnect refuse' }).click();
  const again = list.getByRole('dialog').getByRole('button', { name: 'Reconnect' });
  const popup = await press(person, again);
  await list.locator('dialog').waitFor({ state: 'detached' });
  await list.getByText('Reconnect needed').waitFor({ state: 'detached' });
  await list.getByRole('button', { name: 'Edit refuse' }).waitFor();
  await until('the window closes', () => popup.isClosed());
  await person.state('real-list');
}

async function partial(person, { scripted }) {
  scripted.granted = 'jobs';
  const [button] = await connected(person);
  await button.getByText('One permission was not granted').waitFor();
  await button.getByText('files', { exact: true }).waitFor();
  await person.state('real-partial');
  scripted.granted = null;
  const popup = await press(person, button.getByRole('button', { name: 'Reconnect' }));
  // During a connection, the element shows no account, and therefore no missing permission.
  await becomes('it is connected again', async () => (await person.events('sr-connect')).length, 2);
  await button.getByText('quinn@example.com').waitFor();
  await button.getByText('One permission was not granted').waitFor({ state: 'detached' });
  await until('the window closes', () => popup.isClosed());
}

async function refused(person, { vault, scripted }) {
  scripted.turns = ['refuse'];
  const button = await person.fresh('sr-oauth-button', { plugin: 'scripted' });
  const popup = await press(person, button.getByRole('button', { name: 'Connect Scripted' }));
  await button.getByText('did not connect the account').waitFor();
  await until('the window closes', () => popup.isClosed());
  await person.state('real-refused');
  assert.deepEqual((await vault.call('GET', '/v1/credentials', await vault.session(person.user))).items, []);
  const second = await press(person, button.getByRole('button', { name: 'Try again' }));
  await button.getByText('quinn@example.com').waitFor();
  await until('the window closes', () => second.isClosed());
}

async function expired(person, { vault }) {
  const button = await person.fresh('sr-oauth-button', { plugin: 'mail' });
  const begun = person.page.waitForRequest(/\/v1\/connections\/conn_/);
  await button.getByRole('button', { name: 'Connect Witness' }).click();
  await button.getByText('Continue in the').waitFor();
  vault.lapse(new URL((await begun).url()).pathname.split('/').at(-1));
  await button.getByText('Nothing was connected in time').waitFor();
  await person.state('connect-expired');
  assert.deepEqual(await person.events('sr-connect-error'), [{ code: 'expired' }]);
}

async function unattended(person, { scripted }) {
  const before = scripted.asked.length;
  const button = await person.fresh('sr-oauth-button', { plugin: 'robot' });
  await button.getByRole('button', { name: 'Connect Robot' }).click();
  await button.getByText('Connected as').waitFor();
  assert.equal(person.context.pages().length, 1);
  assert.deepEqual(grantsSince(scripted, before), ['client_credentials']);
  await person.state('connect-unattended');
}

async function account(person, { vault, scripted, secret }) {
  const form = await person.fresh('sr-credential-form', { plugin: 'accounts' });
  const button = form.locator('sr-oauth-button');
  await button.getByRole('button', { name: 'Connect Accounts' }).click();
  const input = button.getByLabel('Key file of the service account');
  await input.waitFor();
  const hasFocus = () => input.evaluate((each) => each.getRootNode().activeElement === each);
  await becomes('the key file has the focus', hasFocus, true);
  await person.state('connect-key-file');
  await input.fill(`no key ${secret()}`);
  await button.getByRole('button', { name: 'Connect', exact: true }).click();
  await button.getByText('no private key in it').waitFor();
  await becomes('what was wrong is gone', () => input.inputValue(), '');
  await person.state('connect-key-file-wrong');
  const file = keyFile(secret());
  await drop(person, input, inFolder(person, 'account.json', file));
  await button.getByText('Read from the file.').waitFor();
  await becomes('the file is read', () => input.inputValue(), file);
  const before = scripted.asked.length;
  const sending = person.page.waitForRequest(
    (request) => request.url().endsWith('/v1/connections') && request.postDataJSON()?.key_file === file,
  );
  await button.getByRole('button', { name: 'Connect', exact: true }).click();
  await sending;
  await form.getByText('Saved.').waitFor();
  await button.locator('textarea').waitFor({ state: 'detached' });
  assert.deepEqual(grantsSince(scripted, before), ['urn:ietf:params:oauth:grant-type:jwt-bearer']);
  await person.state('connect-key-file-connected');
  const { items } = await vault.call('GET', '/v1/credentials', await vault.session(person.user));
  assert.deepEqual([items.length, JSON.stringify(items).includes('PRIVATE')], [1, false]);
  const bare = await person.fresh('sr-oauth-button', { plugin: 'accounts' });
  await bare.getByRole('button', { name: 'Connect another account' }).click();
  await bare.locator('textarea').fill(secret());
  const left = await bare.evaluate((each) => {
    each.remove();
    return each.shadowRoot.querySelector('textarea').value;
  });
  assert.equal(left, '', 'the element left the page, and what was typed stayed in it');
}

async function drag(person, { secret }) {
  const form = await person.fresh('sr-credential-form', { plugin: 'wide' });
  const input = form.getByRole('textbox', { name: 'Service account' });
  const text = `{"k":"${secret()}"}`;
  await drop(person, input, inFolder(person, 'account.json', text));
  await form.getByText('Read from the file.').waitFor();
  await becomes('the file is read', () => input.inputValue(), text);
  await drop(person, input, inFolder(person, 'large.json', 'x'.repeat(70_000)));
  await form.getByText('too large').waitFor();
  await drop(person, input, inFolder(person, 'binary.json', Buffer.from([0xff, 0xfe, 0])));
  await form.getByText('is not a text').waitFor();
  assert.equal(await input.inputValue(), text);
  await form.getByLabel('Host').fill('db.example.com');
  await form.getByRole('button', { name: 'Save' }).click();
  await form.getByText('Saved.').waitFor();
}

/** The limit is five tests a second for each session. Another client with the same session exhausts it. */
async function many(person, { vault, host }) {
  const made = await vault.save(person.user, 'weather', 'api-key', 'Work', { api_key: 'key-good' });
  const token = await vault.session(person.user, [host.origin]);
  await person.open();
  await person.page.evaluate(
    ([id, given]) => void window.mount('sr-credential-form', { credentialId: id, getSessionToken: async () => given }),
    [made.id, token],
  );
  const form = person.page.locator('sr-credential-form');
  const button = form.getByRole('button', { name: 'Test' });
  await button.waitFor();
  const test = () =>
    fetch(`${vault.origin}/v1/credentials/${made.id}/test`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    });
  let isOver = false;
  const hammer = (async () => {
    while (!isOver) await Promise.all(Array.from({ length: 8 }, test));
  })();
  const tested = () =>
    person.page.waitForResponse(
      (response) => response.request().method() === 'POST' && response.url().endsWith('/test'),
    );
  const tryOnce = async () => {
    const answer = tested();
    await button.click();
    return (await answer).status() === 429;
  };
  await until('it is too much', tryOnce).finally(() => (isOver = true));
  await hammer;
  await form.getByText('Too many requests').waitFor();
  await person.state('form-too-much');
  const { code, retryable } = (await person.events('sr-error')).at(-1);
  assert.deepEqual([code, retryable], ['rate-limited', true]);
  person.forget(({ text }) => text.includes(token));
}

export default {
  'failed refreshes are explained': ailing,
  'partial grant is shown': partial,
  'refused grant connects nothing': refused,
  'expired connection is shown': expired,
  'client credentials connect without a user': unattended,
  'service account connects with a key file': account,
  'dropped file is read': drag,
  'rate limit is shown': many,
};
