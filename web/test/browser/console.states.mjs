// Tests of the console against the real server: signing in and out, the pages of users and operators, secrets and
// hostile texts.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { accept, enterAs, linkFor, openConsole, operate, redrawn, userPage } from './console-vault.mjs';
import { consent, signIn } from './provider.mjs';
import { becomes, until } from './vault.mjs';

const LEAVE = 'Discard what you have entered?';
const HOSTILE = '<img src=x onerror=window.hit=1>/../?#{{7*7}}';
const manifest = (title, more = {}) => ({
  title,
  access: 'read',
  credentials: {
    'api-key': {
      schema: { type: 'object', required: ['api_key'], properties: { api_key: { type: 'string', title: 'API key' } } },
    },
  },
  ...more,
});

const headingOf = (page, name) => page.getByRole('heading', { level: 1, name, exact: true });
const tab = (page, name) => page.getByRole('navigation').getByRole('link', { name });
const dialogOf = (page) => page.locator('body > dialog');
const said = (page, text) => page.locator('#said').getByText(text).waitFor();
/** Waits until the page has no dialog. A closed dialog is removed with the browser's next frame. */
const closed = (page) => dialogOf(page).waitFor({ state: 'detached' });
/** Waits until an element with this text has the focus. */
const focused = (page, text, tag = '*') =>
  becomes(
    `the focus is on “${text}”`,
    () =>
      page.evaluate(
        (wanted) => (document.activeElement.matches(wanted) ? document.activeElement.textContent : 'another'),
        tag,
      ),
    text,
  );
const wide = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

/** The content of the page, its storage and its readable cookies. */
const held = (page) =>
  page.evaluate(() =>
    [
      document.documentElement.outerHTML,
      JSON.stringify({ ...localStorage, ...sessionStorage }),
      document.cookie,
      location.href,
    ].join(),
  );

async function eachPage(person, vault, check) {
  const page = await operate(person, vault, 'Health');
  for (const name of ['Plugins', 'OAuth apps', 'Keys', 'Users', 'Audit', 'Health']) {
    await redrawn(page, () => tab(page, name).click());
    await headingOf(page, name).waitFor();
    await check(page, name.toLowerCase().replace(' ', '-'));
  }
}

const withLittleRoom =
  (kind) =>
  async (person, { vault }) => {
    await vault.save(person.user, 'weather', 'api-key', 'Work', { api_key: 'stored-key' });
    await eachPage(person, vault, async (page, name) => {
      await person.state(`console-${kind}-${name}`);
      assert((await wide(page)) <= 0, `${name} scrolls sideways`);
    });
  };
const narrow = withLittleRoom('narrow');
narrow.options = { viewport: { width: 320, height: 640 } };
const magnified = withLittleRoom('magnified');
magnified.options = { viewport: { width: 1280, height: 800 }, zoom: 2 };

async function dark(person, { vault }) {
  await eachPage(person, vault, (_, name) => person.state(`console-dark-${name}`));
}
dark.options = { colorScheme: 'dark', viewport: { width: 1280, height: 800 } };

async function contrast(person, { vault }) {
  await eachPage(person, vault, (_, name) => person.state(`console-forced-${name}`));
}
contrast.options = { forcedColors: 'active' };

/** Requests another user's object. The log records the denial. */
async function refused(vault, token, method) {
  const headers = { authorization: `Bearer ${token}`, 'if-match': '*' };
  const answer = await fetch(`${vault.origin}/v1/credentials/cred_${'0'.repeat(32)}`, { method, headers });
  assert.equal(answer.status, 404);
}

/** Fills in and sends the search for events, and waits for the result. */
async function find(page, { user, action, denied }) {
  if (user) await page.getByLabel('User').fill(user);
  if (action) await page.getByLabel('Action').fill(action);
  if (denied) await page.getByLabel('Denied only').check();
  await redrawn(page, () => page.getByRole('button', { name: 'Find' }).click());
}

