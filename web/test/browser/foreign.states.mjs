// Tests of pages of other origins. The victim is signed in at the host and, as an operator, at the vault's console.
// Each attack has a control: the same request of the right page works.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { consent, signIn } from './provider.mjs';
import { sendFetches, startStranger, submitForms } from './stranger.mjs';
import { until } from './vault.mjs';

async function stranger(person) {
  const made = await startStranger();
  person.leave(() => made.end());
  return made.origins;
}

/** All objects of the vault that a request could change. */
async function snapshot(vault, user) {
  const host = (path) => vault.call('GET', path, vault.hostKey);
  const token = await vault.session(user);
  const seen = await Promise.all([
    ...['/v1/plugins?limit=200', '/v1/users?limit=200', '/v1/host-keys', '/v1/oauth-apps'].map(host),
    vault.call('GET', '/v1/credentials', token),
  ]);
  return JSON.stringify(seen);
}

/** Sets the console's operator cookie, as a link of `strongroom console link` does. */
async function signInAtConsole(person, vault) {
  const { link } = await vault.cli(['console', 'link']);
  const headers = { 'content-type': 'application/json', origin: vault.origin };
  const body = JSON.stringify({ link: link.split('#sign-in=')[1] });
  const answer = await fetch(`${vault.origin}/v1/console/sign-in`, { method: 'POST', headers, body });
  assert.equal(answer.status, 204);
  const [name, value] = answer.headers.get('set-cookie').split(';')[0].split('=');
  for (const part of ['; Secure', '; HttpOnly', '; SameSite=Strict'])
    assert(answer.headers.get('set-cookie').includes(part), part);
  // Browsers treat 127.0.0.1 as secure. The tool that sets the cookie does not.
  await person.context.addCookies([
    { name, value, url: vault.origin.replace('http:', 'https:'), secure: true, httpOnly: true, sameSite: 'Strict' },
  ]);
}

/** The running requests of a page. */
function underWay(page) {
  const open = new Set();
  page.on('request', (request) => open.add(request));
  for (const end of ['requestfinished', 'requestfailed']) page.on(end, (request) => open.delete(request));
  return open;
}

/** A navigation from the address bar sends the cookie. */
const isOperator = async (person, vault) => (await person.page.goto(`${vault.origin}/v1/users`)).status() === 200;

async function forged(person, { vault, provider }) {
  const made = await vault.save(person.user, 'weather', 'api-key', 'Precious', { api_key: 'stored-key' });
  await signInAtConsole(person, vault);
  assert(await isOperator(person, vault), 'the control: the cookie works at the vault itself');
  const manifest = {
    title: 'Evil',
    access: 'read',
    credentials: { 'api-key': { schema: { type: 'object', properties: {} } } },
  };
  const posts = [
    ['/v1/sessions', { user_id: person.user, origins: ['http://evil.example'] }],
    ['/v1/credentials', { plugin: 'weather', type: 'api-key', name: 'Forged', fields: { api_key: 'forged-key' } }],
    ['/v1/connections', { plugin: 'mail', name: 'Forged' }],
    ['/v1/host-keys', { label: 'forged' }],
    ['/v1/plugins/weather/keys', { label: 'forged' }],
    ['/v1/oauth-apps', { provider: 'witness', client_id: 'forged' }],
    ['/v1/console/sign-in', { link: 'a'.repeat(40) }],
    [`/v1/credentials/${made.id}/test`, {}],
    [`/api/auth/oauth/callback/app_${'0'.repeat(32)}`, { code: 'forged', state: 'forged' }],
  ].map(([path, body]) => [vault.origin + path, body]);
  const others = [
    ['GET', '/v1/credentials'],
    ['GET', '/v1/users'],
    ['GET', '/v1/console'],
    ['GET', `/v1/credentials/${made.id}`],
    ['GET', `/v1/credentials/${made.id}/secret?user_id=${person.user}`],
    ['GET', `/api/auth/oauth/callback/app_${'0'.repeat(32)}?code=forged&state=forged`],
    ['PATCH', `/v1/credentials/${made.id}`, { name: 'Forged' }],
    ['DELETE', `/v1/credentials/${made.id}`],
    ['DELETE', '/v1/console/all'],
    ['PUT', '/v1/plugins/evil', manifest],
  ].map(([method, path, body]) => [method, vault.origin + path, body]);
  const before = await snapshot(vault, person.user);
  const open = underWay(person.page);
  for (const origin of await stranger(person)) {
    await person.page.goto(origin);
    const seen = [];
    const watch = (response) =>
      response.url().startsWith(vault.origin) && seen.push([response.request().method(), response.status()]);
    person.page.on('response', watch);
    await submitForms(person.page, posts);
    const hasEach = () => seen.filter(([method]) => method === 'POST').length >= posts.length * 3;
    await until('the forms arrive', hasEach);
    const answers = await sendFetches(person.page, [
      ...posts.map(([address, body]) => ['POST', address, body]),
      ...others,
    ]);
    await until('all is answered', () => open.size === 0);
    person.page.off('response', watch);
    assert.deepEqual(
      seen.filter(([method, status]) => method !== 'OPTIONS' && status < 400),
      [],
      'something was done',
    );
    for (const { text, type, ...asked } of answers) {
      assert(
        !/Precious|cred_|srs_|srh_|stored-key|"items"/.test(text) && !text.includes(provider.secret),
        `${JSON.stringify(asked)}: ${text}`,
      );
      if (type === 'cors') assert(asked.status >= 400, JSON.stringify(asked));
    }
  }
  assert.equal(await snapshot(vault, person.user), before);
  assert(await isOperator(person, vault), 'the control: still signed in');
  person.forget(({ what }) => what === 'console');
}

