// Tests of <sr-oauth-button> with existing accounts.
import assert from 'node:assert/strict';

const items = async (vault, user) => (await vault.call('GET', '/v1/credentials', await vault.session(user))).items;

async function connect(person, button, email, name = /Connect (Scripted|another account)/) {
  person.world.scripted.account = { sub: email, email };
  const before = (await person.events('sr-connect')).length;
  await button.getByRole('button', { name }).click();
  await person.page.waitForFunction(
    (count) => window.events.filter(([type]) => type === 'sr-connect').length > count,
    before,
  );
  return (await person.events('sr-connect')).at(-1);
}

export default {
  async 'reload shows the connected account'(person) {
    const button = await person.fresh('sr-oauth-button', { plugin: 'scripted' });
    const { credentialId } = await connect(person, button, 'ada@example.com');
    const again = await person.fresh('sr-oauth-button', { plugin: 'scripted' });
    await again.getByText('ada@example.com').waitFor();
    for (const name of ['Reconnect ada@example.com', 'Disconnect ada@example.com', 'Connect another account']) {
      await again.getByRole('button', { name, exact: true }).waitFor();
    }
    assert.equal(await again.getByRole('button', { name: 'Connect Scripted' }).count(), 0);
    assert.equal(await again.evaluate((each) => each.value), credentialId);
    await person.state('connect-known');
  },

  async 'known account is renewed'(person, { vault }) {
    const button = await person.fresh('sr-oauth-button', { plugin: 'scripted' });
    const first = await connect(person, button, 'ben@example.com');
    const again = await connect(person, button, 'ben@example.com', 'Connect another account');
    assert.deepEqual([again.credentialId, again.revision], [first.credentialId, first.revision + 1]);
    await button.getByText('ben@example.com was connected already').waitFor();
    await person.state('connect-renewed');
    assert.equal((await items(vault, person.user)).length, 1, 'a second one was made without a question');
    const second = await connect(person, button, 'ben@example.com', 'Add as a second credential');
    assert.notEqual(second.credentialId, first.credentialId);
    assert.equal((await items(vault, person.user)).length, 2);
    await button.getByText('ben@example.com (Plugin scripted 2)').waitFor();
    await connect(person, button, 'ben@example.com', 'Connect another account');
    await button.getByRole('button', { name: 'OK' }).click();
    await button.getByText('was connected already').waitFor({ state: 'detached' });
    assert.equal((await items(vault, person.user)).length, 2);
  },

  async 'known account is renewed in the same tab'(person, { vault }) {
    const button = await person.fresh('sr-oauth-button', { plugin: 'scripted' });
    await connect(person, button, 'cleo@example.com');
    const other = await person.fresh('sr-oauth-button', { plugin: 'scripted', flow: 'redirect' });
    await other.getByRole('button', { name: 'Connect another account' }).click();
    await person.page.waitForURL('**/return');
    await person.page.waitForFunction(() => window.mount);
    const there = await person.mount('sr-oauth-button', { plugin: 'scripted' });
    await there.getByText('cleo@example.com').waitFor();
    assert.equal((await items(vault, person.user)).length, 1);
  },

  async 'several accounts can be chosen'(person) {
    await person.open();
    await person.page.evaluate(() => {
      const form = document.createElement('form');
      document.querySelector('#stage').append(form);
      window.mount('sr-oauth-button', { plugin: 'scripted', name: 'account', required: true, label: 'Account' }, form);
    });
    const button = person.page.locator('sr-oauth-button');
    const data = () => person.page.evaluate(() => new FormData(document.querySelector('form')).get('account'));
    const isValid = () => person.page.evaluate(() => document.querySelector('form').checkValidity());
    await button.getByRole('button', { name: 'Connect Scripted' }).waitFor();
    assert.deepEqual([await data(), await isValid()], [null, false]);
    const dora = await connect(person, button, 'dora@example.com');
    const emil = await connect(person, button, 'emil@example.com');
    assert.equal(await data(), emil.credentialId, 'what was connected here is the choice');
    await button.getByRole('radio', { name: 'dora@example.com' }).check();
    assert.deepEqual([await data(), await isValid()], [dora.credentialId, true]);
    assert.equal((await person.events('change')).length, 1);
    await person.state('connect-several');
    const stored = await person.fresh('sr-oauth-button', {
      plugin: 'scripted',
      name: 'account',
      credentialId: dora.credentialId,
    });
    await stored.getByRole('radio', { name: 'dora@example.com', checked: true }).waitFor();
    assert.equal(await stored.evaluate((each) => each.value), dora.credentialId);
    const open = await person.fresh('sr-oauth-button', { plugin: 'scripted', name: 'account', required: true });
    await open.getByRole('radio').nth(1).waitFor();
    assert.deepEqual(
      await open.evaluate((each) => [each.value, each.checkValidity()]),
      ['', false],
      'it chose by itself',
    );
    await open.getByRole('button', { name: 'Disconnect dora@example.com' }).click();
    await open.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await open.getByText('dora@example.com').waitFor({ state: 'detached' });
    assert.equal(await open.evaluate((each) => each.value), emil.credentialId, 'the only one that is left');
  },

  async 'deleted stored id is not the value'(person, { vault }) {
    const button = await person.fresh('sr-oauth-button', { plugin: 'scripted' });
    const { credentialId } = await connect(person, button, 'fay@example.com');
    await vault.call('DELETE', `/v1/credentials/${credentialId}`, await vault.session(person.user), undefined, {
      'if-match': '*',
    });
    const again = await person.fresh('sr-oauth-button', { plugin: 'scripted', credentialId });
    await again.getByRole('button', { name: 'Connect Scripted' }).waitFor();
    assert.equal(await again.evaluate((each) => each.value), '');
  },

  async 'single shows one account'(person) {
    const button = await person.fresh('sr-oauth-button', { plugin: 'scripted' });
    const gus = await connect(person, button, 'gus@example.com');
    await connect(person, button, 'hana@example.com');
    const fixed = await person.fresh('sr-oauth-button', { single: true, credentialId: gus.credentialId });
    await fixed.getByText('gus@example.com').waitFor();
    assert.equal(await fixed.getByText('hana@example.com').count(), 0);
    assert.equal(await fixed.getByRole('button', { name: 'Connect another account' }).count(), 0);
  },

  async 'form saves and renews an account'(person, { vault }) {
    person.world.scripted.account = { sub: 'ida', email: 'ida@example.com' };
    for (const words of ['Saved.', 'was connected already']) {
      const form = await person.fresh('sr-credential-form', { plugin: 'scripted' });
      await form.getByRole('button', { name: 'Connect Scripted' }).click();
      await form.getByText(words).waitFor();
      await form.getByText('ida@example.com', { exact: true }).waitFor();
    }
    assert.equal((await items(vault, person.user)).length, 1);
  },
};
