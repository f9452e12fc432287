// Tests that concern all four elements: sessions, hostile texts, languages, directions, narrow and dark pages, other
// origins.
import assert from 'node:assert/strict';
import { becomes, until } from './vault.mjs';

const HOSTILE = [
  '<img src=x onerror=window.hit=1>',
  '"><script>window.hit=1</script>',
  "javascript:window.hit=1//'",
  '${window.hit=1}{{7*7}}',
  '<svg/onload=window.hit=1>',
  '\u202Eevil\u2066',
  '&lt;b&gt;&#x3C;',
];

const look = async (person, name) => {
  for (const tag of ['sr-credential-selector', 'sr-credential-list', 'sr-credential-form']) {
    const plugin = tag === 'sr-credential-list' ? '' : 'weather';
    await person.mount(tag, { plugin, label: tag === 'sr-credential-form' ? '' : 'A' });
  }
  await person.mount('sr-oauth-button', { plugin: 'mail' });
  await person.page.waitForFunction(() =>
    [...document.querySelectorAll('#stage > *')].every(
      (each) => each.shadowRoot.querySelector('button, .nothing') && !each.shadowRoot.querySelector('.skeleton'),
    ),
  );
  // The list shows its first rows before all rows are loaded.
  await until('selector and list have loaded', async () => (await person.events('sr-load')).length >= 2);
  await person.state(name);
};

const wide = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

async function narrow(person, { vault }) {
  await vault.save(person.user, 'weather', 'api-key', 'A rather long name that has to wrap somewhere', {
    api_key: 'stored-key',
  });
  await person.open();
  await look(person, 'all-narrow');
  assert((await wide(person.page)) <= 0, 'it scrolls sideways');
}
narrow.options = { viewport: { width: 320, height: 640 } };

async function dark(person, { vault }) {
  await vault.save(person.user, 'weather', 'api-key', 'Work', { api_key: 'stored-key' });
  await person.open();
  await person.page.evaluate(() => document.documentElement.classList.add('dark'));
  await look(person, 'all-dark');
}

async function contrast(person, { vault }) {
  await vault.save(person.user, 'weather', 'api-key', 'Work', { api_key: 'stored-key' });
  await person.open();
  await look(person, 'all-forced-colors');
}
contrast.options = { forcedColors: 'active' };

/** The host's properties and style sheet change the appearance. */
async function dressed(person, { vault }) {
  await vault.save(person.user, 'weather', 'api-key', 'Work', { api_key: 'stored-key' });
  const selector = await person.fresh('sr-credential-selector', { plugin: 'weather', label: 'Account' });
  await selector.locator('#input').waitFor();
  const height = () => selector.locator('#input').evaluate((each) => each.getBoundingClientRect().height);
  const is = (...states) =>
    selector.evaluate((each, all) => all.filter((state) => each.matches(`:state(${state})`)), states);
  const roomy = await height();
  await selector.evaluate((each) => (each.density = 'compact'));
  await selector.evaluate((each) => each.updateComplete);
  assert((await height()) < roomy, 'compact is smaller');
  await becomes('it is closed', () => is('loading', 'failed', 'open', 'invalid'), []);
  await selector.locator('#input').click();
  await selector.getByRole('option').first().waitFor();
  await becomes('it is open', () => is('loading', 'failed', 'open', 'invalid'), ['open']);
  await person.state('all-compact');
  await selector.getByRole('option').first().click();
  await selector.getByRole('listbox').waitFor({ state: 'hidden' });
  await selector.evaluate((each) => each.edit());
  const button = selector.locator('sr-credential-form').getByRole('button', { name: 'Save' });
  await button.waitFor();
  // A button under the mouse has another colour.
  await person.page.mouse.move(0, 0);
  const color = () => button.evaluate((each) => getComputedStyle(each).backgroundColor);
  const before = await color();
  await selector.evaluate((each) => (each.appearance = { colorPrimary: 'rgb(10, 90, 60)', radius: '0' }));
  await selector.evaluate((each) => each.updateComplete);
  assert.equal(await color(), 'rgb(10, 90, 60)', 'also of an element inside');
  await person.state('all-dressed');
  await selector.evaluate((each) => (each.appearance = { radius: '0' }));
  await selector.evaluate((each) => each.updateComplete);
  assert.equal(await color(), before, 'what is taken away is gone');
}

