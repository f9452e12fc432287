// Tests of mistakes of a page's developer. The console shows each once, with the attribute, its value and the remedy.
// Users get neutral texts.
import assert from 'node:assert/strict';
import { until } from './vault.mjs';

const NEUTRAL = 'This is not available at the moment';
const BLAMING = /session|sign in|not yours|operator|origin/i;

/** The warnings of the elements, when there is one. */
async function warnings(person) {
  const found = () =>
    person.seen.filter(({ what, text }) => what === 'console' && /^<sr-/.test(text)).map(({ text }) => text);
  await until('a warning', () => found().length);
  return found();
}

/** Exactly one warning with these words, and a neutral text for users. */
async function warned(person, element, ...words) {
  await element.getByText(NEUTRAL).waitFor();
  const all = await warnings(person);
  assert.equal(all.length, 1, all.join('\n'));
  for (const word of words) assert(all[0].includes(word), `${word} is not in: ${all[0]}`);
  const text = await element.evaluate(({ shadowRoot }) =>
    [...shadowRoot.querySelectorAll('[role=alert]')].map((each) => each.textContent).join(),
  );
  assert.doesNotMatch(text, BLAMING);
  await element.evaluate((each) => each.refresh());
  await element.getByText(NEUTRAL).waitFor();
  assert.equal((await warnings(person)).length, 1, 'it was said twice');
}

/** Mounts an element whose session is this text, and removes the text from what the canary checks examine. */
async function withToken(person, token, properties = {}) {
  await person.open();
  await person.page.evaluate(
    ([given, more]) => void window.mount('sr-credential-list', { getSessionToken: async () => given, ...more }),
    [token, properties],
  );
  person.forget(({ text }) => text.includes(token));
  return person.page.locator('sr-credential-list');
}

export default {
  async 'unknown plugin is reported'(person) {
    for (const tag of ['sr-oauth-button', 'sr-credential-form', 'sr-credential-selector', 'sr-credential-list']) {
      const element = await person.fresh(tag, { plugin: 'wether' });
      await warned(person, element, `<${tag}>`, 'plugin: wether', 'strongroom plugin list');
      if (tag === 'sr-credential-form') await person.state('mistake-plugin');
      person.forget(({ what }) => what === 'console');
    }
  },

  async 'missing plugin is reported'(person) {
    const element = await person.fresh('sr-oauth-button', {});
    await warned(person, element, 'plugin: not set');
  },

  async 'endpoint that the policy forbids is reported'(person) {
    const element = await person.fresh('sr-credential-list', { endpoint: 'http://127.0.0.1:9/' });
    await element.getByText(/cannot be reached|not available/).waitFor();
    const [said] = await warnings(person);
    for (const word of ['endpoint: http://127.0.0.1:9/', 'connect-src']) assert(said.includes(word), said);
    // The page's policy refuses the address too, and the browser reports that.
    person.forget(({ what }) => what === 'console');
  },

  async 'endpoint that is no URL is reported'(person) {
    const element = await person.fresh('sr-credential-list', { endpoint: 'http://:::' });
    await element.getByText(NEUTRAL).waitFor();
    assert.match((await warnings(person)).join(), /endpoint: http:\/\/:::.*such as https:/);
  },

  async 'endpoint that is no vault is reported'(person, { host }) {
    const element = await person.fresh('sr-credential-list', { endpoint: host.origin });
    await warned(person, element, `endpoint: ${host.origin}/`, 'is not a vault');
  },

  async 'missing token function is reported'(person) {
    await person.open();
    await person.page.evaluate(() => {
      const element = window.mount('sr-oauth-button', { plugin: 'mail', getSessionToken: undefined });
      element.setAttribute('get-session-token', 'session');
    });
    const element = person.page.locator('sr-oauth-button');
    await element.getByText(NEUTRAL).waitFor();
    const all = await warnings(person);
    assert.equal(all.length, 1, all.join('\n'));
    assert.match(all[0], /getSessionToken: given as the attribute "get-session-token"/);
    await element.evaluate((each) => (each.getSessionToken = window.session));
    await element.getByRole('button', { name: 'Connect Witness' }).waitFor();
  },

  async 'failing token function is reported'(person) {
    await person.open();
    for (const [kind, words] of [
      ['throws', 'failed with TypeError'],
      ['nothing', 'returned undefined'],
      ['object', 'returned object'],
    ]) {
      await person.page.evaluate((how) => {
        const sources = {
          throws: async () => {
            throw new TypeError('srs_not_to_be_quoted');
          },
          nothing: async () => undefined,
          object: async () => ({ token: 'x' }),
        };
        document.querySelector('#stage').replaceChildren();
        window.mount('sr-credential-list', { getSessionToken: sources[how] });
      }, kind);
      await warned(person, person.page.locator('sr-credential-list'), 'getSessionToken', words, 'POST /v1/sessions');
      person.forget(({ what }) => what === 'console');
    }
  },

  async 'refused token is reported'(person) {
    const element = await withToken(person, `srs_${'a'.repeat(52)}`);
    await warned(person, element, 'getSessionToken', 'the vault refused');
    person.forget(({ what, text }) => what === 'console' && /401/.test(text));
  },

  async 'host key is reported'(person, { vault }) {
    const element = await withToken(person, vault.hostKey, { plugin: 'weather' });
    await element.getByText(NEUTRAL).waitFor();
    assert.match(
      (await warnings(person)).join(),
      /getSessionToken: a (token that is not a user's session|session that is not for pages)/,
    );
  },

  async 'origin that the session does not name is reported'(person, { vault, host }) {
    const element = await withToken(person, await vault.session(person.user, ['https://other.example.com']));
    await warned(person, element, 'not for pages of this origin', host.origin, 'origins');
  },

  async 'return address of another origin is reported'(person, { vault }) {
    const { manifest } = await vault.call('GET', '/v1/plugins/mail', vault.hostKey);
    await vault.plugin('elsewhere', { ...manifest, return_addresses: ['https://other.example.com/return'] });
    const element = await person.fresh('sr-oauth-button', { plugin: 'elsewhere' });
    await element.getByText('The connection ends at https://other.example.com/return').waitFor();
    await person.state('mistake-return-address');
    const [said] = await warnings(person);
    for (const word of ['return-address', 'https://other.example.com/return', 'another origin'])
      assert(said.includes(word), said);
    const own = await person.fresh('sr-oauth-button', { plugin: 'mail' });
    await own.getByRole('button', { name: 'Connect Witness' }).waitFor();
    assert.equal(await own.getByText('The connection ends at').count(), 0);
  },

  async 'return address outside the manifest is reported'(person, { host }) {
    const element = await person.fresh('sr-oauth-button', { plugin: 'mail', returnAddress: `${host.origin}/nowhere` });
    await element.getByRole('button', { name: 'Connect Witness' }).waitFor();
    assert.match((await warnings(person)).join(), /return-address: .*\/nowhere.*exactly as it is written/);
  },

  async 'correct page causes no warning'(person) {
    await person.open();
    for (const tag of ['sr-credential-form', 'sr-credential-selector', 'sr-credential-list', 'sr-oauth-button']) {
      await person.mount(tag, { plugin: 'mail', label: 'A' });
    }
    await person.page.waitForFunction(() =>
      [...document.querySelectorAll('#stage > *')].every(
        ({ shadowRoot }) => shadowRoot.querySelector('button') && !shadowRoot.querySelector('.skeleton'),
      ),
    );
    // Longer than an element waits for its function.
    await person.page.waitForTimeout(3500);
    assert.deepEqual(
      person.seen.filter(({ what }) => what === 'console'),
      [],
    );
  },
};
