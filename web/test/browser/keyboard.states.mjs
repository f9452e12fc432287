// Tests with the keyboard only: no click, no call and no scripted focus after the page is open. Each step reaches its
// control by Tab. The focused element must always be visible.
import assert from 'node:assert/strict';
import { consent, signIn } from './provider.mjs';
import { becomes, until } from './vault.mjs';

/** The focused element, through shadow roots: its accessible name, and whether it has a focus ring. */
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

/** Waits until the focus has moved to a control of that name. */
async function arrives(page, name, role = null) {
  const isThere = async () => {
    const at = await focused(page);
    return name.test(at.name) && (!role || role === at.role) ? at : null;
  };
  const { name: found, isSeen } = await until(`the focus is on ${name}`, isThere);
  assert(isSeen, `${found} has the focus, and shows no ring`);
}

/** Presses Tab until a control of that name has the focus. */
async function reach(page, name, { back = false, role = null } = {}) {
  const passed = [];
  for (let steps = 0; steps < 60; steps += 1) {
    const at = await focused(page);
    if (name.test(at.name) && (!role || role === at.role)) {
      assert(at.isSeen, `${at.name} has the focus, and it is not visible`);
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

/** Waits until a dialog is open and contains the focus. */
async function opened(element) {
  await element.getByRole('dialog').waitFor();
  await until('the focus is in the dialog', () =>
    element.evaluate(({ shadowRoot }) => Boolean(shadowRoot.activeElement?.closest('dialog'))),
  );
}

const closed = (element) => element.locator('dialog').waitFor({ state: 'detached' });

async function form(person, { vault, secret }) {
  const element = await person.fresh('sr-credential-form', { plugin: 'weather' });
  const { page } = person;
  await element.getByRole('textbox', { name: 'API key' }).waitFor();
  await type(page, /^Name/, 'Work');
  await press(page, /^Save$/);
  await element.locator('#summary').waitFor();
  await arrives(page, /API key: is required/, 'div');
  await press(page, /^API key: is required/);
  await arrives(page, /^API key/, 'password');
  await page.keyboard.type(secret());
  await press(page, /^Show what I type/, {}, 'Space');
  await element.locator('#field-api_key[type=text]').waitFor();
  await type(page, /^Region/, 'eu');
  await page.keyboard.press('Enter');
  await element.getByText('Saved.').waitFor();
  await press(page, /^Replace API key/, { back: true });
  await arrives(page, /^API key/, 'password');
  await page.keyboard.type(secret());
  await press(page, /^Undo the change of API key/);
  await arrives(page, /^Replace API key/);
  await page.keyboard.press('Enter');
  await arrives(page, /^API key/, 'password');
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
  await opened(element);
  await element.getByRole('dialog').getByText('theirs').waitFor();
  await page.keyboard.press('Escape');
  await closed(element);
  // The controls are disabled until the save has ended.
  await element.locator('form[aria-busy=false]').waitFor();
  await press(page, /^Save$/);
  await opened(element);
  await element.getByRole('dialog').getByText('theirs').waitFor();
  await reach(page, /^Mine:/, { role: 'radio' });
  await page.keyboard.press('ArrowDown');
  await element.getByRole('radio', { name: /^Theirs:/, checked: true }).waitFor();
  await press(page, /^Save this/);
  await element.getByText('Saved.').waitFor();
  await closed(element);
  const now = await vault.call('GET', `/v1/credentials/${items[0].id}`, token);
  assert.deepEqual([now.settings.region, now.revision], ['theirs', 3]);
  await type(page, /^Note/, 'lost');
  await press(page, /^Cancel/);
  await opened(element);
  await press(page, /^Discard/);
  await becomes('it is left once', async () => (await person.events('sr-cancel')).length, 1);
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
    await until('the window closes', () => popup.isClosed());
    await page.bringToFront();
    // During a connection, the element shows no account.
    await element.getByText(`${login}@example.com`).waitFor();
  };
  const opening = person.context.waitForEvent('page');
  await press(page, /^Connect Witness/);
  await (await opening).waitForURL(/localhost/);
  await page.bringToFront();
  await element.getByText('Continue in the').waitFor();
  await press(page, /^Cancel/);
  await element.getByRole('button', { name: 'Connect Witness' }).waitFor();
  for (const each of person.context.pages()) if (each !== page) await each.close();
  await through(/^Connect Witness/, 'karl');
  await through(/^Reconnect/, 'karl', true);
  await press(page, /^Disconnect/, {}, 'Space');
  await opened(element);
  await press(page, /^Cancel/);
  await closed(element);
  await arrives(page, /^Disconnect/);
  await page.keyboard.press('Enter');
  await opened(element);
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
  const shows = (names) => becomes('the rows', () => element.locator('tbody th bdi').allTextContents(), names);
  await element.getByText('4 credentials', { exact: true }).waitFor();
  await until('the list has loaded', async () => (await person.events('sr-load')).length);
  await press(page, /^Page 2 of 2/);
  await shows(['Gamma', 'Post']);
  await becomes(
    'the focus is on the table',
    () => element.evaluate(({ shadowRoot }) => shadowRoot.activeElement?.localName),
    'table',
  );
  await press(page, /^Name/, { back: true });
  await shows(['Beta', 'Alpha']);
  await type(page, /^Search/, 'zzz');
  await element.getByText('No matching credentials').waitFor();
  await press(page, /^Show all/);
  await element.getByText('4 credentials', { exact: true }).waitFor();
  await reach(page, /^Plugin/, { role: 'select-one', back: true });
  // One letter, because each letter starts a new search.
  await page.keyboard.type('W');
  await element.getByText('3 credentials', { exact: true }).waitFor();
  await shows(['Gamma', 'Beta']);
  await reach(page, /^Select all on this page/);
  await page.keyboard.press('Space');
  await element.getByText('2 selected').waitFor();
  await press(page, /^Clear selection/, { back: true });
  await element.getByText('2 selected').waitFor({ state: 'detached' });
  await press(page, /^Test Gamma/);
  await element.getByText('Accepted').waitFor();
  await press(page, /^Edit Gamma/);
  await opened(element);
  await element.locator('#name').waitFor();
  await type(page, /^Name/, 'Omega');
  await page.keyboard.press('Enter');
  await closed(element);
  await shows(['Omega', 'Beta']);
  await arrives(page, /^Edit Omega/);
  for (const name of ['Omega', 'Beta']) {
    await press(page, new RegExp(`^Select ${name}`), { role: 'checkbox' }, 'Space');
    await element.getByRole('checkbox', { name: `Select ${name}`, checked: true }).waitFor();
  }
  await element.getByText('2 selected').waitFor();
  await press(page, /^Delete$/, { back: true });
  await opened(element);
  await page.keyboard.press('Escape');
  await closed(element);
  await arrives(page, /^Delete$/);
  await page.keyboard.press('Enter');
  await opened(element);
  await press(page, /^Delete$/);
  await element.getByText('One credential', { exact: true }).waitFor();
  const { items } = await vault.call('GET', '/v1/credentials', await vault.session(person.user));
  assert.deepEqual(items.map(({ name }) => name).toSorted(), ['Alpha', 'Post']);
}

export default {
  'keyboard operates the form': form,
  'keyboard operates the button': button,
  'keyboard operates the list': list,
};