async function elsewhere(person, { vault, host }) {
  const made = await vault.save(person.user, 'weather', 'api-key', 'Precious', { api_key: 'stored-key' });
  const token = await vault.session(person.user, [host.origin]);
  const asks = [
    ['GET', '/v1/credentials'],
    ['GET', `/v1/credentials/${made.id}`],
    ['GET', '/v1/plugins/weather'],
    ['GET', '/v1/plugins/no-such-plugin'],
    [
      'POST',
      '/v1/credentials',
      { plugin: 'weather', type: 'api-key', name: 'Forged', fields: { api_key: 'forged-key' } },
    ],
    ['POST', '/v1/connections', { plugin: 'mail', name: 'Forged' }],
    ['PATCH', `/v1/credentials/${made.id}`, { name: 'Forged' }],
    ['DELETE', `/v1/credentials/${made.id}`],
    ['DELETE', '/v1/sessions/current'],
  ].map(([method, path, body]) => [method, vault.origin + path, body]);
  const before = await snapshot(vault, person.user);
  for (const origin of await stranger(person)) {
    await person.page.goto(origin);
    const answers = (await sendFetches(person.page, asks, token)).filter(({ mode }) => mode === 'cors');
    for (const { status, type, text, method, address, credentials } of answers) {
      if (type === 'refused') {
        assert.equal(credentials, 'include', `${method} ${address}`);
        continue;
      }
      const { type: slug, detail, instance, status: said, title, ...rest } = JSON.parse(text);
      assert.deepEqual(
        [status, slug, said, rest],
        [403, 'urn:strongroom:problem:origin-unknown', 403, {}],
        `${method} ${address}`,
      );
      assert(!/Precious|cred_|weather/.test(`${detail} ${instance} ${title}`));
    }
    assert(answers.filter(({ status }) => status === 403).length >= asks.length * 2);
  }
  assert.equal(await snapshot(vault, person.user), before);
  await person.open();
  const own = await sendFetches(person.page, asks.slice(0, 3), token);
  assert.deepEqual(
    [
      ...new Set(
        own.filter(({ mode, credentials }) => mode === 'cors' && credentials === 'omit').map(({ status }) => status),
      ),
    ],
    [200],
    'the control',
  );
  person.forget(({ text }) => text.includes(token) || /blocked by CORS|Failed to load resource/.test(text));
}

