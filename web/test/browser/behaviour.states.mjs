// Tests of elements over time: rate limits, errors that disappear, test results, all faults at once, a change of
// language.
import assert from 'node:assert/strict';

export default {
  async 'batch waits for the rate limit'(person, { vault }) {
    const token = await vault.session(person.user);
    const rows = 50;
    for (let at = 0; at < rows; at += 1) {
      await vault.call('POST', '/v1/credentials', token, {
        plugin: 'weather',
        type: 'api-key',
        name: `Row ${at}`,
        fields: { api_key: 'key-good' },
      });
    }
    let refused = 0;
    person.page.on('response', (response) => (refused += response.status() === 429 ? 1 : 0));
    const list = await person.fresh('sr-credential-list', { plugin: 'weather' });
    await list.getByText(`${rows} credentials`, { exact: true }).waitFor();
    await list.getByLabel('Select all on this page').check();
    await list.getByText(`${rows} selected`).waitFor();
    await list.getByRole('button', { name: 'Test', exact: true }).first().click();
    await list.getByText(/Continues in \d+ s/).waitFor();
    await list.getByText(/Testing: \d+ of 50/).waitFor();
    await person.state('list-paced');
    await list.getByRole('progressbar').waitFor({ state: 'detached', timeout: 60_000 });
    assert.equal(await list.getByText('Accepted').count(), rows);
    assert.equal(await list.getByText('failed:').count(), 0);
    assert(refused > 0, 'nothing was refused, so nothing was paced');
    console.log(`     ${rows} tests done, ${refused} refusals waited for`);
  },

  async 'success clears an error'(person, { vault }) {
    await vault.save(person.user, 'weather', 'api-key', 'Work', { api_key: 'key-good' });
    const list = await person.fresh('sr-credential-list', { plugin: 'weather' });
    await person.page.route('**/test', (route) => route.abort());
    await list.getByRole('button', { name: 'Test Work' }).click();
    await list.getByText('cannot be reached').waitFor();
    await person.page.unroute('**/test');
    await list.getByRole('button', { name: 'Test Work' }).click();
    await list.getByText('Accepted').waitFor();
    await list.getByText('cannot be reached').waitFor({ state: 'detached' });
  },

  async 'list shows a test result with its time'(person, { vault }) {
    await vault.save(person.user, 'weather', 'api-key', 'Work', { api_key: 'key-bad' });
    await person.page.clock.install();
    const list = await person.fresh('sr-credential-list', { plugin: 'weather' });
    await list.getByRole('button', { name: 'Test Work' }).click();
    await list.getByText('Rejected').waitFor();
    const state = list.locator('td.state');
    assert.match((await state.innerText()).replace(/\s+/g, ' '), /^Active Tested now: Rejected$/);
    await person.page.clock.fastForward(150_000);
    await list.getByText('Tested 2 minutes ago:').or(list.getByText('Tested 3 minutes ago:')).waitFor();
    await state.getByText('Active').waitFor();
    await person.state('list-tested-before');
  },

  async 'form shows all faults at once'(person, { secret, vault }) {
    await vault.plugin('strict', {
      title: 'Strict',
      credentials: {
        custom: {
          schema: {
            type: 'object',
            required: ['host', 'key', 'user', 'password'],
            properties: {
              host: { type: 'string', title: 'Host', format: 'hostname', 'x-secret': false, 'x-order': 1 },
              mail: { type: 'string', title: 'Mail', format: 'email', 'x-secret': false, 'x-order': 2 },
              key: { type: 'string', title: 'Key', pattern: '^sk-[a-z0-9]+$', 'x-order': 3 },
              login: { type: 'boolean', title: 'Login', default: true, 'x-secret': false, 'x-order': 4 },
              user: {
                type: 'string',
                title: 'User',
                'x-secret': false,
                'x-order': 5,
                'x-visible-when': { field: 'login', in: ['true'] },
              },
              password: {
                type: 'string',
                title: 'Password',
                'x-order': 6,
                'x-visible-when': { field: 'login', in: ['true'] },
              },
            },
          },
        },
      },
    });
    const form = await person.fresh('sr-credential-form', { plugin: 'strict' });
    await form.getByLabel('Host').fill('not a host!');
    await form.getByLabel('Mail').fill('nobody');
    await form.getByLabel('Key', { exact: true }).fill(secret());
    await form.getByRole('button', { name: 'Save' }).click();
    await form.locator('#summary').waitFor();
    const named = (await form.locator('#summary li').allInnerTexts()).map((text) => text.split(':')[0]);
    assert.deepEqual(named, ['Host', 'Mail', 'Key', 'User', 'Password']);
    await person.state('form-all-faults');
    await form.getByLabel('Login').uncheck();
    await form.getByLabel('Host').fill('db.example.com');
    await form.getByLabel('Mail').fill('a@example.com');
    // Only the server decides about a pattern.
    await form.getByRole('button', { name: 'Save' }).click();
    await form.locator('#summary').getByText('Key').waitFor();
    await form.getByLabel('Key', { exact: true }).fill(`sk-${secret().replaceAll('-', '')}`);
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('Saved.').waitFor();
  },

  async 'elements follow a change of language'(person) {
    const form = await person.fresh('sr-credential-form', { plugin: 'weather' });
    await form.getByRole('button', { name: 'Save' }).waitFor();
    await person.page.evaluate(() => (document.documentElement.lang = 'de'));
    await form.getByRole('button', { name: 'Speichern' }).waitFor();
    await person.page.evaluate(() => (document.querySelector('#stage').lang = 'ar'));
    await form.getByRole('button', { name: 'حفظ' }).waitFor();
    await person.page.evaluate(() => {
      document.querySelector('#stage').removeAttribute('lang');
      document.documentElement.lang = 'en';
    });
    await form.getByRole('button', { name: 'Save' }).waitFor();
  },
};
