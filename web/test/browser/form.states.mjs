// Tests of <sr-credential-form>: creating, changing, faults, secrets, conflicts, tests, files.
import assert from 'node:assert/strict';
import { becomes } from './vault.mjs';

export default {
  async 'form creates a credential'(person, { vault, secret }) {
    const form = await person.fresh('sr-credential-form', { plugin: 'weather' });
    await form.getByLabel('API key', { exact: true }).waitFor();
    await person.state('form-create');
    await form.getByRole('button', { name: 'Save' }).click();
    await form.locator('#summary').waitFor();
    await becomes(
      'the summary has the focus',
      () => form.evaluate((each) => each.shadowRoot.activeElement?.id),
      'summary',
    );
    await person.state('form-faults');
    await form.getByLabel('API key', { exact: true }).fill(secret());
    await form.getByLabel('Region').fill('eu');
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('Saved.').waitFor();
    await form.getByText('Configured').waitFor();
    await form.locator('#field-api_key').waitFor({ state: 'detached' });
    await person.state('form-saved');
    const [{ credential }] = await person.events('sr-save');
    assert.deepEqual([credential.configured, credential.settings], [['api_key'], { region: 'eu' }]);
    const stored = await vault.call('GET', '/v1/credentials', await vault.session(person.user));
    assert.equal(stored.items.length, 1);
  },

  async 'form changes a credential'(person, { vault, secret }) {
    const made = await vault.save(person.user, 'weather', 'api-key', 'Work', {
      api_key: 'first-key',
      region: 'eu',
      note: 'n',
    });
    const form = await person.fresh('sr-credential-form', { credentialId: made.id });
    await form.getByRole('button', { name: 'Replace API key' }).click();
    const input = form.getByLabel('API key', { exact: true });
    await input.fill(secret());
    assert.equal(await input.getAttribute('type'), 'password');
    await form.getByRole('button', { name: /Show what I type/ }).click();
    await becomes('it is revealed', () => input.getAttribute('type'), 'text');
    await person.state('form-replacing');
    await form.getByRole('button', { name: 'Undo the change of API key' }).click();
    await form.getByText('Configured').waitFor();
    await form.getByLabel('Note').fill('');
    const sending = person.page.waitForRequest((request) => request.method() === 'PATCH');
    await form.getByRole('button', { name: 'Save' }).click();
    assert.deepEqual((await sending).postDataJSON(), { fields: { note: null } });
    await form.getByText('Saved.').waitFor();
  },

  async 'conflicting save asks the user'(person, { vault, secret }) {
    const made = await vault.save(person.user, 'weather', 'api-key', 'Work', { api_key: 'first-key', region: 'eu' });
    const form = await person.fresh('sr-credential-form', { credentialId: made.id });
    await form.getByLabel('Region').fill('mine');
    await form.getByRole('button', { name: 'Replace API key' }).click();
    await form.getByLabel('API key', { exact: true }).fill(secret());
    const token = await vault.session(person.user);
    await vault.call(
      'PATCH',
      `/v1/credentials/${made.id}`,
      token,
      { fields: { region: 'theirs', note: 'new' } },
      { 'if-match': '*' },
    );
    await form.getByRole('button', { name: 'Save' }).click();
    const dialog = form.getByRole('dialog');
    await dialog.getByText('theirs').waitFor();
    await person.state('form-conflict');
    await dialog.getByRole('radio', { name: /Theirs/ }).check();
    await dialog.getByRole('button', { name: 'Save this' }).click();
    await form.getByText('Saved.').waitFor();
    const now = await vault.call('GET', `/v1/credentials/${made.id}`, token);
    assert.deepEqual([now.settings, now.revision], [{ region: 'theirs', note: 'new' }, 3]);
  },

  async 'form supports every kind of field'(person, { secret }) {
    const form = await person.fresh('sr-credential-form', { plugin: 'wide' });
    await form.getByLabel('Host').fill('db.example.com');
    assert.equal(await form.getByLabel('Certificate').count(), 0);
    await form.getByLabel('Mode').selectOption('tls');
    await form.getByLabel('Certificate').waitFor();
    await form.getByLabel('Tags').fill('a\nb');
    await form.getByLabel('Port').fill('x');
    const file = { name: 'account.json', mimeType: 'application/json', buffer: Buffer.from(`{"k":"${secret()}"}`) };
    await form.locator('[data-field=account] input[type=file]').setInputFiles(file);
    await form.getByText('Read from the file.').waitFor();
    await form.getByLabel('Another field').fill('extra');
    await form.getByRole('button', { name: 'Add' }).click();
    await form.locator('#field-extra').fill(secret());
    await person.state('form-everything');
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('has to be a whole number').first().waitFor();
    await form.getByLabel('Port').fill('8443');
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('Saved.').waitFor();
    const [{ credential }] = await person.events('sr-save');
    assert.deepEqual(credential.settings, {
      host: 'db.example.com',
      port: 8443,
      mode: 'tls',
      strict: true,
      tags: ['a', 'b'],
    });
    assert.deepEqual(credential.configured.toSorted(), ['account', 'extra']);
  },

  async 'pasted text is trimmed'(person) {
    const form = await person.fresh('sr-credential-form', { plugin: 'weather' });
    const input = form.getByLabel('API key', { exact: true });
    await input.evaluate((each) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData('text/plain', '  pasted-key\n');
      each.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    });
    await form.getByText('Spaces and line ends').waitFor();
    assert.equal(await input.inputValue(), 'pasted-key');
    await person.state('form-pasted');
  },

  async 'form tests a credential'(person, { secret }) {
    const form = await person.fresh('sr-credential-form', { plugin: 'weather' });
    for (const [end, words] of [
      ['-bad', 'rejected it'],
      ['-odd', 'could not be verified'],
      ['-good', 'It works'],
    ]) {
      await form.getByLabel('API key', { exact: true }).fill(secret(end));
      await form.getByRole('button', { name: 'Test' }).click();
      await form.getByText(words).waitFor();
      await person.state(`form-test${end}`);
    }
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('Saved.').waitFor();
    await form.getByRole('button', { name: 'Test' }).click();
    await form.getByText('It works').waitFor();
  },

  async 'form tests before saving'(person, { secret }) {
    const form = await person.fresh('sr-credential-form', { plugin: 'weather', testing: 'auto' });
    await form.getByLabel('API key', { exact: true }).fill(secret('-bad'));
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByRole('button', { name: 'Save anyway' }).click();
    await form.getByText('Saved.').waitFor();
  },

  async 'taken name and server faults are shown'(person, { vault, secret }) {
    await vault.save(person.user, 'weather', 'api-key', 'Weather', { api_key: 'first-key' });
    const form = await person.fresh('sr-credential-form', { plugin: 'weather' });
    await form.getByLabel('Name').and(form.locator('#name')).waitFor();
    await person.page.waitForFunction(
      () => document.querySelector('sr-credential-form').shadowRoot.querySelector('#name')?.value === 'Weather 2',
    );
    await form.locator('#name').fill('Weather');
    await form.getByText('You already have one').waitFor();
    await form.getByLabel('API key', { exact: true }).fill(secret());
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('is taken').first().waitFor();
    await person.state('form-name-taken');
    await form.locator('#name').fill('Other');
    await form.getByLabel('Note').fill('a\u0007b');
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('do not belong there').first().waitFor();
    await person.state('form-server-fault');
  },

  async 'leaving asks before it discards input'(person, { secret }) {
    const form = await person.fresh('sr-credential-form', { plugin: 'weather' });
    await form.getByLabel('API key', { exact: true }).fill(secret());
    await form.getByRole('button', { name: 'Cancel' }).click();
    await form.getByRole('dialog').waitFor();
    await person.state('form-leaving');
    await form.getByRole('button', { name: 'Keep editing' }).click();
    await form.getByRole('dialog').waitFor({ state: 'detached' });
    assert.deepEqual(await person.events('sr-cancel'), []);
    await form.getByRole('button', { name: 'Cancel' }).click();
    await form.getByRole('button', { name: 'Discard' }).click();
    await person.page.waitForFunction(() => window.events.some(([type]) => type === 'sr-cancel'));
    await becomes('it is empty', () => form.getByLabel('API key', { exact: true }).inputValue(), '');
  },

  async 'repeated save creates one credential'(person, { vault, secret }) {
    const form = await person.fresh('sr-credential-form', { plugin: 'weather' });
    await form.getByLabel('API key', { exact: true }).fill(secret());
    // The request arrives, and its answer is lost.
    let lost = 0;
    await person.page.route('**/v1/credentials', async (route) => {
      if (route.request().method() !== 'POST' || lost++) return route.continue();
      await route.fetch();
      return route.abort();
    });
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('cannot be reached').waitFor();
    await person.state('form-offline');
    await form.getByRole('button', { name: 'Try again' }).click();
    await form.getByText('Saved.').waitFor();
    const stored = await vault.call('GET', '/v1/credentials', await vault.session(person.user));
    assert.equal(stored.items.length, 1);
  },

  async 'read-only form has no buttons'(person, { vault }) {
    const made = await vault.save(person.user, 'weather', 'api-key', 'Work', { api_key: 'first-key', region: 'eu' });
    const form = await person.fresh('sr-credential-form', { credentialId: made.id, readonly: true });
    await form.getByText('Configured').waitFor();
    assert.equal(await form.getByRole('button').count(), 0);
    await person.state('form-readonly');
  },
};