async function framing(person, { vault }) {
  const [origin] = await stranger(person);
  const paths = [
    '/',
    `/connect/${'a'.repeat(43)}`,
    `/api/auth/oauth/callback/app_${'0'.repeat(32)}?code=a&state=b`,
    '/console/callback?state=a&code=b',
    '/v1/openapi.json',
  ];
  await person.page.goto(origin);
  const show = (address, tag) =>
    person.page.evaluate(
      async ([to, name]) => {
        const frame = document.createElement(name);
        frame[name === 'object' ? 'data' : 'src'] = to;
        document.body.append(frame);
        await new Promise((resolve) => {
          for (const end of ['load', 'error']) frame.addEventListener(end, resolve);
          setTimeout(resolve, 2000);
        });
      },
      [address, tag],
    );
  await show(`${origin}/control`, 'iframe');
  await until('the control', () => person.page.frames().some((frame) => frame.url() === `${origin}/control`));
  const tags = ['iframe', 'embed', 'object'];
  let answers = 0;
  person.page.on('response', (response) => (answers += Number(response.url().startsWith(vault.origin))));
  for (const path of paths) for (const tag of tags) await show(vault.origin + path, tag);
  await until('each is answered', () => answers >= paths.length * tags.length);
  await until('each frame has a page or a fault', () => person.page.frames().every((frame) => frame.url() !== ''));
  const others = person.page.frames().filter((frame) => !frame.url().startsWith(origin));
  const texts = await Promise.all(others.map((frame) => frame.content().catch(() => '')));
  assert(others.length >= paths.length);
  assert.deepEqual(
    person.page
      .frames()
      .map((frame) => frame.url())
      .filter((url) => url.startsWith(vault.origin)),
    [],
  );
  assert.deepEqual(
    texts.filter((text) => /Nothing was connected|Strongroom|openapi/.test(text)),
    [],
  );
  const direct = await person.page.goto(vault.origin + paths[1]);
  assert.match(await direct.text(), /Nothing was connected/, 'the control: the page itself is there');
  person.forget(({ what, text }) => what === 'console' && /frame-ancestors/.test(text));
}

async function messages(person, { host }) {
  const [origin] = await stranger(person);
  await person.page.goto(origin);
  const opening = person.context.waitForEvent('page');
  await person.page.evaluate((address) => void (window.victim = window.open(address)), `${host.origin}/`);
  const victim = await opening;
  await victim.waitForFunction(() => window.mount);
  await victim.evaluate(() => void window.mount('sr-oauth-button', { plugin: 'mail' }));
  const button = victim.locator('sr-oauth-button');
  const beginning = victim.waitForResponse((response) => response.url().endsWith('/v1/connections'));
  const popping = person.context.waitForEvent('page');
  await button.getByRole('button', { name: 'Connect Witness' }).click();
  const { id } = await (await beginning).json();
  const popup = await popping;
  await button.getByText('Continue in the').waitFor();
  const shapes = [
    null,
    'connected',
    1,
    [],
    { status: 'connected' },
    { connection: id },
    { connection: id, status: 'connected' },
    {
      connection: id,
      status: 'connected',
      credential: { id: `cred_${'a'.repeat(32)}`, account: 'mallory@example.com' },
    },
    { connection: `conn_${'b'.repeat(32)}`, status: 'connected' },
    { type: 'sr-connect', detail: { credentialId: 'cred_x' } },
  ];
  await victim.evaluate((connection) => {
    window.heard = { window: 0, channel: 0 };
    addEventListener('message', () => (window.heard.window += 1));
    const channel = new BroadcastChannel(`strongroom:${connection}`);
    // The element answers over the same channel.
    channel.onmessage = ({ data }) => (window.heard.channel += Number(data?.status !== 'seen'));
  }, id);
  const say = ([address, sent, connection]) => {
    const channel = new BroadcastChannel(`strongroom:${connection}`);
    for (const each of sent) {
      channel.postMessage(each);
      if (window.victim) for (const to of ['*', address]) window.victim.postMessage(each, to);
    }
    setTimeout(() => channel.close(), 500);
  };
  await person.page.evaluate(say, [host.origin, shapes, id]);
  // The worst case: a script on the host's own origin announces it.
  const tab = await person.context.newPage();
  await tab.goto(`${host.origin}/`);
  await tab.evaluate(say, [host.origin, shapes, id]);
  await victim.waitForFunction(
    (count) => window.heard.window === 2 * count && window.heard.channel === count,
    shapes.length,
  );
  // The page has received all messages. It asks the vault, which has the true status.
  await victim.waitForResponse((response) => response.url().endsWith(id));
  await sleep(300);
  assert.deepEqual(await button.evaluate((each) => [each.status, each.value]), ['waiting', '']);
  assert.deepEqual(await victim.evaluate(() => window.events.filter(([type]) => type === 'sr-connect')), []);
  assert.equal(await button.getByText('mallory').count(), 0);
  await signIn(popup, 'nora');
  await consent(popup);
  await button.getByText('nora@example.com').waitFor();
  assert.equal(await button.evaluate((each) => each.status), 'connected', 'the control');
}

