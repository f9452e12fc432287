// Runs each example of docs/EMBEDDING.md. A user saves a key, chooses it, connects an account through the popup and
// submits the form. Then the page is loaded again.
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Example, execute, npm, project, readExamples, tools } from './embedding.mjs';
import { consent, signIn } from './provider.mjs';
import { until } from './vault.mjs';

/** A running example in the person's page. The mail plugin returns to it too. */
async function open(person, { start, build = [] }) {
  const { vault, service } = person.world;
  const example = await Example.write({
    'https://vault.example.com': vault.origin,
    'https://api.weather.example.com/now': service,
  });
  person.leave(() => example.end());
  if (build.length) await example.build(build);
  const { manifest } = await vault.call('GET', '/v1/plugins/mail', vault.hostKey);
  person.leave(() => vault.plugin('mail', manifest));
  await vault.plugin('mail', {
    ...manifest,
    return_addresses: [...manifest.return_addresses, `${example.origin}/return`],
  });
  const key = await vault.call('POST', '/v1/plugins/weather/keys', vault.hostKey, { label: person.user });
  await example.start(
    start.map((word) => (word === 'PORT' ? String(example.port) : word)),
    { STRONGROOM_HOST_KEY: vault.hostKey, STRONGROOM_PLUGIN_KEY: key.token },
  );
  person.visits(example.origin);
  await person.page.goto(example.origin);
  return example;
}

async function saveKey(page, secret) {
  const selector = page.locator('sr-credential-selector').first();
  await selector.getByRole('button', { name: 'Set up' }).click();
  await selector.getByLabel('API key', { exact: true }).fill(secret);
  await selector.getByRole('button', { name: 'Save' }).click();
  await selector.getByRole('dialog').waitFor({ state: 'detached' });
  const id = await selector.evaluate((each) => each.value);
  assert.match(id, /^cred_/);
  return id;
}

/** Connects through the popup, which closes itself. */
async function connect(person, within, login) {
  const opening = person.context.waitForEvent('page');
  await within.getByRole('button', { name: 'Connect Witness' }).click();
  const popup = await opening;
  await signIn(popup, login);
  await consent(popup);
  await until('the window closes', () => popup.isClosed());
}

/** Uses an application's page that only shows the choice, and loads it again. */
async function use(person, login, secret) {
  const { page } = person;
  const id = await saveKey(page, secret);
  await page.getByText(`Chosen: ${id}`).waitFor();
  await connect(person, page.locator('sr-oauth-button'), login);
  await page.getByText(`Connected: ${login}@example.com`).waitFor();
  await page.locator('form > button').click();
  await page.getByText(`Saved: ${id}`).waitFor();
  await page.reload();
  await page.locator('sr-oauth-button').getByText(`${login}@example.com`).waitFor();
  await page.locator('sr-oauth-button').getByRole('button', { name: 'Connect another account' }).waitFor();
  await person.look();
}

const vite = (folder) => ({
  build: [tools.vite, 'build', folder, '--logLevel', 'warn'],
  start: ['serve.mjs', `${folder}/dist`],
});

