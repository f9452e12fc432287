// The console as the vault serves it, with its policy. If the binary is older than web/pages, routes serve the files of
// the disk under the same addresses and the same policy.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';

const pages = new URL('../../pages/', import.meta.url);
const KINDS = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
};

export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; " +
  "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types lit-html";

const pathOf = (name) => (name === 'console.html' ? '/' : `/console/${name}`);
const files = readdirSync(pages).filter((name) => name.startsWith('console'));

let compared;

/** Whether the binary contains the pages of the disk. */
async function isCurrent(vault) {
  for (const name of files) {
    const answer = await fetch(vault.origin + pathOf(name));
    if (!answer.ok || (await answer.text()) !== readFileSync(new URL(name, pages), 'utf8')) return false;
    if (name === 'console.html') assert.equal(answer.headers.get('content-security-policy'), POLICY);
  }
  return true;
}

/** The address of the console's first script. Only the page of the disk requests it here. */
const SCRIPT = pathOf('console.js');
const MARKED = `${SCRIPT}?disk`;

/** The answer of a route. A redirect bypasses the routes, so the page that it loads first reloads itself. */
function contentOf(name, address) {
  if (name === 'console.js' && !address.endsWith(MARKED)) return 'location.reload();';
  const content = readFileSync(new URL(name, pages), 'utf8');
  return name === 'console.html' ? content.replace(SCRIPT, MARKED) : content;
}

export async function openConsole(person, vault) {
  compared ??= isCurrent(vault);
  if (await compared) return;
  if (!openConsole.told) console.log('     (the binary has other pages compiled in: these are the ones on the disk)');
  openConsole.told = true;
  for (const name of files) {
    const headers = {
      'content-type': KINDS[name.split('.').pop()],
      ...(name === 'console.html' ? { 'content-security-policy': POLICY } : {}),
    };
    const isThis = (url) => url.origin === vault.origin && url.pathname === pathOf(name);
    await person.context.route(isThis, (route) =>
      route.fulfill({ headers, body: contentOf(name, route.request().url()) }),
    );
  }
}

/** A sign-in link of the command line, for the operator or a user. */
export async function linkFor(vault, user) {
  return (await vault.cli(['console', 'link', ...(user ? ['--user', user] : [])])).link;
}

const headed = (page, name) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor();

/** The page of a link signs in only after a confirmation. */
export const accept = (page) => page.getByRole('button', { name: 'Sign in', exact: true }).click();

/** Waits until a user's page and its list have loaded. A loading page would overwrite what a test does next. */
export async function userPage(page) {
  await headed(page, 'Your credentials');
  await page.locator('sr-credential-list').locator('table, .nothing').waitFor();
}

/** Triggers a redraw of an operator's page. Waits until the former page is removed and the new one is loaded. */
export async function redrawn(page, act) {
  const before = await page.locator('#place > div').elementHandle();
  await act();
  await page.waitForFunction((old) => !old.isConnected && !document.querySelector('[aria-busy]'), before);
}

/** Signs in a user. */
export async function enterAs(person, vault, user) {
  await openConsole(person, vault);
  await person.page.goto(await linkFor(vault, user));
  await accept(person.page);
  await userPage(person.page);
  return person.page;
}

/** Signs in an operator, and opens one of the pages. */
export async function operate(person, vault, title) {
  await openConsole(person, vault);
  const { page } = person;
  await page.goto(await linkFor(vault));
  await accept(page);
  await headed(page, 'Plugins');
  // The address has no page yet, so each link causes a redraw. A redraw closes dialogs.
  await redrawn(page, () => page.getByRole('navigation').getByRole('link', { name: title }).click());
  await headed(page, title);
  return page;
}
