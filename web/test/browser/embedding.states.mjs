// docs/EMBEDDING.md keeps its word: each of its examples is started as it stands there, and somebody saves a key in it,
// chooses it, connects an account through the popup and submits the form.
import assert from 'node:assert/strict';
import { Example, readExamples } from './embedding.mjs';
import { consent, signIn } from './provider.mjs';
import { until } from './vault.mjs';

/** An example, running, with the mail plugin returning to it as well; and the person's page on it. */
async function open(person, args, build = '') {
  const { vault, service } = person.world;
  const example = await Example.write({
    'https://vault.example.com': vault.origin,
    'https://api.weather.example.com/now': service,
  });
  person.leave(() => example.end());
  if (build) await example.build(build);
  const { manifest } = await vault.call('GET', '/v1/plugins/mail', vault.hostKey);
  person.leave(() => vault.plugin('mail', manifest));
  await vault.plugin('mail', {
    ...manifest,
    return_addresses: [...manifest.return_addresses, `${example.origin}/return`],
  });
  const key = await vault.call('POST', '/v1/plugins/weather/keys', vault.hostKey, { label: person.user });
  await example.start(args, { STRONGROOM_HOST_KEY: vault.hostKey, STRONGROOM_PLUGIN_KEY: key.token });
  person.visits(example.origin);
  await person.page.goto(example.origin);
  return example;
}

async function saveKey(page, secret) {
  const selector = page.locator('sr-credential-selector[plugin=weather], sr-credential-selector').first();
  await selector.getByRole('button', { name: 'Set up' }).click();
  await selector.getByLabel('API key', { exact: true }).fill(secret);
  await selector.getByRole('button', { name: 'Save' }).click();
  await selector.getByRole('dialog').waitFor({ state: 'detached' });
  const id = await selector.evaluate((each) => each.value);
  assert.match(id, /^cred_/);
  return id;
}

/** Through the popup; it closes itself. */
async function connect(person, within, login, name = 'Connect Witness') {
  const opening = person.context.waitForEvent('page');
  await within.getByRole('button', { name }).click();
  const popup = await opening;
  await signIn(popup, login);
  await consent(popup);
  await until('the window closes', () => popup.isClosed());
}

export default {
  async plain(person, { secret }) {
    await open(person, ['serve.mjs', 'plain']);
    const { page } = person;
    await page.getByText('Set up').waitFor();
    await page.getByRole('button', { name: 'Save', exact: true }).last().click();
    assert.equal(await page.locator('output').textContent(), '', 'nothing was chosen, but it was submitted');
    const id = await saveKey(page, secret());
    await connect(person, page.locator('sr-oauth-button'), 'paula');
    await page.getByText('Connected: paula@example.com').waitFor();
    await page.locator('form > button').click();
    await page.getByText(new RegExp(`^Saved: ${id} cred_`)).waitFor();
    await person.look();
  },

  async 'plain, refused'(person, { vault }) {
    const example = await open(person, ['serve.mjs', 'plain']);
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

  async 'react 19'(person, { secret }) {
    await open(person, ['serve.mjs', 'react/dist'], 'react');
    const { page } = person;
    const id = await saveKey(page, secret());
    await page.getByText(`Chosen: ${id}`).waitFor();
    await connect(person, page.locator('sr-oauth-button'), 'rita');
    await page.getByText('Connected: rita@example.com').waitFor();
    await page.locator('form > button').click();
    await page.getByText(`Saved: ${id}`).waitFor();
    await person.look();
  },

  async 'rendered on a server'(person, { vault, secret }) {
    const example = await open(person, ['server/server.mjs']);
    const { page } = person;
    await saveKey(page, secret('-good'));
    const mail = page.locator('sr-credential-selector').last();
    await mail.getByRole('button', { name: 'Set up' }).click();
    await connect(person, mail, 'sven');
    await mail.getByRole('dialog').waitFor({ state: 'detached' });
    await person.look();
    const posting = page.waitForRequest(
      (request) => request.method() === 'POST' && request.url() === `${example.origin}/`,
    );
    await page.locator('form > button').click();
    assert.match((await posting).postData(), /^credential=cred_\w+&account=cred_\w+$/);
    await page.getByText('The weather service said 200.').waitFor();
    const other = await vault.save('stranger', 'weather', 'api-key', 'Not yours', { api_key: secret('-good') });
    const headers = {
      cookie: `user=${person.user}`,
      origin: example.origin,
      'content-type': 'application/x-www-form-urlencoded',
    };
    const answer = await fetch(example.origin, { method: 'POST', headers, body: `credential=${other.id}` });
    assert.match(await answer.text(), /not yours/);
  },

  async 'the document'(person) {
    await person.open();
    const names = [...readExamples().keys()];
    assert.deepEqual(
      names.map((name) => name.split('/')[0]).filter((name, at, all) => all.indexOf(name) === at),
      ['backend.mjs', 'serve.mjs', 'plain', 'react', 'server'],
    );
  },
};
