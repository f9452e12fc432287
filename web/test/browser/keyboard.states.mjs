// By keyboard alone: no click, no call, no focus set by script after the page is open. Each step goes to its control by Tab
// and is undone or done as people do it; what holds the focus is always to be seen.
import assert from 'node:assert/strict';
import { consent, signIn } from './provider.mjs';

/** What has the focus, through shadow roots: its name for people, and whether a focus ring is drawn around it. */
const focused = (page) =>
  page.evaluate(() => {
    let at = document.activeElement;
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
    if (!at || at === document.body) return { name: '', role: 'body' };
    const root = at.getRootNode();
    const labels = (at.getAttribute('aria-labelledby') ?? '')
      .split(' ')
      .map((id) => root.getElementById(id)?.textContent ?? '')
      .join(' ')
      .trim();
    const name =
      at.getAttribute('aria-label') || labels || at.labels?.[0]?.textContent || at.textContent || at.placeholder || '';
    const { boxShadow, outlineStyle, outlineWidth } = getComputedStyle(at);
    const around = at.closest('.control, .file');
    const isSeen =
      boxShadow !== 'none' ||
      (outlineStyle !== 'none' && outlineWidth !== '0px') ||
      (around && getComputedStyle(around).boxShadow !== 'none');
    return { name: name.trim().replace(/\s+/g, ' '), role: at.type || at.localName, isSeen: Boolean(isSeen) };
  });

/** Tabs until a control of that name has the focus. */
async function reach(page, name, { back = false, role = null } = {}) {
  const passed = [];
  for (let steps = 0; steps < 60; steps += 1) {
    const at = await focused(page);
    if (name.test(at.name) && (!role || role === at.role)) {
      assert(at.isSeen, `${at.name} has the focus, and nobody sees it`);
      return;
    }
    passed.push(`${at.role}:${at.name.slice(0, 40)}`);
    await page.keyboard.press(back ? 'Shift+Tab' : 'Tab');
  }
  assert.fail(`${name} is not to be reached by Tab: ${passed.join(' | ')}`);
}

const press = async (page, name, options = {}, key = 'Enter') => {
  await reach(page, name, options);
  await page.keyboard.press(key);
};

async function type(page, name, text) {
  await reach(page, name);
  await page.keyboard.press('Control+A');
  await page.keyboard.type(text);
}

async function form(person, { vault, secret }) {
  const element = await person.fresh('sr-credential-form', { plugin: 'weather' });
  const { page } = person;
  await element.getByRole('textbox', { name: 'API key' }).waitFor();
  await type(page, /^Name/, 'Work');
  await press(page, /^Save$/);
  await element.locator('#summary').waitFor();
  await press(page, /^API key: Required/);
  assert.match((await focused(page)).name, /^API key/);
  await page.keyboard.type(secret());
  await press(page, /^Show what I type/, {}, 'Space');
  await type(page, /^Region/, 'eu');
  await page.keyboard.press('Enter');
  await element.getByText('Saved.').waitFor();
  await press(page, /^Replace API key/, { back: true });
  assert.match((await focused(page)).name, /^API key/);
  await page.keyboard.type(secret());
  await press(page, /^Undo the change of API key/);
  assert.match((await focused(page)).name, /^Replace API key/);
  await page.keyboard.press('Enter');
  await page.keyboard.type(secret());
  await type(page, /^Region/, 'mine');
  const token = await vault.session(person.user);
  const { items } = await vault.call('GET', '/v1/credentials', token);
  await vault.call(
    'PATCH',
    `/v1/credentials/${items[0].id}`,
    token,
    { fields: { region: 'theirs' } },
    { 'if-match': '*' },
  );
  await page.keyboard.press('Enter');
  await element.getByRole('dialog').getByText('theirs').waitFor();
  await page.keyboard.press('Escape');
  await element.getByRole('dialog').waitFor({ state: 'detached' });
  await press(page, /^Save$/);
  await element.getByRole('dialog').getByText('theirs').waitFor();
  await reach(page, /^Mine:/, { role: 'radio' });
  await page.keyboard.press('ArrowDown');
  await press(page, /^Save this/);
  await element.getByText('Saved.').waitFor();
  const now = await vault.call('GET', `/v1/credentials/${items[0].id}`, token);
  assert.deepEqual([now.settings.region, now.revision], ['theirs', 3]);
  await type(page, /^Note/, 'lost');
  await press(page, /^Cancel/);
  await press(page, /^Discard/);
  assert.equal((await person.events('sr-cancel')).length, 1);
}