export default {
  async 'plain example works'(person, { secret }) {
    await open(person, { start: ['serve.mjs', 'plain'] });
    const { page } = person;
    await page.getByText('Set up').waitFor();
    await page.locator('form > button').click();
    assert.equal(await page.locator('output').textContent(), '', 'nothing was chosen, but it was submitted');
    const id = await saveKey(page, secret());
    await connect(person, page.locator('sr-oauth-button'), 'paula');
    await page.getByText('Connected: paula@example.com').waitFor();
    await page.locator('form > button').click();
    await page.getByText(new RegExp(`^Saved: ${id} cred_`)).waitFor();
    await person.look();
  },

  async 'plain example refuses forged requests'(person, { vault }) {
    const example = await open(person, { start: ['serve.mjs', 'plain'] });
    await person.page.goto(`${example.origin}/return?connection=conn_${'a'.repeat(32)}&error=access_denied`);
    await person.page.getByText('Nothing was connected: access_denied').waitFor();
    const forged = { method: 'POST', headers: { cookie: `user=${person.user}`, origin: vault.origin } };
    assert.equal((await fetch(`${example.origin}/session`, forged)).status, 403);
    assert.equal(
      (await fetch(`${example.origin}/session`, { method: 'POST', headers: { origin: example.origin } })).status,
      401,
    );
    const real = { method: 'POST', headers: { cookie: `user=${person.user}`, origin: example.origin } };
    assert.equal((await fetch(`${example.origin}/session`, real)).status, 200);
  },

  async 'React example works'(person, { secret }) {
    await open(person, vite('react'));
    await use(person, 'rita', secret());
  },

  async 'Vue example works'(person, { secret }) {
    await open(person, vite('vue'));
    await use(person, 'vera', secret());
  },

  async 'Svelte example works'(person, { secret }) {
    await open(person, vite('svelte'));
    await use(person, 'sven', secret());
  },

  async 'Next.js example works'(person, { secret }) {
    const start = [tools.next, 'start', 'next', '--hostname', 'localhost', '--port', 'PORT'];
    const example = await open(person, { build: [tools.next, 'build', 'next'], start });
    const html = await (await fetch(example.origin)).text();
    assert.match(html, /<sr-credential-selector[^>]* plugin="weather"[^>]* label="Weather service"/);
    assert.match(html, /<sr-oauth-button[^>]* return-address="http:\/\/localhost:\d+\/return"/);
    assert.doesNotMatch(html, /<sr-[^>]*(returnAddress|getSessionToken)/i, 'names that HTML does not know');
    await use(person, 'nina', secret());
    const { page } = person;
    await page.getByRole('link', { name: 'About' }).click();
    await page.getByRole('heading', { name: 'About' }).waitFor();
    await page.getByRole('link', { name: 'Settings' }).click();
    await page.locator('sr-oauth-button').getByText('nina@example.com').waitFor();
    const warned = person.seen.filter(
      ({ what, text }) => what === 'console' && /hydrat|did not match|Warning/i.test(text),
    );
    assert.deepEqual(warned, []);
  },

  async 'server-rendered example works'(person, { vault, secret }) {
    const example = await open(person, { start: ['server/server.mjs'] });
    const { page } = person;
    const id = await saveKey(page, secret('-good'));
    await connect(person, page.locator('sr-oauth-button'), 'sara');
    await page.locator('sr-oauth-button').getByText('sara@example.com').waitFor();
    const account = await page.locator('sr-oauth-button').evaluate((each) => each.value);
    await person.look();
    const posting = page.waitForRequest(
      (request) => request.method() === 'POST' && request.url() === `${example.origin}/`,
    );
    await page.locator('form > button').click();
    assert.equal((await posting).postData(), `credential=${id}&account=${account}`);
    await page.getByText('The weather service said 200.').waitFor();
    await page.getByRole('link', { name: 'Settings' }).click();
    await page.locator('sr-oauth-button').getByText('sara@example.com').waitFor();
    await page.waitForFunction(() => document.querySelector('sr-credential-selector').selected?.name === 'Weather');
    const other = await vault.save('stranger', 'weather', 'api-key', 'Not yours', { api_key: secret('-good') });
    const headers = {
      cookie: `user=${person.user}`,
      origin: example.origin,
      'content-type': 'application/x-www-form-urlencoded',
    };
    const answer = await fetch(example.origin, { method: 'POST', headers, body: `credential=${other.id}` });
    assert.match(await answer.text(), /not yours/);
  },

  async 'packed package is complete'(person) {
    await person.open();
    const path = join(project, 'node_modules/@strongroom/elements');
    const known = () => JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
    // The next install keeps a packed package. It removed a linked one.
    await npm('install');
    assert.match(
      JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')).dependencies['@strongroom/elements'],
      /^file:vendor\/.*\.tgz$/,
    );
    const { exports, types, customElements, repository, keywords, sideEffects } = known();
    const targets = (value) => (typeof value === 'string' ? [value] : Object.values(value).flatMap(targets));
    for (const file of [...targets(exports), types, customElements, ...sideEffects]) {
      assert(existsSync(join(path, file)), `${file} is named and not packed`);
    }
    assert(repository.url && keywords.length > 3);
    assert(!existsSync(join(path, 'src')) && !existsSync(join(path, 'test')), 'sources are packed');
    // On a server, the import has no effect and exports every name.
    const script = `import * as all from '@strongroom/elements';
      import * as react from '@strongroom/elements/react';
      import { renderToString } from 'react-dom/server';
      import { createElement } from 'react';
      all.forgetSession(async () => ''); await all.finishConnection({});
      const props = { plugin: 'p', returnAddress: 'https://a/', noCreate: true, disabled: false, getSessionToken: async () => '', appearance: {}, className: 'c', style: { color: 'red' }, 'aria-label': 'A', pageSize: 5, onLoad: () => {} };
      console.log(renderToString(createElement(react.CredentialList, props)));`;
    const { stdout: printed } = await execute(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: project,
    });
    assert.equal(
      printed.trim(),
      '<sr-credential-list plugin="p" return-address="https://a/" no-create="" class="c" style="color:red" aria-label="A" page-size="5"></sr-credential-list>',
    );
    // As in an application's own TypeScript.
    cpSync(fileURLToPath(new URL('../frameworks/types.tsx', import.meta.url)), join(project, 'types.tsx'));
    const options = [
      '--noEmit',
      '--strict',
      '--jsx',
      'react-jsx',
      '--module',
      'esnext',
      '--moduleResolution',
      'bundler',
      '--target',
      'es2022',
      '--experimentalDecorators',
      '--skipLibCheck',
    ];
    await execute(process.execPath, [tools.tsc, ...options, 'types.tsx'], { cwd: project });
  },

  async 'document has an example for each framework'(person) {
    await person.open();
    const folders = [...readExamples().keys()].map((name) => name.split('/')[0]);
    assert.deepEqual(
      [...new Set(folders)],
      ['backend.mjs', 'serve.mjs', 'plain', 'react', 'next', 'vue', 'svelte', 'server'],
    );
  },
};
