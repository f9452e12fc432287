// The application around the vault. Its return page completes the connection with the session of the signed-in user.
// Also the browsers of its users.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';

/** The page at the return address. */
export class Application {
  static async start() {
    const application = new Application();
    const server = createServer((request, answer) => application.page(request, answer)).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    application.origin = `http://localhost:${server.address().port}`;
    application.returnAddress = `${application.origin}/plugins/mail`;
    return application;
  }

  sessions = {};

  async page(request, answer) {
    const url = new URL(request.url, this.origin);
    if (url.pathname !== '/plugins/mail') return answer.writeHead(404).end();
    const user = request.headers.cookie?.match(/application-user=(\w+)/)?.[1];
    const [connection, code] = ['connection', 'code'].map((name) => url.searchParams.get(name));
    const done = code
      ? await this.vault.call('POST', `/v1/connections/${connection}/complete`, this.sessions[user], { code })
      : { status: 0, body: { error: url.searchParams.get('error') } };
    this.last = done;
    answer.writeHead(200, { 'content-type': 'text/html' });
    return answer.end(`<title>Mail</title><h1>${done.status === 200 ? 'connected' : 'not connected'}</h1>`);
  }
}

export class Person {
  /** A user who is signed in to the application, with a separate browser. */
  static async with(browser, application, user) {
    const person = new Person();
    person.context = await browser.newContext();
    person.application = application;
    await person.signIn(user);
    person.page = await person.context.newPage();
    const { vault } = application;
    person.context.on('response', async (response) => {
      if (!response.url().startsWith(vault.origin)) return;
      const headers = await response.headersArray().catch(() => []);
      // The browser sent this address, and no answer contained it. A callback's address contains the provider's code.
      vault.record(`GET ${new URL(response.url()).pathname}`, `${response.status()}\n${JSON.stringify(headers)}`);
      const cookie = headers.find(({ name }) => name.toLowerCase() === 'set-cookie');
      if (cookie) person.setCookies.push(cookie.value);
    });
    return person;
  }

  setCookies = [];

  async signIn(user) {
    await this.context.addCookies([{ name: 'application-user', value: user, url: this.application.origin }]);
    this.user = user;
  }

  /** Starts a connection and opens its start address. */
  async begin(more = {}) {
    const { vault, sessions } = this.application;
    const draft = { plugin: 'mail', name: 'Work', ...more };
    const begun = await vault.ok('POST', '/v1/connections', sessions[this.user], draft);
    await this.page.goto(begun.start_address);
    return begun;
  }

  /** What the application's page shows after the return. Returns the credential if it is connected. */
  async end() {
    await this.page.waitForURL(`${this.application.returnAddress}?**`);
    const shown = await this.page.textContent('h1');
    if (shown !== 'connected') return null;
    return this.application.last.body;
  }

  async credential() {
    const credential = await this.end();
    assert(credential, JSON.stringify(this.application.last));
    return credential;
  }
}

/** Chromium, with network access to this machine only. */
export function openBrowser() {
  const rules = '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1';
  return chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox', rules] });
}