/** Another user signs in without a new page. Elements must not show, save or delete data of the former user. */
async function handed(person, { vault, host, secret }) {
  const theirs = await vault.save(person.user, 'weather', 'api-key', 'Theirs', { api_key: 'stored-key' });
  const next = `${person.user}next`;
  await vault.save(next, 'weather', 'api-key', 'Mine', { api_key: 'stored-key' });
  const form = await person.fresh('sr-credential-form', { plugin: 'weather' });
  const box = form.getByRole('textbox', { name: 'API key' });
  await box.fill(secret());
  const typed = await box.elementHandle();
  const list = await person.mount('sr-credential-list', {});
  await list.getByLabel('Select Theirs').check();
  const selector = await person.mount('sr-credential-selector', {
    plugin: 'weather',
    label: 'Account',
    value: theirs.id,
  });
  await selector.locator('#input').waitFor();
  await person.context.addCookies([{ name: 'user', value: next, url: host.origin }]);
  await person.page.evaluate(() => window.forgetSession(window.session));
  await list.getByText('Mine', { exact: true }).waitFor();
  await becomes('only theirs', () => list.locator('tbody th bdi').allTextContents(), ['Mine']);
  await list.getByText('selected').waitFor({ state: 'detached' });
  await selector.getByText('deleted, or is not yours').waitFor();
  await person.page.waitForFunction((old) => !old.isConnected, typed);
  await box.waitFor();
  assert.equal(await box.inputValue(), '', 'what the user before typed is still there');
  await person.state('all-handed-over');
}

