// The console as the vault serves it, with its policy. A binary that was built before the last change of web/pages has older
// ones compiled in: then the pages are taken from the disk, under the same addresses and the same policy.
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

/** Whether the binary has the pages that are on the disk. */
async function isCurrent(vault) {
  for (const name of files) {
    const answer = await fetch(vault.origin + pathOf(name));
    if (!answer.ok || (await answer.text()) !== readFileSync(new URL(name, pages), 'utf8')) return false;
    if (name === 'console.html') assert.equal(answer.headers.get('content-security-policy'), POLICY);
  }
  return true;
}

/** The address of the console's first script, as only the page on the disk asks for it here. */
const SCRIPT = pathOf('console.js');
const MARKED = `${SCRIPT}?disk`;

/** What a route answers. A redirect goes around the routes: the page that it brings loads itself anew, before it begins. */
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

/** A link of the command line, for the operator or for a user. */
export async function linkFor(vault, user) {
  return (await vault.cli(['console', 'link', ...(user ? ['--user', user] : [])])).link;
}

const headed = (page, name) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor();

/** What a link leads to signs nobody in by itself. */
export const accept = (page) => page.getByRole('button', { name: 'Sign in', exact: true }).click();

/** Waits until a user's page has loaded, and the list in it too. A page that still loads would draw over what comes next. */
export async function userPage(page) {
  await headed(page, 'Your credentials');
  await page.locator('sr-credential-list').locator('table, .nothing').waitFor();
}

/** Does what makes an operator's page draw anew. Waits until the page from before has gone and the new one has loaded. */
export async function redrawn(page, act) {
  const before = await page.locator('#place > div').elementHandle();
  await act();
  await page.waitForFunction((old) => !old.isConnected && !document.querySelector('[aria-busy]'), before);
}

/** Signs a user in. */
export async function enterAs(person, vault, user) {
  await openConsole(person, vault);
  await person.page.goto(await linkFor(vault, user));
  await accept(person.page);
  await userPage(person.page);
  return person.page;
}

/** Signs an operator in, and goes to one of the pages. */
export async function operate(person, vault, title) {
  await openConsole(person, vault);
  const { page } = person;
  await page.goto(await linkFor(vault));
  await accept(page);
  await headed(page, 'Plugins');
  // The address has no page yet, so each link draws anew. That closes dialogs.
  await redrawn(page, () => page.getByRole('navigation').getByRole('link', { name: title }).click());
  await headed(page, title);
  return page;
}
