// Tests of <sr-oauth-button> with a third-party provider: each way a connection can end.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { clickAway, consent, refuse, signIn } from './provider.mjs';
import { until } from './vault.mjs';

/** Clicks, and returns the window that opens. */
async function press(person, button, name = /Connect Witness/) {
  const opening = person.context.waitForEvent('page');
  await button.getByRole('button', { name }).click();
  return opening;
}

async function connectAs(person, button, login, name) {
  const popup = await press(person, button, name);
  await signIn(popup, login);
  await consent(popup);
  await button.getByText(`${login}@example.com`).waitFor();
  return popup;
}

/** Another user signs in at the same page. */
async function handOver(person, host) {
  await person.context.addCookies([{ name: 'user', value: `${person.user}next`, url: host.origin }]);
  await person.page.evaluate(() => window.forgetSession(window.session));
}

/** From now on, each page records the addresses whose answers its elements have read. */
function notingAnswers(person) {
  return person.context.addInitScript(() => {
    const read = Response.prototype.text;
    window.answered = [];
    Response.prototype.text = async function text() {
      const said = await read.call(this);
      // After the microtasks of the reader.
      setTimeout(() => window.answered.push(this.url));
      return said;
    };
  });
}

const isAnswered = (page, end) =>
  page.waitForFunction((wanted) => window.answered.some((url) => url.endsWith(wanted)), end);

/** A bounded wait. A faulty element would show its fault within this time. */
const asLongAsItMayTake = () => sleep(300);

