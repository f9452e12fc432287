// Tests of <sr-credential-selector>: the combobox by keyboard, deleted and faulty choices, forms, creating and editing.
import assert from 'node:assert/strict';
import { becomes, until } from './vault.mjs';

const names = ['Alpha', 'Beta', 'Gamma', 'Gämse'];

async function filled(person, vault, list = names) {
  const made = {};
  for (const name of list)
    made[name] = await vault.save(person.user, 'weather', 'api-key', name, { api_key: 'stored-key' });
  return made;
}

const value = (selector) => selector.evaluate((each) => each.value);
const chooses = (selector, id) => becomes('the choice', () => value(selector), id);

/** Waits until the option with this number is active. */
const isActive = (input, number) =>
  becomes('the active option', () => input.getAttribute('aria-activedescendant'), `option-${number}`);

export default {
  async 'keyboard opens, moves and chooses'(person, { vault }) {
    const made = await filled(person, vault);
    const selector = await person.fresh('sr-credential-selector', {
      plugin: 'weather',
      label: 'Credential',
      helpText: 'For the forecast.',
    });
    const input = selector.getByRole('combobox');
    await input.waitFor();
    assert.equal(await value(selector), '');
    await person.state('selector-closed');
    const { keyboard } = person.page;
    const options = selector.getByRole('listbox');
    await person.page.keyboard.press('Tab');
    await keyboard.press('Alt+ArrowDown');
    await options.waitFor();
    await keyboard.press('End');
    await isActive(input, 3);
    await keyboard.press('Home');
    await isActive(input, 0);
    await keyboard.press('ArrowDown');
    await isActive(input, 1);
    await person.state('selector-open');
    await keyboard.press('Enter');
    await chooses(selector, made.Beta.id);
    await options.waitFor({ state: 'hidden' });
    await keyboard.press('ArrowDown');
    await options.waitFor();
    await keyboard.press('Escape');
    await options.waitFor({ state: 'hidden' });
    await keyboard.press('Control+A');
    await keyboard.type('gamse');
    await becomes('one option is left', () => selector.getByRole('option').count(), 1);
    await isActive(input, 0);
    await keyboard.press('Enter');
    await chooses(selector, made['Gämse'].id);
    await options.waitFor({ state: 'hidden' });
    await keyboard.press('Control+A');
    await keyboard.type('zzz');
    await selector.getByText('No match for').waitFor();
    await person.state('selector-nomatch');
    await keyboard.press('Tab');
    await keyboard.press('Tab');
    const focused = () => selector.evaluate((each) => each.shadowRoot.activeElement?.textContent.trim());
    await until('the focus is in the popup', async () => /Create new|Clear choice/.test(await focused()));
    await keyboard.press('Escape');
    assert.equal((await person.events('change')).length, 2);
  },

  async 'empty selector creates a credential'(person, { secret }) {
    const selector = await person.fresh('sr-credential-selector', { plugin: 'weather', label: 'Credential' });
    await selector.getByText('No credentials yet').waitFor();
    await person.state('selector-empty');
    await selector.getByRole('button', { name: 'Set up' }).click();
    await selector.getByLabel('API key', { exact: true }).fill(secret());
    await person.state('selector-creating');
    await selector.getByRole('button', { name: 'Save' }).click();
    await person.page.waitForFunction(() => document.querySelector('sr-credential-selector').value.startsWith('cred_'));
    await selector.locator('dialog').waitFor({ state: 'detached' });
    await selector.getByRole('button', { name: /Edit/ }).click();
    await selector.getByText('Configured').waitFor();
    await person.page.keyboard.press('Escape');
    await person.page.waitForFunction(() =>
      document.querySelector('sr-credential-selector').shadowRoot.activeElement?.matches('.edit'),
    );
  },

  async 'deleted choice is reported'(person, { vault }) {
    await filled(person, vault, ['Alpha']);
    const id = `cred_${'0'.repeat(32)}`;
    const selector = await person.fresh('sr-credential-selector', {
      plugin: 'weather',
      label: 'Credential',
      value: id,
      required: true,
    });
    await selector.getByText('has been deleted').waitFor();
    assert.equal(await value(selector), id);
    await becomes('it is not valid', () => selector.evaluate((each) => each.checkValidity()), false);
    await person.state('selector-gone');
  },

  async 'faulty choice is explained'(person, { vault }) {
    const { Alpha: made } = await filled(person, vault, ['Alpha']);
    for (const [state, type] of [
      ['undecryptable', 'api-key'],
      ['reauth-required', 'oauth2'],
      ['degraded', 'oauth2'],
    ]) {
      await person.page.route('**/v1/credentials?*', (route) =>
        route.fulfill({
          json: { items: [{ ...made, state, type, cause: null, plugin: 'weather' }] },
          headers: { 'access-control-allow-origin': person.world.host.origin },
        }),
      );
      const selector = await person.fresh('sr-credential-selector', {
        plugin: 'weather',
        label: 'Credential',
        value: made.id,
      });
      await selector.locator('.chosen .banner').waitFor();
      assert.equal(await value(selector), made.id);
      await person.state(`selector-${state}`);
      await person.page.unroute('**/v1/credentials?*');
    }
  },

  async 'choice is a form value'(person, { vault }) {
    const made = await filled(person, vault, ['Alpha']);
    await person.open();
    await person.page.evaluate(() => {
      const form = document.createElement('form');
      const set = document.createElement('fieldset');
      const legend = document.createElement('legend');
      legend.textContent = 'Forecast';
      set.append(legend);
      form.append(set);
      document.querySelector('#stage').append(form);
      window.mount(
        'sr-credential-selector',
        { plugin: 'weather', name: 'credential', required: true, label: 'Credential' },
        set,
      );
    });
    const selector = person.page.locator('sr-credential-selector');
    await selector.getByRole('combobox').waitFor();
    const isValid = () => person.page.evaluate(() => document.querySelector('form').checkValidity());
    await becomes('the form is not valid', isValid, false);
    await selector.getByRole('combobox').click();
    await selector.getByRole('option', { name: /Alpha/ }).click();
    const data = () => person.page.evaluate(() => [...new FormData(document.querySelector('form'))]);
    await becomes('the data of the form', data, [['credential', made.Alpha.id]]);
    await person.page.evaluate(() => (document.querySelector('fieldset').disabled = true));
    await selector.getByRole('combobox', { disabled: true }).waitFor();
    await person.state('selector-disabled');
    await person.page.evaluate(() => {
      document.querySelector('fieldset').disabled = false;
      document.querySelector('form').reset();
    });
    await person.page.waitForFunction(() => document.querySelector('sr-credential-selector').value === '');
  },

  async 'cancelled request opens no dialog'(person, { vault }) {
    await filled(person, vault, ['Alpha']);
    const selector = await person.fresh('sr-credential-selector', { plugin: 'weather', label: 'Credential' });
    await person.page.evaluate(() => document.addEventListener('sr-create-request', (event) => event.preventDefault()));
    await selector.getByRole('combobox').click();
    await selector.getByRole('button', { name: 'Create new' }).click();
    await becomes('it asks', () => person.events('sr-create-request'), [{ plugin: 'weather' }]);
    // A dialog would be drawn with the next update.
    await selector.evaluate((each) => (each.requestUpdate(), each.updateComplete));
    assert.equal(await selector.locator('dialog').count(), 0);
  },

  async 'failed load can be retried'(person) {
    await person.open();
    let wait;
    await person.page.route('**/v1/credentials?*', async (route) => {
      await new Promise((resolve) => (wait = resolve));
      await route.abort();
    });
    const selector = await person.mount('sr-credential-selector', { plugin: 'weather', label: 'Credential' });
    await selector.locator('.skeleton').waitFor();
    await person.state('selector-loading');
    (await until('it asks for the credentials', () => wait))();
    await selector.getByText('cannot be reached').waitFor();
    await person.state('selector-failed');
    await person.page.unroute('**/v1/credentials?*');
    await selector.getByRole('button', { name: 'Try again' }).click();
    await selector.getByText('No credentials yet').waitFor();
  },
};