/**
 * An attacker's consent, sent to a victim, would make the victim use the attacker's account (login CSRF, RFC 9700 4.7).
 */
async function planted(person, world) {
  const mallory = await person.beside('mallory');
  const theirs = await mallory.fresh('sr-oauth-button', { plugin: 'mail', flow: 'redirect' });
  await theirs.getByRole('button', { name: 'Connect Witness' }).click();
  await signIn(mallory.page, 'mallory');
  // The attacker's page must not complete it, so its script is blocked.
  await mallory.page.route('**/host.js', (route) => route.abort());
  const returning = mallory.page.waitForRequest(/\/return\?/);
  await consent(mallory.page);
  const address = (await returning).url();
  assert.match(address, /connection=conn_\w+&code=/);
  await person.page.goto(address);
  await person.page.getByText('not there, or not yours').first().waitFor();
  const held = async (user) =>
    (await world.vault.call('GET', '/v1/credentials', await world.vault.session(user))).items.length;
  assert.deepEqual([await held(person.user), await held(mallory.user)], [0, 0]);
  await mallory.page.unroute('**/host.js');
  await mallory.page.goto(address);
  await mallory.page.getByText('mallory@example.com').first().waitFor();
  assert.deepEqual([await held(person.user), await held(mallory.user)], [0, 1], 'the control');
}

async function policies(person, { vault }) {
  await person.context.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (event) =>
      window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`),
    );
  });
  await vault.save(person.user, 'weather', 'api-key', 'Work', { api_key: 'stored-key' });
  await person.open();
  for (const tag of ['sr-credential-selector', 'sr-credential-list', 'sr-credential-form'])
    await person.mount(tag, { plugin: 'weather', label: 'A' });
  await person.mount('sr-oauth-button', { plugin: 'mail' });
  const { page } = person;
  await page.locator('sr-credential-list').getByRole('button', { name: 'Delete Work' }).click();
  await page.locator('sr-credential-list').getByRole('button', { name: 'Cancel' }).click();
  await page.locator('sr-credential-list dialog').waitFor({ state: 'detached' });
  await page.locator('sr-credential-selector').getByRole('combobox').click();
  await page.locator('sr-credential-selector').getByRole('option').waitFor();
  await page.locator('sr-credential-form').getByRole('button', { name: 'Save' }).click();
  await page.locator('sr-credential-form #summary').waitFor();
  await page.locator('sr-oauth-button').getByRole('button', { name: 'Connect Witness' }).waitFor();
  // The browser reports a violation with a separate task.
  const violations = () =>
    page.evaluate(() => new Promise((resolve) => setTimeout(() => resolve(window.violations), 300)));
  assert.deepEqual(await violations(), []);
  await page.goto(`${vault.origin}/`);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.waitForLoadState('networkidle');
  assert.deepEqual(await violations(), []);
  await page.goto(`${vault.origin}/connect/${'a'.repeat(43)}`);
  await page.getByText('Nothing was connected').waitFor();
  assert.deepEqual(await violations(), []);
  await person.open();
  await page.evaluate(() => document.body.setAttribute('style', 'color: red'));
  await page.waitForFunction(() => window.violations.length === 1);
  person.forget(({ what, text }) => what === 'console' && /inline style/.test(text));
}

export default {
  'forged requests change nothing': forged,
  'session token is refused at other origins': elsewhere,
  'framing is refused': framing,
  'forged messages change nothing': messages,
  'planted consent connects nothing': planted,
  'pages have a strict policy': policies,
};
