// What a provider's answers lead to, made real: a grant that is refused, a provider that is down, an answer that breaks off,
// less than was asked for; connections without a person; Too many requests.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './vault.mjs';

async function connected(person, properties = {}) {
  const { scripted } = person.world;
  const button = await person.fresh('sr-oauth-button', { plugin: 'scripted', ...properties });
  await button.getByRole('button', { name: /Connect (Scripted|another account)/ }).click();
  await button.getByText(scripted.account.email).waitFor();
  return [button, await button.evaluate((each) => each.value)];
}

/** The service account's file as it is downloaded. */
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

/** Drops a file as a person does: the browser itself makes the events. */
async function drop(person, input, path) {
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
  await list.getByRole('dialog').getByRole('button', { name: 'Reconnect' }).click();
  await list.getByText('Reconnect needed').waitFor({ state: 'detached' });
  await person.state('real-list');
}

async function partial(person, { scripted }) {
  scripted.granted = 'jobs';
  const [button] = await connected(person);
  await button.getByText('One permission was not granted').waitFor();
  await button.getByText('files', { exact: true }).waitFor();
  await person.state('real-partial');
  scripted.granted = null;
  await button.getByRole('button', { name: 'Reconnect' }).click();
  await button.getByText('One permission was not granted').waitFor({ state: 'detached' });
}

async function refused(person, { vault, scripted }) {
  scripted.turns = ['refuse'];
  const button = await person.fresh('sr-oauth-button', { plugin: 'scripted' });
  const opening = person.context.waitForEvent('page');
  await button.getByRole('button', { name: 'Connect Scripted' }).click();
  const popup = await opening;
  await button.getByText('did not connect the account').waitFor();
  await until('the window closes', () => popup.isClosed());
  await person.state('real-refused');
  assert.deepEqual((await vault.call('GET', '/v1/credentials', await vault.session(person.user))).items, []);
  await button.getByRole('button', { name: 'Try again' }).click();
  await button.getByText('quinn@example.com').waitFor();
}

async function expired(person, { vault }) {
  const button = await person.fresh('sr-oauth-button', { plugin: 'mail' });
  const begun = person.page.waitForRequest(/\/v1\/connections\/conn_/);
  await button.getByRole('button', { name: 'Connect Witness' }).click();
  await button.getByText('Go on in the window').waitFor();
  vault.lapse(new URL((await begun).url()).pathname.split('/').at(-1));
  await button.getByText('Nothing was connected in time').waitFor();
  await person.state('connect-expired');
  assert.deepEqual(await person.events('sr-connect-error'), [{ code: 'expired' }]);
}

async function unattended(person, { scripted }) {
  const button = await person.fresh('sr-oauth-button', { plugin: 'robot' });
  await button.getByRole('button', { name: 'Connect Robot' }).click();
  await button.getByText('Connected as').waitFor();
  assert.equal(person.context.pages().length, 1);
  assert.equal(scripted.asked.at(-1).get('grant_type'), 'client_credentials');
  await person.state('connect-unattended');
}

async function account(person, { vault, scripted, secret }) {
  const form = await person.fresh('sr-credential-form', { plugin: 'accounts' });
  const button = form.locator('sr-oauth-button');
  await button.getByRole('button', { name: 'Connect Accounts' }).click();
  const input = button.getByLabel('Key file of the service account');
  await input.waitFor();
  assert.equal(await input.evaluate((each) => each.getRootNode().activeElement === each), true);
  await person.state('connect-key-file');
  await input.fill(`no key ${secret()}`);
  await button.getByRole('button', { name: 'Connect', exact: true }).click();
  await button.getByText('no private key in it').waitFor();
  assert.equal(await input.inputValue(), '');
  await person.state('connect-key-file-wrong');
  const file = keyFile(secret());
  await drop(person, input, inFolder(person, 'account.json', file));
  await button.getByText('Read from the file.').waitFor();
  assert.equal(await input.inputValue(), file);
  const sending = person.page.waitForRequest(
    (request) => request.url().endsWith('/v1/connections') && request.postDataJSON()?.key_file === file,
  );
  await button.getByRole('button', { name: 'Connect', exact: true }).click();
  await sending;
  await form.getByText('Saved.').waitFor();
  assert.equal(await button.locator('textarea').count(), 0);
  assert.equal(scripted.asked.at(-1).get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer');
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
  await input.scrollIntoViewIfNeeded();
  await drop(person, input, inFolder(person, 'account.json', text));
  await form.getByText('Read from the file.').waitFor();
  assert.equal(await input.inputValue(), text);
  await drop(person, input, inFolder(person, 'large.json', 'x'.repeat(70_000)));
  await form.getByText('too large').waitFor();
  await drop(person, input, inFolder(person, 'binary.json', Buffer.from([0xff, 0xfe, 0])));
  await form.getByText('is not a text').waitFor();
  assert.equal(await input.inputValue(), text);
  await form.getByLabel('Host').fill('db.example.com');
  await form.getByRole('button', { name: 'Save' }).click();
  await form.getByText('Saved.').waitFor();
}

/** Five tests a second are let through for each session; here somebody else with the same one uses them up. */
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
  for (let tries = 0; tries < 20 && !(await form.getByText('Too many requests').isVisible()); tries += 1) {
    await button.click();
    await person.page.waitForTimeout(150);
  }
  isOver = true;
  await hammer;
  await form.getByText('Too many requests').waitFor({ timeout: 1000 });
  await person.state('form-too-much');
  assert.equal((await person.events('sr-error')).at(-1).code, 'rate-limited');
  assert.equal((await person.events('sr-error')).at(-1).retryable, true);
  person.forget(({ text }) => text.includes(token));
}

export default {
  ailing,
  partial,
  refused,
  expired,
  unattended,
  'service account': account,
  drag,
  'Too many requests': many,
};