export default {
  'elements fit 320 px': narrow,
  'elements have a dark mode': dark,
  'elements support forced colours': contrast,
  'host styles apply to elements': dressed,
  'new user sees no data of the former user': handed,

  async 'elements are shown in German and Arabic'(person, { vault }) {
    await vault.save(person.user, 'weather', 'api-key', 'Work', { api_key: 'stored-key' });
    await person.open('?lang=de');
    await look(person, 'all-german');
    await person.page.getByRole('button', { name: 'Speichern' }).waitFor();
    await person.open('?lang=ar&dir=rtl');
    await look(person, 'all-arabic');
    await person.page.getByRole('button', { name: 'حفظ' }).waitFor();
    const form = await person.fresh('sr-credential-form', {
      plugin: 'weather',
      messages: { 'form.create': 'Keep it' },
    });
    await form.getByRole('button', { name: 'Keep it' }).waitFor();
  },

  async 'elements share one token'(person) {
    await person.open();
    await look(person, 'all-empty');
    assert.equal(await person.page.evaluate(() => window.asked), 1);
  },

  async 'expired session is renewed'(person, { vault }) {
    const list = await person.fresh('sr-credential-list', {});
    await list.getByText('No credentials yet').waitFor();
    vault.lapseSession(person.user);
    await list.evaluate((each) => each.refresh());
    assert.deepEqual(await person.events('sr-session-expired'), []);
    assert.equal(await person.page.evaluate(() => window.asked), 2);
  },

  async 'ended session is reported and resumed'(person, { host, vault, secret }) {
    // The form requests the taken names last. If the session ended before, that request would renew it.
    const named = person.page.waitForResponse(/\/v1\/credentials\?/);
    const form = await person.fresh('sr-credential-form', { plugin: 'weather' });
    await form.getByLabel('API key', { exact: true }).fill(secret());
    await (await named).finished();
    vault.lapseSession(person.user);
    host.signedOut = true;
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('Your session has ended').waitFor();
    await person.state('form-session-expired');
    assert.equal((await person.events('sr-session-expired')).length, 1);
    host.signedOut = false;
    await form.getByRole('button', { name: 'Try again' }).click();
    await form.getByText('Saved.').waitFor();
  },

  async 'session for another origin is refused'(person, { vault }) {
    await person.open();
    const token = await vault.session(person.user, ['https://other.example.com']);
    await person.page.evaluate(
      (given) => void window.mount('sr-credential-list', { getSessionToken: async () => given }),
      token,
    );
    await person.page.getByText('This is not available at the moment').waitFor();
    person.seen = person.seen.filter(({ text }) => !text.includes(token));
  },

  async 'hostile texts stay text'(person, { vault, host }) {
    const { items: none } = await vault.call('GET', '/v1/credentials', await vault.session(person.user));
    assert.deepEqual(none, []);
    const items = HOSTILE.map((text, at) => ({
      id: `cred_${String(at).padStart(32, '0')}`,
      plugin: 'hostile',
      type: 'api-key',
      name: text,
      account: text,
      cause: text,
      state: at % 2 ? 'degraded' : text,
      settings: { a: text },
      configured: [text],
      scopes: [text],
      revision: 1,
      created_at: text,
      updated_at: text,
      last_used_at: text,
    }));
    const property = (text) => ({
      type: 'string',
      title: text,
      'x-help': text,
      'x-placeholder': text,
      'x-prefix': text,
      'x-suffix': text,
      'x-group': text,
      'x-doc-url': text,
      'x-secret': false,
    });
    const manifest = {
      title: HOSTILE[0],
      description: HOSTILE[1],
      docs_url: HOSTILE[2],
      access: 'read',
      credentials: {
        'api-key': {
          schema: {
            type: 'object',
            properties: Object.fromEntries(HOSTILE.map((text, at) => [at ? `f${at}` : 'a', property(text)])),
          },
        },
      },
    };
    const allow = { 'access-control-allow-origin': host.origin, 'access-control-expose-headers': '*' };
    await person.page.route('**/v1/plugins/*', (route) =>
      route.fulfill({
        json: {
          id: 'p',
          name: 'hostile',
          manifest,
          revision: 1,
          connect: { title: HOSTILE[0], notices: HOSTILE, registered: true },
        },
        headers: allow,
      }),
    );
    await person.page.route('**/v1/credentials?*', (route) => route.fulfill({ json: { items }, headers: allow }));
    await person.page.route('**/v1/credentials', (route) =>
      route.fulfill({
        status: 422,
        json: {
          type: `urn:strongroom:problem:${HOSTILE[0]}`,
          detail: HOSTILE[0],
          instance: HOSTILE[0],
          errors: HOSTILE.map((text) => ({ field: 'a', code: text, message: text })),
        },
        headers: allow,
      }),
    );
    await person.page.route('**/v1/credentials/cred_*', (route) => route.fulfill({ json: items[1], headers: allow }));
    await person.open(
      `?connection=conn_${'b'.repeat(32)}&error=${encodeURIComponent(HOSTILE[0])}&error_description=${encodeURIComponent(HOSTILE[1])}`,
    );
    await person.mount('sr-credential-list', {});
    await person.mount('sr-credential-selector', { plugin: 'hostile', value: items[1].id, label: HOSTILE[0] });
    const form = await person.mount('sr-credential-form', { plugin: 'hostile' });
    await form.getByRole('button', { name: 'Save' }).click();
    // The form's title is hostile too. Only the summary proves that the refusal is drawn.
    await form.locator('#summary').getByText(HOSTILE[0]).first().waitFor();
    await person.page.locator('sr-credential-list tbody tr').nth(6).waitFor();
    await person.page.locator('sr-credential-selector .chosen .banner').waitFor();
    await person.page.locator('sr-credential-list').getByText('did not connect the account').waitFor();
    assert.equal(await person.page.evaluate(() => window.hit), undefined);
    const links = await person.page.evaluate(() =>
      [...document.querySelectorAll('#stage > *')].flatMap((each) =>
        [...each.shadowRoot.querySelectorAll('a')].map(({ href }) => href),
      ),
    );
    assert.deepEqual(links, []);
    const strangers = await person.page.evaluate(() =>
      [...document.querySelectorAll('#stage > *')].reduce(
        (sum, each) => sum + each.shadowRoot.querySelectorAll('img, script, [style]').length,
        0,
      ),
    );
    assert.equal(strangers, 0);
    await person.state('hostile');
  },

  async 'slow network shows placeholders'(person) {
    await person.open();
    let letGo;
    const gate = new Promise((resolve) => (letGo = resolve));
    await person.page.route('**/v1/**', async (route) => {
      await gate;
      await route.continue().catch(() => undefined);
    });
    const form = await person.mount('sr-credential-form', { plugin: 'weather' });
    const list = await person.mount('sr-credential-list', {});
    for (const each of [form, list]) await each.locator('.skeleton').first().waitFor();
    await person.state('all-loading');
    letGo();
    await person.page.getByText('No credentials yet').waitFor();
    await form.getByRole('button', { name: 'Save' }).waitFor();
  },
};