export default {
  async 'popup connects an account'(person, { vault }) {
    const button = await person.fresh('sr-oauth-button', { plugin: 'mail' });
    await button.getByRole('button', { name: 'Connect Witness' }).waitFor();
    await person.state('connect-idle');
    const popup = await press(person, button);
    await button.getByText('Continue in the').waitFor();
    await person.state('connect-waiting');
    await signIn(popup, 'alice');
    await consent(popup);
    await button.getByText('alice@example.com').waitFor();
    await until('the window closes', () => popup.isClosed());
    assert.equal(await button.evaluate((each) => each.value.startsWith('cred_')), true);
    const [detail] = await person.events('sr-connect');
    assert.deepEqual([detail.account, detail.scopes.includes('jobs')], ['alice@example.com', true]);
    await person.state('connect-connected');
    assert.equal((await vault.call('GET', '/v1/credentials', await vault.session(person.user))).items.length, 1);
  },

  async 'popup with an opener policy connects'(person, { provider }) {
    provider.policy = 'same-origin';
    const button = await person.fresh('sr-oauth-button', { plugin: 'mail' });
    const popup = await press(person, button);
    await button.getByText('cannot reach it any more').waitFor();
    await person.state('connect-severed');
    await signIn(popup, 'carol');
    await consent(popup);
    await button.getByText('carol@example.com').waitFor();
    await until(
      'the window closes or says that it may be',
      async () =>
        popup.isClosed() ||
        popup
          .getByText('You can close this window')
          .isVisible()
          .catch(() => false),
    );
  },

  async 'denied consent is shown'(person) {
    const button = await person.fresh('sr-oauth-button', { plugin: 'mail' });
    const popup = await press(person, button);
    await refuse(popup);
    await button.getByText('consent was not given').waitFor();
    await until('the window closes', () => popup.isClosed());
    await person.state('connect-denied');
    assert.deepEqual(await person.events('sr-connect-error'), [{ code: 'denied' }]);
    await button.getByRole('button', { name: 'Cancel' }).click();
    await button.getByRole('button', { name: 'Connect Witness' }).waitFor();
  },

  /** The page polls the vault, so it can know the end while the window is still returning. */
  async 'denied consent is shown before the window returns'(person, { host }) {
    const button = await person.fresh('sr-oauth-button', { plugin: 'mail' });
    const popup = await press(person, button);
    let letReturn;
    host.returning = new Promise((resolve) => (letReturn = resolve));
    const refusing = refuse(popup);
    await button.getByText('consent was not given').waitFor();
    letReturn();
    await refusing;
    await until('the window closes', () => popup.isClosed());
  },

  async 'denied consent is shown in this tab'(person) {
    const button = await person.fresh('sr-oauth-button', { plugin: 'mail', flow: 'redirect' });
    await button.getByRole('button', { name: 'Connect Witness' }).click();
    await refuse(person.page);
    await person.page.waitForURL('**/return');
    await person.page.getByText('consent was not given').waitFor();
    assert.equal(new URL(person.page.url()).search, '');
    await person.page.getByRole('button', { name: 'Connect Witness' }).waitFor();
    await person.state('connect-denied-window');
  },

  async 'closed window can be opened again'(person, { vault }) {
    const button = await person.fresh('sr-oauth-button', { plugin: 'mail' });
    const popup = await press(person, button);
    await popup.waitForURL(/localhost/);
    await popup.close();
    await button.getByText('The window was closed').waitFor();
    await person.state('connect-closed');
    await connectAs(person, button, 'dora', /Open again/);
    assert.equal((await vault.call('GET', '/v1/credentials', await vault.session(person.user))).items.length, 1);
  },

  async 'cancelled connection is no error'(person) {
    const button = await person.fresh('sr-oauth-button', { plugin: 'mail' });
    const popup = await press(person, button);
    await button.getByText('Continue in the').waitFor();
    await popup.waitForSelector('input[name=login]');
    assert.equal(await popup.evaluate(() => window.opener), null);
    await button.getByRole('button', { name: 'Cancel' }).click();
    await button.getByRole('button', { name: 'Connect Witness' }).waitFor();
    assert.deepEqual(await person.events('sr-connect-error'), []);
  },

  async 'blocked popup continues in this tab'(person) {
    await person.open();
    await person.page.evaluate(() => (window.open = () => null));
    const button = await person.mount('sr-oauth-button', { plugin: 'mail' });
    await button.getByRole('button', { name: 'Connect Witness' }).click();
    await button.getByText('blocked the window').waitFor();
    await person.state('connect-blocked');
    await button.getByRole('button', { name: 'Continue in this tab' }).click();
    await signIn(person.page, 'erik');
    await consent(person.page);
    await person.page.waitForURL('**/return');
    await person.page.getByText('erik@example.com').waitFor();
    await person.state('connect-same-tab');
  },

  /** The return page may receive the account before the plugin. */
  async 'account that arrives before the plugin is shown'(person) {
    const button = await person.fresh('sr-oauth-button', { plugin: 'mail', flow: 'redirect' });
    await button.getByRole('button', { name: 'Connect Witness' }).waitFor();
    await person.page.route('**/v1/plugins/mail', async (route) => {
      await until('the account is connected', async () => (await person.events('sr-connect')).length);
      await route.continue();
    });
    await button.getByRole('button', { name: 'Connect Witness' }).click();
    await signIn(person.page, 'klara');
    await consent(person.page);
    await person.page.waitForURL('**/return');
    await person.page.getByRole('button', { name: 'Disconnect' }).waitFor();
    await person.page.getByText('klara@example.com').waitFor();
    await person.page.getByRole('button', { name: 'Connect another account' }).waitFor();
  },

  async 'new user during completion sees no account'(person, { host }) {
    await notingAnswers(person);
    const button = await person.fresh('sr-oauth-button', { plugin: 'mail', flow: 'redirect' });
    await button.getByRole('button', { name: 'Connect Witness' }).click();
    await person.page.route('**/complete', async (route) => {
      await handOver(person, host);
      await route.continue();
    });
    const answered = person.page.waitForResponse((response) => response.url().endsWith('/complete') && response.ok());
    await signIn(person.page, 'lena');
    await consent(person.page);
    await answered;
    await person.page.getByRole('button', { name: 'Connect Witness' }).waitFor();
    await isAnswered(person.page, '/complete');
    await asLongAsItMayTake();
    assert.deepEqual(await person.events('sr-connect'), []);
    assert.equal(await person.page.getByText('lena@example.com').count(), 0);
  },

  async 'new user during loading sees no account'(person, { host }) {
    const button = await person.fresh('sr-oauth-button', { plugin: 'mail' });
    await connectAs(person, button, 'mona');
    await person.page.evaluate(() => {
      const [real, gate] = [window.fetch, new Promise((resolve) => (window.letGo = resolve))];
      const element = document.querySelector('sr-oauth-button');
      element.credentialId = element.value;
      window.fetch = async (...request) => {
        const answer = await real(...request);
        if (window.held || !String(request[0]).includes('/plugins/')) return answer;
        window.held = true;
        const text = answer.text.bind(answer);
        answer.text = () => gate.then(text).finally(() => setTimeout(() => (window.released = true)));
        return answer;
      };
    });
    await person.page.waitForFunction(() => window.held);
    await handOver(person, host);
    await person.page.evaluate(() => {
      document.querySelector('sr-oauth-button').credentialId = '';
      window.letGo();
    });
    await button.getByRole('button', { name: 'Connect Witness' }).waitFor();
    await person.page.waitForFunction(() => window.released);
    await asLongAsItMayTake();
    assert.equal(await button.getByText('mona@example.com').count(), 0);
  },

  async 'new user during disconnection gets no event'(person, { host }) {
    await notingAnswers(person);
    const button = await person.fresh('sr-oauth-button', { plugin: 'mail' });
    await connectAs(person, button, 'nora');
    await person.page.route('**/v1/credentials/cred_*', async (route) => {
      if (route.request().method() === 'DELETE') await handOver(person, host);
      await route.continue();
    });
    const deleted = person.page.waitForResponse((response) => response.request().method() === 'DELETE');
    await button.getByRole('button', { name: 'Disconnect' }).click();
    // The credential was read from the same address.
    await person.page.evaluate(() => void (window.answered = []));
    await button.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    const { pathname } = new URL((await deleted).url());
    await button.getByRole('button', { name: 'Connect Witness' }).waitFor();
    await isAnswered(person.page, pathname);
    await asLongAsItMayTake();
    assert.deepEqual(await person.events('sr-disconnect'), []);
  },

  async 'connections in two tabs are independent'(person) {
    const first = await person.fresh('sr-oauth-button', { plugin: 'mail', credentialName: 'First' });
    const tab = await person.context.newPage();
    await tab.goto(`${person.world.host.origin}/`);
    await tab.waitForFunction(() => window.mount);
    await tab.evaluate(() => void window.mount('sr-oauth-button', { plugin: 'mail', credentialName: 'Second' }));
    const second = tab.locator('sr-oauth-button');
    const one = await press(person, first);
    const two = await press(person, second);
    await signIn(two, 'second');
    await consent(two);
    await second.getByText('second@example.com').waitFor();
    await first.getByText(/Continue in the/).waitFor();
    // The window is still at the sign-in, because an empty form is not submitted.
    await one.waitForSelector('input[name=login]');
    await consent(one);
    await one.close();
    await first.getByText('The window was closed').waitFor();
  },

  async 'device code connects an account'(person) {
    const button = await person.fresh('sr-oauth-button', { plugin: 'mail', flow: 'device' });
    await button.getByRole('button', { name: 'Connect Witness' }).click();
    const code = await button.locator('.code').textContent();
    const address = await button.getByRole('link').getAttribute('href');
    await person.state('connect-device');
    const beside = await person.world.browser.newContext();
    person.leave(() => beside.close());
    const other = await beside.newPage();
    await other.goto(address);
    await other.fill('input[name=user_code]', code);
    await other.click('button[type=submit]');
    await other.locator('form[id="op.deviceConfirmForm"]').waitFor({ state: 'attached' });
    await other.click('button[autofocus]');
    await signIn(other, 'frida');
    await consent(other);
    await button.getByText('frida@example.com').waitFor({ timeout: 30_000 });
  },

  async 'unregistered provider is reported'(person) {
    const button = await person.fresh('sr-oauth-button', { plugin: 'unset' });
    await button.getByText('is not set up yet').waitFor();
    await person.state('connect-unregistered');
  },

  async 'reconnection refuses another account'(person, { vault }) {
    const button = await person.fresh('sr-oauth-button', { plugin: 'mail' });
    await connectAs(person, button, 'gerda');
    const id = await button.evaluate((each) => each.value);
    await person.context.clearCookies({ name: /^_/ });
    const popup = await press(person, button, /Reconnect/);
    await signIn(popup, 'mallory');
    await consent(popup);
    await button.getByText('That was another account').waitFor();
    assert.equal(await button.evaluate((each) => each.value), id);
    await until('the window closes', () => popup.isClosed());
    await person.state('connect-other-account');
    await button.evaluate((each) => each.cancel());
    await button.getByRole('button', { name: 'Disconnect' }).click();
    await button.getByRole('dialog').waitFor();
    await person.state('connect-disconnecting');
    await button.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await button.getByRole('button', { name: 'Connect Witness' }).waitFor();
    assert.equal((await vault.call('GET', '/v1/credentials', await vault.session(person.user))).items.length, 0);
  },

  async 'faulty credentials are explained'(person) {
    const made = {
      id: `cred_${'0'.repeat(32)}`,
      plugin: 'mail',
      type: 'oauth2',
      name: 'Work',
      account: 'heidi@example.com',
      settings: {},
      configured: [],
      scopes: ['jobs'],
      revision: 1,
      created_at: '2026-01-01T00:00:00Z',
      updated_at: '2026-01-01T00:00:00Z',
    };
    const cases = {
      'reauth-required': { state: 'reauth-required', cause: 'invalid_grant' },
      degraded: { state: 'degraded', cause: 'http-503' },
      ambiguous: { state: 'ambiguous' },
      ending: {
        state: 'active',
        cause: 'grant-ends-soon',
        grant_expires_at: new Date(Date.now() + 3 * 86_400_000).toISOString(),
      },
    };
    let now = {};
    await person.page.route('**/v1/credentials/cred_0*', (route) =>
      route.fulfill({
        json: { ...made, ...now },
        headers: { 'access-control-allow-origin': person.world.host.origin },
      }),
    );
    for (const [name, state] of Object.entries(cases)) {
      now = state;
      const button = await person.fresh('sr-oauth-button', { credentialId: made.id });
      await button.getByText('One permission was not granted').waitFor();
      await person.state(`connect-${name}`);
    }
    const off = await person.fresh('sr-oauth-button', { plugin: 'mail', disabled: true });
    await off.getByRole('button', { name: 'Connect Witness', disabled: true }).waitFor();
    await person.state('connect-disabled');
  },

  async 'connection survives a lost network and session'(person, { host }) {
    const button = await person.fresh('sr-oauth-button', { plugin: 'mail' });
    const popup = await press(person, button);
    await signIn(popup, 'ines');
    await person.page.route('**/v1/connections/*', (route) => route.abort());
    await button.getByText('cannot be reached').waitFor();
    await person.state('connect-offline');
    await person.page.unroute('**/v1/connections/*');
    host.signedOut = true;
    await consent(popup);
    await popup.getByText('This is not available at the moment').first().waitFor();
    await person.state('connect-session-expired', popup);
    host.signedOut = false;
    await clickAway(popup, popup.getByRole('button', { name: 'Try again' }).first());
    await button.getByText('ines@example.com').waitFor();
  },

  async 'provider failure is shown'(person) {
    await person.open(`?connection=conn_${'a'.repeat(32)}&error=server_error&error_description=%3Cimg%20src=x%3E`);
    const button = await person.mount('sr-oauth-button', { plugin: 'mail' });
    await button.getByText('The provider has a fault').waitFor();
    assert.equal(new URL(person.page.url()).search, '');
    await person.state('connect-failed');
    await person.open(`?connection=conn_${'a'.repeat(32)}&code=nonsense`);
    const other = await person.mount('sr-oauth-button', { plugin: 'mail' });
    await other.getByText('not there, or not yours').waitFor();
    await person.state('connect-unknown');
  },
};