async function button(person, { vault }) {
  const element = await person.fresh('sr-oauth-button', { plugin: 'mail' });
  const { page } = person;
  await element.getByRole('button').waitFor();
  const through = async (name, login, isKnown = false) => {
    const opening = person.context.waitForEvent('page');
    await press(page, name);
    const popup = await opening;
    if (!isKnown) await signIn(popup, login);
    await consent(popup);
    await popup.waitForEvent('close');
    await page.bringToFront();
    await element.getByText(`${login}@example.com`).waitFor();
  };
  const opening = person.context.waitForEvent('page');
  await press(page, /^Connect Witness/);
  await (await opening).waitForURL(/localhost/);
  await page.bringToFront();
  await press(page, /^Cancel/);
  await element.getByRole('button', { name: 'Connect Witness' }).waitFor();
  for (const each of person.context.pages()) if (each !== page) await each.close();
  await through(/^Connect Witness/, 'karl');
  await through(/^Reconnect/, 'karl', true);
  await press(page, /^Disconnect/, {}, 'Space');
  await element.getByRole('dialog').waitFor();
  await press(page, /^Cancel/);
  await element.getByRole('dialog').waitFor({ state: 'detached' });
  assert.match((await focused(page)).name, /^Disconnect/);
  await page.keyboard.press('Enter');
  await element.getByRole('dialog').waitFor();
  await press(page, /^Delete/);
  await element.getByRole('button', { name: 'Connect Witness' }).waitFor();
  assert.deepEqual((await vault.call('GET', '/v1/credentials', await vault.session(person.user))).items, []);
}

async function list(person, { vault }) {
  for (const name of ['Alpha', 'Beta', 'Gamma'])
    await vault.save(person.user, 'weather', 'api-key', name, { api_key: 'key-good' });
  await vault.save(person.user, 'mail', 'api-key', 'Post', { api_key: 'key-post' });
  const element = await person.fresh('sr-credential-list', { label: 'Credentials', pageSize: 2 });
  const { page } = person;
  const shown = () => element.locator('tbody th bdi').allTextContents();
  await element.getByText('4 credentials', { exact: true }).waitFor();
  await press(page, /^Page 2 of 2/);
  assert.deepEqual(await shown(), ['Gamma', 'Post']);
  await press(page, /^Name/, { back: true });
  assert.deepEqual(await shown(), ['Beta', 'Alpha']);
  await type(page, /^Search/, 'zzz');
  await element.getByText('No matching credentials').waitFor();
  await press(page, /^Show all/);
  await element.getByText('4 credentials', { exact: true }).waitFor();
  await reach(page, /^Plugin/, { role: 'select-one', back: true });
  await page.keyboard.type('Wea');
  await element.getByText('3 credentials', { exact: true }).waitFor();
  await reach(page, /^Select all on this page/);
  await page.keyboard.press('Space');
  await element.getByText('2 selected').waitFor();
  await press(page, /^Clear selection/, { back: true });
  await press(page, /^Test Gamma/);
  await element.getByText('Accepted').waitFor();
  await press(page, /^Edit Gamma/);
  await element.locator('#name').waitFor();
  await type(page, /^Name/, 'Omega');
  await page.keyboard.press('Enter');
  await element.getByRole('dialog').waitFor({ state: 'detached' });
  assert((await shown()).includes('Omega'));
  for (const name of [/^Select Omega/, /^Select Beta/]) await press(page, name, { role: 'checkbox' }, 'Space');
  await element.getByText('2 selected').waitFor();
  await press(page, /^Delete$/, { back: true });
  await element.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await element.getByRole('dialog').waitFor({ state: 'detached' });
  assert.match((await focused(page)).name, /^Delete$/);
  await page.keyboard.press('Enter');
  await element.getByRole('dialog').waitFor();
  await press(page, /^Delete$/);
  await element.getByText('One credential', { exact: true }).waitFor();
  const { items } = await vault.call('GET', '/v1/credentials', await vault.session(person.user));
  assert.deepEqual(items.map(({ name }) => name).toSorted(), ['Alpha', 'Post']);
}

export default { form, button, list };
