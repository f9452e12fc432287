// <sr-credential-list>: finding, ordering, paging, testing and deleting, one and several; a thousand rows.
import assert from 'node:assert/strict';

async function filled(person, vault) {
  for (const [name, key] of [
    ['Alpha', 'key-good'],
    ['Beta', 'key-bad'],
    ['Gamma', 'key-good'],
  ]) {
    await vault.save(person.user, 'weather', 'api-key', name, { api_key: key });
  }
  await vault.save(person.user, 'mail', 'api-key', 'Post', { api_key: 'key-post' });
}

const shown = (list) => list.locator('tbody th bdi').allTextContents();

export default {
  async 'find and order'(person, { vault }) {
    await filled(person, vault);
    const list = await person.fresh('sr-credential-list', { label: 'Credentials' });
    await list.getByText('4 credentials', { exact: true }).waitFor();
    await person.state('list');
    assert.deepEqual(await shown(list), ['Alpha', 'Beta', 'Gamma', 'Post']);
    await list.getByRole('button', { name: 'Name' }).click();
    assert.deepEqual(await shown(list), ['Post', 'Gamma', 'Beta', 'Alpha']);
    await list.getByRole('combobox', { name: 'Plugin' }).selectOption('mail');
    assert.deepEqual(await shown(list), ['Post']);
    await list.getByRole('searchbox').fill('zzz');
    await list.getByText('No matching credentials').waitFor();
    await person.state('list-nomatch');
    await list.getByRole('button', { name: 'Show all' }).click();
    assert.equal((await shown(list)).length, 4);
  },

  async 'test and delete'(person, { vault }) {
    await filled(person, vault);
    const list = await person.fresh('sr-credential-list', { plugin: 'weather' });
    await list.getByRole('button', { name: 'Test Beta' }).click();
    await list.getByText('Rejected').waitFor();
    await list.getByRole('button', { name: 'Delete Beta' }).click();
    await list.getByRole('dialog').getByText('Weather').waitFor();
    await person.state('list-deleting');
    await list.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    assert.equal((await shown(list)).length, 3);
    await list.getByRole('button', { name: 'Delete Beta' }).click();
    await list.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await list.getByText('2 credentials', { exact: true }).waitFor();
    assert.deepEqual(await shown(list), ['Alpha', 'Gamma']);
  },

  /** A dialog's closing is told with the next frame; what is asked before that is another question, and stays. */
  async 'asked again at once'(person, { vault }) {
    await filled(person, vault);
    const list = await person.fresh('sr-credential-list', { plugin: 'weather' });
    const again = (opening, closing) =>
      list.evaluate(
        async (element, [opening, closing]) => {
          const click = (selector) => element.shadowRoot.querySelector(selector).click();
          click(opening);
          await element.updateComplete;
          if (closing) click(closing);
          else element.shadowRoot.querySelector('sr-credential-form').cancel();
          await element.updateComplete;
          click(opening);
          for (let frames = 0; frames < 5; frames += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
        },
        [opening, closing],
      );
    await list.getByRole('button', { name: 'Delete Beta' }).waitFor();
    await again('button[aria-label="Delete Beta"]', '#confirm .button[autofocus]');
    assert(await list.getByRole('dialog').isVisible(), 'the second question went away by itself');
    await person.page.keyboard.press('Escape');
    await list.locator('dialog').waitFor({ state: 'detached' });
    await again('button[aria-label="Edit Beta"]', null);
    assert(await list.getByRole('dialog').isVisible(), 'the second dialog went away by itself');
    assert.deepEqual(await shown(list), ['Alpha', 'Beta', 'Gamma']);
  },

  async several(person, { vault }) {
    await filled(person, vault);
    const list = await person.fresh('sr-credential-list', { plugin: 'weather' });
    await list.getByLabel('Select all on this page').check();
    await list.getByText('3 selected').waitFor();
    await list.getByRole('button', { name: 'Test', exact: true }).first().click();
    await list.getByText('Accepted').nth(1).waitFor();
    await person.state('list-tested');
    const token = await vault.session(person.user);
    const { items } = await vault.call('GET', '/v1/credentials?plugin=weather', token);
    const beta = items.find(({ name }) => name === 'Beta');
    await vault.call('PATCH', `/v1/credentials/${beta.id}`, token, { name: 'Changed' }, { 'if-match': '*' });
    await list.getByRole('button', { name: 'Delete', exact: true }).click();
    await person.state('list-deleting-several');
    await list.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await list.getByText('One failed').waitFor();
    assert.deepEqual(await shown(list), ['Beta']);
    await person.state('list-partly-deleted');
  },

  async edit(person, { vault, secret }) {
    await filled(person, vault);
    const list = await person.fresh('sr-credential-list', { plugin: 'weather' });
    await list.getByRole('button', { name: 'Edit Alpha' }).click();
    await list.locator('#name').fill('Omega');
    await person.state('list-editing');
    await list.getByRole('button', { name: 'Save' }).click();
    await list.locator('tbody').getByText('Omega').waitFor();
    await list.getByRole('button', { name: 'Create new' }).click();
    await list.getByLabel('API key', { exact: true }).fill(secret());
    await list.getByRole('button', { name: 'Save' }).click();
    await list.locator('tbody th').getByText('Weather', { exact: true }).waitFor();
    assert.equal((await shown(list)).length, 4);
  },

  async 'a thousand'(person, { vault }) {
    const token = await vault.session(person.user);
    const fields = { api_key: 'key-good' };
    for (let from = 0; from < 1000; from += 50) {
      const batch = Array.from({ length: 50 }, (_, at) => ({
        plugin: 'weather',
        type: 'api-key',
        name: `Row ${from + at}`,
        fields,
      }));
      await Promise.all(batch.map((draft) => vault.call('POST', '/v1/credentials', token, draft)));
    }
    await person.open();
    const took = await person.page.evaluate(async () => {
      const begun = performance.now();
      const list = window.mount('sr-credential-list', {});
      await new Promise((resolve) => list.addEventListener('sr-load', resolve));
      await list.updateComplete;
      await new Promise((resolve) => requestAnimationFrame(resolve));
      return performance.now() - begun;
    });
    assert(took < 1000, `${took} ms`);
    console.log(`     1,000 rows in ${Math.round(took)} ms`);
    const list = person.page.locator('sr-credential-list');
    assert.equal((await shown(list)).length, 50);
    await person.state('list-thousand');
    await list.getByRole('button', { name: 'Page 20 of 20' }).click();
    assert.equal((await shown(list))[49], 'Row 999');
    await list.getByRole('searchbox').fill('row 77');
    assert.equal((await shown(list)).length, 19);
  },

  async empty(person) {
    const list = await person.fresh('sr-credential-list', {});
    await list.getByText('No credentials yet').waitFor();
    await person.state('list-empty');
  },
};
