// Tests of another user who signs in at the same page during a question, a request, a test or a connection. The next
// user must not see, send or receive anything of the first user.
import assert from 'node:assert/strict';
import { consent, signIn } from './provider.mjs';
import { until } from './vault.mjs';

const items = async (vault, user) => (await vault.call('GET', '/v1/credentials', await vault.session(user))).items;

/** The next user signs in at the page. */
async function handOver(person, host, to) {
  await person.context.addCookies([{ name: 'user', value: to, url: host.origin }]);
  await person.page.evaluate(() => window.forgetSession(window.session));
}

/** Holds the answers of matching requests until `open` is called. */
async function hold(person, address, method) {
  let open;
  const gate = new Promise((resolve) => (open = resolve));
  const held = { count: 0, open };
  await person.page.route(address, async (route) => {
    if (route.request().method() !== method) return route.continue();
    const response = await route.fetch();
    held.count += 1;
    await gate;
    return route.fulfill({ response });
  });
  return held;
}

/** The page's writing requests to the vault from now on. */
function writes(person) {
  const sent = [];
  person.page.on('request', (request) => {
    if (!['GET', 'OPTIONS'].includes(request.method()) && request.url().includes('/v1/')) sent.push(request.method());
  });
  return sent;
}

export default {
  async 'new user closes an open question'(person, { vault, host }) {
    const mine = await vault.save(person.user, 'weather', 'api-key', 'Alices own', { api_key: 'stored-key' });
    const list = await person.fresh('sr-credential-list', { plugin: 'weather' });
    await list.getByRole('button', { name: 'Delete Alices own' }).click();
    await list.getByRole('dialog').waitFor();
    await handOver(person, host, 'next1');
    await list.getByText('No credentials yet').waitFor();
    await list.getByRole('dialog').waitFor({ state: 'detached' });
    assert.deepEqual(await person.events('sr-delete'), []);
    assert.equal((await items(vault, person.user))[0].id, mine.id);
  },

  async 'new user closes a conflict dialog'(person, { vault, host }) {
    const made = await vault.save(person.user, 'weather', 'api-key', 'Own', { api_key: 'stored-key', region: 'one' });
    const form = await person.fresh('sr-credential-form', { plugin: 'weather', credentialId: made.id });
    await form.getByLabel('Region').fill('alices-region');
    await vault.call(
      'PATCH',
      `/v1/credentials/${made.id}`,
      await vault.session(person.user),
      { fields: { region: 'two' } },
      { 'if-match': '*' },
    );
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByRole('dialog').waitFor();
    await handOver(person, host, 'next2');
    await form.getByRole('dialog').waitFor({ state: 'detached' });
  },

  async 'save of the former user is not sent as the new user'(person, { vault, host, secret }) {
    await person.open();
    const tokens = [await vault.session(person.user, [host.origin]), await vault.session('next3', [host.origin])];
    await person.page.evaluate(([mine, theirs]) => {
      window.signIn = Promise.withResolvers();
      window.asked = 0;
      window.source = async () => {
        window.asked += 1;
        if (window.asked === 1) return mine;
        await window.signIn.promise;
        return theirs;
      };
      window.mount('sr-credential-form', { plugin: 'weather', getSessionToken: window.source });
    }, tokens);
    person.forget(({ text }) => tokens.some((token) => text.includes(token)));
    const form = person.page.locator('sr-credential-form');
    await form.getByLabel('API key', { exact: true }).fill(secret());
    await vault.call('DELETE', `/v1/users/${encodeURIComponent(person.user)}/sessions`, vault.hostKey);
    await form.getByRole('button', { name: 'Save' }).click();
    await person.page.waitForFunction(() => window.asked === 2);
    const loaded = person.page.waitForResponse(
      (response) => response.url().includes('/v1/plugins/weather') && response.ok(),
    );
    await person.page.evaluate(() => {
      window.forgetSession(window.source);
      window.signIn.resolve();
    });
    await loaded;
    await person.page.waitForFunction(
      () => document.querySelector('sr-credential-form').shadowRoot.querySelector('#field-api_key')?.value === '',
    );
    assert.deepEqual(await items(vault, 'next3'), [], "the first user's key is the next one's credential");
    person.forget(({ text }) => tokens.some((token) => text.includes(token)));
  },

  async 'new user stops a save after its test'(person, { host, vault, secret }) {
    const form = await person.fresh('sr-credential-form', { plugin: 'weather', testing: 'auto' });
    await form.getByLabel('API key', { exact: true }).fill(secret('-good'));
    const held = await hold(person, '**/v1/credentials/test', 'POST');
    await form.getByRole('button', { name: 'Save' }).click();
    await until('the test is under way', () => held.count);
    await handOver(person, host, 'next4');
    await person.page.waitForFunction(
      () => document.querySelector('sr-credential-form').shadowRoot.querySelector('#field-api_key')?.value === '',
    );
    const sent = writes(person);
    held.open();
    await form.evaluate((each) => each.refresh());
    assert.deepEqual(sent, [], 'a draft of the user before was sent');
    assert.deepEqual(await items(vault, 'next4'), []);
  },

  async 'removed form saves nothing after its test'(person, { vault, secret }) {
    const made = await vault.save(person.user, 'weather', 'api-key', 'Own', { api_key: 'stored-key', region: 'one' });
    const form = await person.fresh('sr-credential-form', {
      plugin: 'weather',
      testing: 'auto',
      credentialId: made.id,
    });
    await form.getByRole('button', { name: 'Replace API key' }).click();
    await form.getByRole('textbox', { name: 'API key' }).fill(secret('-good'));
    await form.getByLabel('Region').fill('two');
    const held = await hold(person, '**/v1/credentials/test', 'POST');
    await form.getByRole('button', { name: 'Save' }).click();
    await until('the test is under way', () => held.count);
    const sent = writes(person);
    await person.page.evaluate(() => document.querySelector('sr-credential-form').remove());
    held.open();
    await person.page.waitForTimeout(500);
    assert.deepEqual(sent, [], 'half of the draft was saved');
  },

  async 'new user gets no account of the former user'(person, { host, scripted, vault }) {
    scripted.account = { sub: 'al', email: 'alice@example.com' };
    const form = await person.fresh('sr-credential-form', { plugin: 'scripted' });
    await form.getByRole('button', { name: 'Connect Scripted' }).waitFor();
    const held = await hold(person, '**/v1/credentials/cred_*', 'GET');
    await form.getByRole('button', { name: 'Connect Scripted' }).click();
    await until('the credential is read', () => held.count);
    await handOver(person, host, 'next5');
    await form.getByRole('button', { name: 'Connect Scripted' }).waitFor();
    held.open();
    await until('it is stored', async () => (await items(vault, person.user)).length);
    await form.evaluate((each) => each.refresh());
    assert.deepEqual(await form.evaluate((each) => [each.credentialId, each.value ?? '']), ['', '']);
    assert.deepEqual(await person.events('sr-save'), []);
    assert.equal(await form.getByText('alice@example.com').count(), 0);
  },

  async 'replaced token function drops the former input'(person, { host, secret, vault }) {
    const form = await person.fresh('sr-credential-form', { plugin: 'weather' });
    await form.getByLabel('API key', { exact: true }).fill(secret());
    await person.context.addCookies([{ name: 'user', value: 'next6', url: host.origin }]);
    await person.page.evaluate(async () => {
      const element = document.querySelector('sr-credential-form');
      element.getSessionToken = () => window.session();
      await element.updateComplete;
      window.forgetSession(window.session);
    });
    await person.page.waitForFunction(
      () => document.querySelector('sr-credential-form').shadowRoot.querySelector('#field-api_key')?.value === '',
    );
    assert.deepEqual(await items(vault, 'next6'), []);
  },

  async 'window that returns to another user connects nothing'(person, { host }) {
    const button = await person.fresh('sr-oauth-button', { plugin: 'mail' });
    const opening = person.context.waitForEvent('page');
    await button.getByRole('button', { name: 'Connect Witness' }).click();
    const popup = await opening;
    await signIn(popup, 'alma');
    await person.context.addCookies([{ name: 'user', value: 'next7', url: host.origin }]);
    await consent(popup);
    // Only the window knows about the failure, so it stays open and shows it.
    await popup.getByText('not there, or not yours').first().waitFor();
    assert(!popup.isClosed());
  },

  async 'two polls report one connection'(person, { scripted }) {
    scripted.account = { sub: 't', email: 'tina@example.com' };
    const button = await person.fresh('sr-oauth-button', { plugin: 'scripted' });
    await button.getByRole('button', { name: 'Connect Scripted' }).click();
    await button.getByText('tina@example.com').waitFor();
    const held = await hold(person, '**/v1/connections/conn_*', 'GET');
    await person.context.route('**/v1/connections/conn_*/complete', async (route) => {
      await until('the first question', () => held.count >= 1);
      await route.continue();
    });
    await button.getByRole('button', { name: 'Reconnect tina@example.com' }).click();
    // The timer's poll, and the poll that the announcement causes.
    await until('two questions', () => held.count >= 2);
    held.open();
    await button.getByRole('button', { name: 'Reconnect tina@example.com' }).waitFor();
    await button.evaluate((each) => each.refresh());
    assert.equal((await person.events('sr-connect')).length, 2, 'one for each connection');
    assert.equal(await button.getByText('was connected already').count(), 0, 'a plain reconnection is no surprise');
  },

  async 'new plugin clears the account'(person, { scripted }) {
    scripted.account = { sub: 'p', email: 'pia@example.com' };
    const button = await person.fresh('sr-oauth-button', { plugin: 'scripted', name: 'account' });
    await button.getByRole('button', { name: 'Connect Scripted' }).click();
    await button.getByText('pia@example.com').waitFor();
    await person.page.evaluate(() => (document.querySelector('sr-oauth-button').plugin = 'mail'));
    await button.getByRole('button', { name: 'Connect Witness' }).waitFor();
    assert.equal(await button.evaluate((each) => each.value), '');
  },

  async 'removed property falls back to its default'(person) {
    for (const name of [
      'scopes',
      'credentialName',
      'flow',
      'appearance',
      'name',
      'messages',
      'returnAddress',
      'app',
      'label',
    ]) {
      const button = await person.fresh('sr-oauth-button', { plugin: 'scripted', appearance: { colorPrimary: 'red' } });
      await button.getByRole('button', { name: 'Connect Scripted' }).waitFor();
      await button.evaluate((each, property) => {
        each[property] = undefined;
        return each.updateComplete;
      }, name);
      const opening = person.context.waitForEvent('page');
      await button.getByRole('button', { name: 'Connect Scripted' }).click();
      await opening;
      await person.page.waitForFunction(() => window.events.some(([type]) => type === 'sr-connect'));
      await button.getByRole('button', { name: /^Disconnect/ }).click();
      await button.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
      await button.getByRole('button', { name: 'Connect Scripted' }).waitFor();
    }
  },

  async 'late save leaves another dialog open'(person, { vault, secret }) {
    const other = await vault.save(person.user, 'weather', 'api-key', 'Other', { api_key: 'stored-key' });
    const list = await person.fresh('sr-credential-list', { plugin: 'weather' });
    const held = await hold(person, '**/v1/credentials', 'POST');
    await list.getByRole('button', { name: 'Create new' }).click();
    await list.getByLabel('API key', { exact: true }).fill(secret());
    await list.getByRole('button', { name: 'Save' }).click();
    await until('the save is under way', () => held.count);
    await list.evaluate((each) => each.shadowRoot.querySelector('#editor').close());
    await list.locator('#editor').waitFor({ state: 'detached' });
    await list.getByRole('button', { name: 'Edit Other' }).click();
    await list.locator('#name').fill('Half typed');
    held.open();
    await until('it is saved', async () => (await items(vault, person.user)).length === 2);
    await list.evaluate((each) => each.refresh());
    assert.equal(await list.locator('#name').inputValue(), 'Half typed');
    assert.equal((await items(vault, person.user)).find(({ id }) => id === other.id).name, 'Other');
  },

  async 'new draft after a lost answer creates a second credential'(person, { vault, secret }) {
    const form = await person.fresh('sr-credential-form', { plugin: 'weather' });
    await form.getByLabel('API key', { exact: true }).fill(secret());
    let lost = 0;
    await person.page.route('**/v1/credentials', async (route) => {
      if (route.request().method() !== 'POST' || lost++) return route.continue();
      await route.fetch();
      return route.abort();
    });
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('cannot be reached').waitFor();
    await form.evaluate((each) => each.reset());
    await form.locator('#name').fill('Second');
    await form.getByLabel('API key', { exact: true }).fill(secret());
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('Saved.').waitFor();
    assert.equal((await items(vault, person.user)).length, 2);
  },

  async 'reload keeps the input'(person, { vault }) {
    const made = await vault.save(person.user, 'weather', 'api-key', 'Own', { api_key: 'stored-key', region: 'one' });
    const form = await person.fresh('sr-credential-form', { plugin: 'weather', credentialId: made.id });
    await form.getByLabel('Region').fill('half typed');
    await vault.call(
      'PATCH',
      `/v1/credentials/${made.id}`,
      await vault.session(person.user),
      { fields: { note: 'n' } },
      { 'if-match': '*' },
    );
    await form.evaluate((each) => each.refresh());
    assert.equal(await form.getByLabel('Region').inputValue(), 'half typed');
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByRole('dialog').getByRole('button', { name: 'Save this' }).click();
    await form.getByText('Saved.').waitFor();
  },
};
