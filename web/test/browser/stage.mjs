// A person with a browser. It records every request, answer, console line, page and storage. After each state, it
// checks the accessibility, and takes a picture if requested.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const pictures = process.argv.includes('--screenshots')
  ? (process.argv[process.argv.indexOf('--screenshots') + 1] ?? 'screenshots')
  : null;
if (pictures) mkdirSync(pictures, { recursive: true });

/** Chromium, with network access to this machine only. */
const CHROMIUM = {
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: [
    ...[
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
  ],
};

export function openBrowser() {
  return chromium.launch(CHROMIUM);
}

/** A separate browser, magnified by its setting for all pages. Each zoom level is a factor of 1.2. */
async function magnified(zoom, options) {
  const profile = mkdtempSync(join(tmpdir(), 'strongroom-zoom-'));
  mkdirSync(join(profile, 'Default'));
  const settings = { partition: { default_zoom_level: { x: Math.log(zoom) / Math.log(1.2) } } };
  writeFileSync(join(profile, 'Default', 'Preferences'), JSON.stringify(settings));
  const context = await chromium.launchPersistentContext(profile, { ...CHROMIUM, ...options });
  return [context, () => rmSync(profile, { recursive: true, force: true, maxRetries: 5 })];
}

export class Person {
  seen = [];
  errors = [];
  /** The origins that the checks cover. A provider's pages are not covered. */
  #own = [];
  #farewells = [];
  #beside = [];

  static async with(world, user, { zoom, ...given } = {}) {
    const person = new Person();
    const { browser, host } = world;
    person.world = world;
    person.user = user;
    person.zoom = zoom;
    person.#own = [host.origin, world.vault.origin];
    const options = { viewport: { width: 900, height: 700 }, reducedMotion: 'reduce', ...given };
    if (zoom) {
      const [context, forget] = await magnified(zoom, options);
      person.context = context;
      person.leave(forget);
    } else {
      person.context = await browser.newContext(options);
    }
    await person.context.addCookies([{ name: 'user', value: user, url: host.origin }]);
    person.context.on('request', (request) => person.#request(request));
    person.context.on('response', (response) => void person.#response(response));
    person.context.on('console', (line) => person.seen.push({ what: 'console', text: line.text() }));
    person.context.on('weberror', (error) => person.errors.push(String(error.error())));
    person.page = await person.context.newPage();
    return person;
  }

  /** Adds an origin to the checks. */
  visits(origin) {
    this.#own.push(origin);
  }

  /** Runs when this person is closed. */
  leave(farewell) {
    this.#farewells.push(farewell);
  }

  /** Removes from the records what a test itself caused. */
  forget(which) {
    this.seen = this.seen.filter((each) => !which(each));
  }

  /** Another person, in a separate browser. */
  async beside(user) {
    const other = await Person.with(this.world, user);
    this.#beside.push(other);
    this.leave(() => other.close());
    return other;
  }

  async open(query = '') {
    await this.page.goto(`${this.world.host.origin}/${query}`);
    await this.page.waitForFunction(() => window.mount);
    return this;
  }

  /** Mounts an element on the page, and returns its locator. */
  async mount(tag, properties = {}) {
    await this.page.evaluate(([name, values]) => void window.mount(name, values), [tag, properties]);
    return this.page.locator(`#stage > ${tag}`).last();
  }

  async fresh(tag, properties = {}, query = '') {
    await this.open(query);
    return this.mount(tag, properties);
  }

  events(name) {
    return this.page.evaluate(
      (wanted) => window.events.filter(([type]) => type === wanted).map(([, detail]) => detail),
      name,
    );
  }

  /** Checks a state with axe, saves a picture, and records the page for the canary checks. */
  async state(name, page = this.page) {
    const found = await page.evaluate(
      `${axe}; axe.run({ resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })`,
    );
    const faults = found.violations.map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join('; ')}`,
    );
    assert.deepEqual(faults, [], `${name}: accessibility`);
    await this.look(page);
    if (pictures) writeFileSync(join(pictures, `${name}.png`), await this.#picture(page));
  }

  /** Playwright measures in page pixels, so its picture of a magnified page would show a quarter. */
  async #picture(page) {
    if (!this.zoom) return page.screenshot({ fullPage: true });
    const browser = await this.context.newCDPSession(page);
    const { contentSize } = await browser.send('Page.getLayoutMetrics');
    const { data } = await browser.send('Page.captureScreenshot', {
      captureBeyondViewport: true,
      clip: { ...contentSize, scale: 1 },
    });
    return Buffer.from(data, 'base64');
  }

  async look(page = this.page) {
    const text = await page.evaluate(() => {
      const walk = (root) =>
        [...root.querySelectorAll('*')]
          .flatMap((each) => [
            each.shadowRoot ? each.shadowRoot.innerHTML + walk(each.shadowRoot) : '',
            ...[...each.attributes].map(({ value }) => value),
          ])
          .join('\n');
      const stores = [localStorage, sessionStorage].map((store) => JSON.stringify({ ...store }));
      return [document.documentElement.outerHTML, walk(document), ...stores, location.href, document.cookie].join('\n');
    });
    this.seen.push({ what: 'page', text });
  }

  /**
   * No canary may occur except in the request that first sent it. No session may occur except in its header and its
   * minting.
   */
  checkCanaries(canaries, sent) {
    const own = this.seen.filter(({ url }) => !url || this.#own.some((origin) => url.startsWith(origin)));
    for (const canary of canaries) {
      for (const { what, url } of own.filter((each) => each.text.includes(canary))) {
        assert(what === 'request' && sent.has(canary), `${canary} in ${what} ${url ?? ''}`);
      }
    }
    for (const { what, text, url } of own.filter((each) => /srs_[a-z2-7]{20}/.test(each.text))) {
      assert(
        what === 'response' && /\/(token|session)$/.test(url),
        `a session in ${what} ${url ?? ''}: ${text.slice(0, 200)}`,
      );
    }
    const csp = own.filter(({ what, text }) => what === 'console' && /Content Security Policy|TrustedHTML/.test(text));
    assert.deepEqual(
      csp.map(({ text }) => text),
      [],
      'the policy of the page',
    );
    assert.deepEqual(this.errors, [], 'errors on pages');
  }

  /** The pages of this person and of persons beside them, to explain a failed check. */
  async shows() {
    const one = async (page) =>
      `${this.user} at ${page.url().split('?')[0]} sees\n${await page.locator('body').ariaSnapshot({ timeout: 1000 }).catch(String)}`;
    const all = await Promise.all([...this.context.pages().map(one), ...this.#beside.map((other) => other.shows())]);
    return all.join('\n');
  }

  async close() {
    // A remaining route of a test may still hold a request.
    await Promise.all(this.context.pages().map((page) => page.unrouteAll({ behavior: 'ignoreErrors' })));
    await this.context.close();
    for (const farewell of this.#farewells) await farewell();
  }

  #request(request) {
    this.seen.push({ what: 'request', url: request.url(), text: `${request.url()}\n${request.postData() ?? ''}` });
    assert(!/srs_/.test(request.url()), 'a session in an address');
  }

  async #response(response) {
    const url = response.url();
    if (url.endsWith('.js')) return;
    const text = await response.text().catch(() => '');
    this.seen.push({ what: 'response', url, text: `${JSON.stringify(response.headers())}\n${text}` });
  }
}