async function files(person, { vault }) {
  await vault.save(person.user, 'weather', 'api-key', 'Work', { api_key: 'stored-key' });
  const page = await operate(person, vault, 'Audit');
  await find(page, { user: person.user });
  await page.getByRole('link', { name: 'credential.save' }).waitFor();
  await person.state('console-audit-found');
  const rows = await page.locator('tbody tr').allTextContents();
  assert(
    rows.every((text) => text.includes(person.user)),
    'only this user’s events',
  );
  const shown = rows.length;
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export these' }).click();
  const download = await saving;
  const events = readFileSync(await download.path(), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.match(download.suggestedFilename(), /^strongroom-audit-.*\.jsonl$/);
  assert.equal(events.length, shown);
  assert(
    events.every(({ user_id: user }) => user === person.user),
    'only what was looked for',
  );
  assert(
    events.every(({ seq }, at) => !at || seq < events[at - 1].seq),
    'newest first',
  );
  await said(page, `Exported ${shown} event`);
  await closed(page);
}
files.options = { viewport: { width: 1280, height: 800 }, acceptDownloads: true };

export default {
  'pages fit 320 px': narrow,
  'pages fit at 200 %': magnified,
  'pages have a dark mode': dark,
  'pages support forced colours': contrast,
  'found events are exported': files,

  async 'link signs in once'(person, { vault }) {
    const { page } = person;
    await openConsole(person, vault);
    await page.goto(vault.origin);
    await headingOf(page, 'Sign in').waitFor();
    await page.getByText('strongroom console link', { exact: true }).waitFor();
    await person.state('console-entrance');
    const link = await linkFor(vault, person.user);
    await page.goto(link);
    await page.getByText('Continue only if you made').waitFor();
    await person.state('console-arrival');
    await accept(page);
    await userPage(page);
    await page.getByText(`Signed in as user ${person.user} until`).waitFor();
    assert.equal(page.url(), `${vault.origin}/`);
    assert(!/sr[lc]_/.test(await held(page)), 'neither link nor cookie can be read');
    await page.reload();
    await userPage(page);
    await page.evaluate((again) => void (location.href = again), link);
    await accept(page);
    await said(page, 'This link is not valid');
    assert.equal(page.url(), `${vault.origin}/`);
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await page.getByText('You are signed out.').waitFor();
    await page.goto(link);
    await page.getByText('Continue only if you made').waitFor();
    await page.reload();
    await page.getByText('strongroom console link', { exact: true }).waitFor();
    await page.evaluate((again) => void (location.href = again), link);
    await accept(page);
    await page.getByRole('alert').getByText('A link works once, within ten minutes').waitFor();
    await person.state('console-refused');
    const links = person.seen.filter(({ text }) => /srl_/.test(text)).map(({ what, url }) => `${what} ${url}`);
    assert.deepEqual([...new Set(links)], [`request ${vault.origin}/v1/console/sign-in`]);
  },

  async 'link in an open console signs in the other person'(person, { vault }) {
    const page = await enterAs(person, vault, person.user);
    const link = await linkFor(vault);
    await page.evaluate((address) => void (location.href = address), link);
    await page.getByText(`In this browser you are signed in as ${person.user} now.`).waitFor();
    await accept(page);
    await headingOf(page, 'Plugins').waitFor();
    await said(page, 'You are now signed in as the operator. Before');
    await person.state('console-other-person');
  },

  async 'sign-out ends all sessions'(person, { vault }) {
    const page = await enterAs(person, vault, person.user);
    const there = await person.beside(person.user);
    const other = await enterAs(there, vault, person.user);
    await page.getByRole('button', { name: 'Sign out everywhere' }).click();
    await dialogOf(page).waitFor();
    await person.state('console-everywhere');
    await dialogOf(page).getByRole('button', { name: 'Sign out everywhere' }).click();
    await page.getByText('You are signed out everywhere.').waitFor();
    await headingOf(page, 'Sign in').waitFor();
    await other.getByRole('button', { name: 'Add a credential' }).click();
    await other.getByText('Your sign-in has ended').waitFor();
    await closed(other);
  },

  async 'user adds, tests, changes and deletes'(person, { vault, secret }) {
    const page = await enterAs(person, vault, person.user);
    await page.getByText('No credentials yet').waitFor();
    await person.state('console-user-empty');
    await page.getByRole('button', { name: 'Add a credential' }).click();
    await dialogOf(page).getByRole('button', { name: 'Weather' }).waitFor();
    await person.state('console-user-choose');
    await dialogOf(page).getByLabel('Find a plugin').fill('asks for the weather');
    await becomes('one plugin is left', () => dialogOf(page).getByRole('listitem').count(), 1);
    await dialogOf(page).getByRole('button', { name: 'Weather' }).click();
    await dialogOf(page).getByLabel('API key', { exact: true }).fill(secret('good'));
    await person.state('console-user-form');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog', { name: LEAVE }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog', { name: LEAVE }).waitFor({ state: 'hidden' });
    await dialogOf(page).getByRole('button', { name: 'Save' }).click();
    await said(page, 'Saved “Weather”.');
    await closed(page);
    const list = page.locator('sr-credential-list');
    await list.getByRole('button', { name: 'Test Weather' }).click();
    await list.getByText('Accepted').waitFor();
    await person.state('console-user');
    await list.getByRole('button', { name: 'Edit Weather' }).click();
    await list.locator('#name').fill('Rain');
    await list.getByRole('button', { name: 'Save' }).click();
    await list.locator('tbody').getByText('Rain').waitFor();
    await list.locator('dialog').waitFor({ state: 'detached' });
    await page.reload();
    await list.getByRole('button', { name: 'Delete Rain' }).click();
    await list.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await list.getByText('No credentials yet').waitFor();
  },

  async 'user connects an account'(person, { vault }) {
    const page = await enterAs(person, vault, person.user);
    await page.getByRole('button', { name: 'Add a credential' }).click();
    await dialogOf(page).getByRole('button', { name: 'Mail Reads mail.' }).click();
    const opening = person.context.waitForEvent('page');
    await dialogOf(page).getByRole('button', { name: 'Connect Witness' }).click();
    const popup = await opening;
    await signIn(popup, 'dora');
    await consent(popup);
    await said(page, 'Saved “Mail”.');
    await page.locator('sr-credential-list tbody').getByText('dora@example.com').waitFor();
    await until('the window closes', () => popup.isClosed());
    await closed(page);
    await person.state('console-user-connected');
  },

  async 'operator registers, replaces and removes a plugin'(person, { vault }) {
    const page = await operate(person, vault, 'Plugins');
    await page.getByRole('button', { name: 'Register a plugin' }).click();
    const dialog = dialogOf(page);
    await dialog.getByRole('button', { name: 'Register' }).click();
    await dialog.getByText('Must have a value').waitFor();
    await dialog.getByLabel('Name').fill('weather');
    await dialog.getByLabel('Manifest', { exact: true }).fill('{"title": ');
    await dialog.getByRole('button', { name: 'Register' }).click();
    await dialog.getByText('This is not JSON').waitFor();
    await dialog
      .getByLabel('Manifest', { exact: true })
      .fill(JSON.stringify(manifest('', { hosts: ['not a host'], docs_url: 'http://x' })));
    await dialog.getByRole('button', { name: 'Register' }).click();
    await dialog.getByText('docs_url').waitFor();
    await dialog.getByLabel('Manifest', { exact: true }).and(page.locator('[aria-invalid=true]')).waitFor();
    await person.state('console-plugin-faults');
    await dialog.getByLabel('Manifest', { exact: true }).fill(JSON.stringify(manifest('Again')));
    await dialog.getByRole('button', { name: 'Register' }).click();
    await dialog.getByText('registered already').waitFor();
    await dialog.evaluate((each) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['{"dropped": true}'], 'dropped.json'));
      each.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
    });
    await page.waitForFunction(() => document.querySelector('dialog textarea').value.includes('dropped'));
    await dialog.getByLabel('Name').fill('');
    await dialog.getByLabel('Manifest file').setInputFiles({
      name: 'Clock Tower.json',
      mimeType: 'application/json',
      buffer: Buffer.from(JSON.stringify(manifest('Clock'))),
    });
    await page.waitForFunction(() => document.querySelector('dialog input').value === 'clock-tower');
    await dialog.getByRole('button', { name: 'Register' }).click();
    await said(page, 'Registered clock-tower.');
    await closed(page);
    await page.getByRole('button', { name: 'Manifest clock-tower' }).click();
    await dialog.getByText('"api_key"').waitFor();
    await person.state('console-manifest');
    await dialog.getByRole('button', { name: 'Close' }).click();
    await closed(page);
    await page.getByRole('button', { name: 'Replace clock-tower' }).click();
    const text = dialog.getByLabel('Manifest', { exact: true });
    await text.fill((await text.inputValue()).replace('"Clock"', '"Tower"'));
    await vault.plugin('clock-tower', manifest('Meanwhile'));
    await dialog.getByRole('button', { name: 'Replace' }).click();
    await dialog.getByText('It was changed after you loaded').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await closed(page);
    await vault.save(person.user, 'clock-tower', 'api-key', 'Bell', { api_key: 'stored-key' });
    await page.reload();
    await page.getByRole('button', { name: 'Remove… clock-tower' }).click();
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await dialog.getByText('This is not what has to be typed').waitFor();
    await dialog.getByLabel('To go on, type clock-tower').fill('clock-tower');
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await dialog.getByText('People still have 1 credential for it').waitFor();
    await person.state('console-plugin-in-use');
    await dialog.getByLabel('Also delete all users’ credentials for it').check();
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await said(page, 'Removed clock-tower.');
    await closed(page);
    await person.state('console-plugins');
  },

  async 'operator adds and removes an OAuth app'(person, { vault, secret }) {
    const page = await operate(person, vault, 'OAuth apps');
    await page.getByRole('button', { name: 'Add an OAuth app' }).click();
    const dialog = dialogOf(page);
    await dialog.getByRole('button', { name: 'Add' }).click();
    await dialog.getByText('Must have a value').waitFor();
    await dialog.getByLabel('Provider').selectOption('bare');
    await dialog.getByText('The witness forgets everybody').waitFor();
    await dialog.getByLabel('Client id').fill('console-client');
    await dialog.getByRole('button', { name: 'Add' }).click();
    await dialog.getByText('clients of this provider have a secret').waitFor();
    await person.state('console-app-faults');
    await dialog.getByLabel('Client secret').fill(secret());
    await dialog.getByRole('button', { name: 'Add' }).click();
    await said(page, 'Register this redirect address there');
    await closed(page);
    await page
      .locator('tbody tr')
      .filter({ hasText: 'console-client' })
      .getByText('/api/auth/oauth/callback/')
      .waitFor();
    await person.state('console-apps');
    await page.getByRole('button', { name: 'Remove… Bare, console-client' }).click();
    // Enter must not remove anything.
    await focused(page, 'Cancel');
    await person.state('console-app-remove');
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await said(page, 'Removed the OAuth app');
    await closed(page);
    await page.getByRole('button', { name: 'Add an OAuth app' }).click();
    await dialog.getByLabel('Provider').selectOption('okta');
    await dialog.getByLabel('Client id').fill('x');
    await dialog.getByLabel('Client secret').fill(secret());
    await dialog.getByRole('button', { name: 'Add' }).click();
    await dialog.locator('[data-field^="parameters/"] .fault').getByText(/\w/).waitFor();
    await dialog
      .getByLabel('Key file')
      .setInputFiles({ name: 'key.pem', mimeType: 'text/plain', buffer: Buffer.from('x') });
    await dialog.getByRole('button', { name: 'Add' }).click();
    await dialog.getByText('Give a secret or a key file, not both').waitFor();
    await person.state('console-app-parameters');
  },

  async 'key is shown once'(person, { vault }) {
    const page = await operate(person, vault, 'Keys');
    const dialog = dialogOf(page);
    await page.getByRole('button', { name: 'New host key' }).click();
    await dialog.getByRole('button', { name: 'Make the key' }).click();
    await dialog.locator('.fault').getByText(/\w/).waitFor();
    await person.state('console-key-fault');
    await dialog.getByLabel('What is it for?').fill('Backend');
    await dialog.getByRole('button', { name: 'Make the key' }).click();
    await dialog.getByText('It is shown only once').waitFor();
    const token = await dialog.locator('.token').textContent();
    assert.match(token, /^srh_/);
    await person.state('console-key-shown');
    assert.equal(
      (await vault.call('GET', '/v1/host-keys', token)).items.some(({ label }) => label === 'Backend'),
      true,
    );
    // The dialog gets Escape. If it closed, it would be removed with the next frame.
    await dialog.evaluate((each) => {
      const frame = (then) => () => requestAnimationFrame(then);
      each.addEventListener('cancel', frame(frame(() => (window.hasHeard = true))));
    });
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => window.hasHeard);
    assert(await dialog.isVisible(), 'a habit does not close it');
    await dialog.getByRole('button', { name: 'I have kept it' }).click();
    await said(page, 'Made the key “Backend”.');
    await closed(page);
    assert(!(await held(page)).includes(token), 'it is gone from the page');
    await page.getByRole('button', { name: 'Revoke… Backend' }).click();
    await dialog.waitFor();
    await person.state('console-key-revoke');
    await dialog.getByRole('button', { name: 'Revoke' }).click();
    await said(page, 'Revoked “Backend”.');
    await closed(page);
    await assert.rejects(vault.call('GET', '/v1/host-keys', token), /401/);
    await redrawn(page, () => page.getByLabel('Plugin', { exact: true }).selectOption('weather'));
    await page.getByRole('button', { name: 'New plugin key' }).click();
    await dialog.getByLabel('What is it for?').fill('Plugin machine');
    await dialog.getByRole('button', { name: 'Make the key' }).click();
    assert.match(await dialog.locator('.token').textContent(), /^srp_/);
    await dialog.getByRole('button', { name: 'I have kept it' }).click();
    await said(page, 'Made the key “Plugin machine”.');
    await closed(page);
    await page.getByRole('button', { name: 'Revoke… Plugin machine' }).waitFor();
    await person.state('console-keys');
    await page.getByRole('button', { name: 'Revoke… Plugin machine' }).click();
    await dialog.getByRole('button', { name: 'Revoke' }).click();
    await said(page, 'Revoked “Plugin machine”.');
  },

  async 'operator deletes a user'(person, { vault, secret }) {
    const key = secret();
    await vault.save(person.user, 'weather', 'api-key', 'Work', { api_key: key });
    const page = await operate(person, vault, 'Users');
    const row = page
      .locator('tbody tr')
      .filter({ has: page.getByRole('rowheader', { name: person.user, exact: true }) });
    assert.equal(await row.getByRole('cell').first().textContent(), '1');
    await person.state('console-users');
    await row.getByRole('button', { name: 'Delete…' }).click();
    const dialog = dialogOf(page);
    await dialog.getByLabel(`To go on, type ${person.user}`).fill('somebody');
    await dialog.getByRole('button', { name: 'Delete the user' }).click();
    await dialog.getByText('This is not what has to be typed').waitFor();
    await person.state('console-user-delete');
    await dialog.getByLabel(`To go on, type ${person.user}`).fill(person.user);
    await page.keyboard.press('Enter');
    await said(page, `Deleted the user ${person.user}.`);
    await focused(page, 'Users', 'h1');
    await row.waitFor({ state: 'detached' });
  },

  async 'search finds events page by page'(person, { vault }) {
    const token = await vault.session(person.user);
    for (let made = 0; made < 60; made += 1) await vault.session(person.user);
    for (const method of ['GET', 'DELETE']) await refused(vault, token, method);
    const page = await operate(person, vault, 'Audit');
    await find(page, { user: person.user });
    await page.getByText('50 events, and there are older ones').waitFor();
    await page.getByRole('button', { name: 'Older' }).click();
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length > 50);
    const order = await page.locator('tbody tr > th .soft').allTextContents();
    const numbers = order.map((text) => Number(text.replace(/\D/g, '')));
    assert(
      numbers.every((seq, at) => !at || seq < numbers[at - 1]),
      'newest first',
    );
    await find(page, { action: 'credential.steal' });
    await page.locator('.fault').getByText('The server knows no such one').waitFor();
    await page.getByText('Must be one of credential.save').waitFor();
    await person.state('console-audit-fault');
    await redrawn(page, () => page.goBack());
    await page.getByText('50 events, and there are older ones').waitFor();
    await find(page, { denied: true });
    assert.equal(new URL(page.url()).hash, `#audit?user_id=${person.user}&denied=true`);
    assert.deepEqual(
      await page.evaluate(() => ['tbody tr', 'tbody .badge'].map((each) => document.querySelectorAll(each).length)),
      [2, 2],
    );
    await page.goto(`${vault.origin}/#audit?action=user.delete`);
    await page.reload();
    await headingOf(page, 'Audit').waitFor();
    assert.equal(await page.getByLabel('Action').inputValue(), 'user.delete');
  },

  async 'health page shows a failed check'(person, { vault }) {
    const page = await operate(person, vault, 'Health');
    await page.getByText('It runs and answers').waitFor();
    await page.getByText('A transaction can be committed').waitFor();
    const { info } = await (await fetch(`${vault.origin}/v1/openapi.json`)).json();
    await page.getByText(info.version, { exact: true }).waitFor();
    await page.route('**/readyz', (route) => route.fulfill({ status: 503 }));
    await redrawn(page, () => page.getByRole('button', { name: 'Check again' }).click());
    await page.getByText('not well', { exact: true }).waitFor();
    await said(page, 'Checked.');
    await person.state('console-health-unwell');
  },

  async 'problems are explained'(person, { vault }) {
    const page = await operate(person, vault, 'Keys');
    const dialog = dialogOf(page);
    const detail = 'this request requires a recent sign-in; run `strongroom console link` and sign in again';
    await page.route('**/v1/host-keys', (route) =>
      route.request().method() === 'POST'
        ? route.fulfill({ status: 403, json: { type: 'urn:strongroom:problem:sign-in-again', detail } })
        : route.continue(),
    );
    await page.getByRole('button', { name: 'New host key' }).click();
    await dialog.getByLabel('What is it for?').fill('Late');
    await dialog.getByRole('button', { name: 'Make the key' }).click();
    await dialog.getByText('older than 15 minutes').waitFor();
    await person.state('console-sign-in-again');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await closed(page);
    await page.route('**/v1/users?*', (route) => route.abort());
    await tab(page, 'Users').click();
    await page.getByRole('alert').getByText('does not answer').waitFor();
    await person.state('console-offline');
    await page.unroute('**/v1/users?*');
    await page.getByRole('button', { name: 'Try again' }).click();
    // A failed page has the heading too. A loaded page has neither an error nor a busy element.
    await page.waitForFunction(() => !document.querySelector('[role=alert], [aria-busy]'));
    await headingOf(page, 'Users').waitFor();
    await person.context.clearCookies();
    await tab(page, 'Plugins').click();
    await page.getByText('Your sign-in has ended').waitFor();
    await tab(page, 'Plugins').waitFor({ state: 'detached' });
  },

  async 'keyboard moves between pages'(person, { vault }) {
    const page = await operate(person, vault, 'Plugins');
    await page.reload();
    await page.getByRole('button', { name: 'Register a plugin' }).waitFor();
    await page.keyboard.press('Tab');
    await focused(page, 'Skip to the content');
    await tab(page, 'Users').focus();
    await redrawn(page, () => page.keyboard.press('Enter'));
    await headingOf(page, 'Users').waitFor();
    await focused(page, 'Users', 'h1');
    await tab(page, 'Users').and(page.locator('[aria-current=page]')).waitFor();
    await redrawn(page, () => page.goBack());
    await focused(page, 'Plugins', 'h1');
    const register = page.getByRole('button', { name: 'Register a plugin' });
    await register.focus();
    await page.keyboard.press('Enter');
    await dialogOf(page).waitFor();
    await page.keyboard.press('Escape');
    await closed(page);
    await focused(page, 'Register a plugin');
  },

  async 'hostile texts stay text'(person, { vault }) {
    await vault.plugin('hostile', manifest(HOSTILE, { description: HOSTILE }));
    await vault.save(HOSTILE, 'hostile', 'api-key', 'Name', { api_key: 'stored-key' });
    await vault.call('POST', '/v1/host-keys', vault.hostKey, { label: HOSTILE });
    await eachPage(person, vault, async (page) => {
      assert.equal(await page.evaluate(() => window.hit), undefined);
      assert.equal(await page.locator('img, script:not([src]), [style]').count(), 0);
    });
    const { page } = person;
    await redrawn(page, () => tab(page, 'Users').click());
    const row = page.locator('tbody tr').filter({ hasText: '<img' });
    await redrawn(page, () => row.getByRole('link', { name: 'Log' }).click());
    await page.getByRole('link', { name: 'credential.save' }).first().waitFor();
    assert.equal(await page.getByLabel('User').inputValue(), HOSTILE);
    await redrawn(page, () => page.goBack());
    await row.getByRole('button', { name: 'Delete…' }).click();
    await dialogOf(page).getByLabel('To go on').fill(HOSTILE);
    await dialogOf(page).getByRole('button', { name: 'Delete the user' }).click();
    await said(page, HOSTILE);
    await closed(page);
    await redrawn(page, () => tab(page, 'Keys').click());
    await page.getByRole('button', { name: `Revoke… ${HOSTILE}` }).click();
    await dialogOf(page).getByRole('button', { name: 'Revoke' }).click();
    await said(page, 'Revoked');
    await vault.call('DELETE', '/v1/plugins/hostile?credentials=true', vault.hostKey);
  },
};
