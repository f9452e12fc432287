// Starts django-oauth-toolkit (toolkit.py) and operates its pages. Its files are deleted, because they contain the
// provider's own tokens.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Registrar } from './registrar.mjs';
import { CANARY, atEnd, scratch, until } from './vault.mjs';

export class Toolkit extends Registrar {
  static async start() {
    const toolkit = new Toolkit();
    const program = fileURLToPath(new URL('toolkit.py', import.meta.url));
    const python = process.env.WITNESS_PYTHON;
    assert(python, 'WITNESS_PYTHON must name the interpreter');
    const directory = scratch('django');
    const env = { PATH: process.env.PATH, CANARY, PASSWORD: toolkit.password };
    const server = spawn(python, [program, directory], { env });
    atEnd(() => server.kill('SIGKILL'));
    const text = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) server[name].on('data', (chunk) => (text[name] += chunk));
    await until('Django starts', 30, () => text.stdout.includes('\n') || server.exitCode !== null);
    assert.equal(server.exitCode, null, text.stderr);
    toolkit.issuer = `http://localhost:${text.stdout.trim()}`;
    return toolkit;
  }

  paths = { registration: '/register/', token: '/token/', introspection: '/introspect/' };
  password = `pw-${CANARY}-${randomBytes(16).toString('hex')}`;

  async seen() {
    return (await fetch(`${this.issuer}/seen`)).json();
  }

  /** The requests with this grant. */
  async asked(grant) {
    return (await this.seen()).calls.filter((call) => call.grant === grant);
  }

  /** The last refresh token of this account. */
  async latest(account) {
    return (await this.seen()).refreshTokens.findLast((token) => token.account === account)?.token;
  }

  async signIn(page, user) {
    await page.waitForSelector('input[name=username]');
    await page.fill('input[name=username]', user);
    await page.fill('input[name=password]', this.password);
    await page.click('input[type=submit]');
  }

  async authorize(page) {
    await page.click('#authorizationForm input[name=allow]');
  }

  /** The user withdraws the grant at Django's page. */
  async withdraw(page) {
    await page.goto(`${this.issuer}/authorized_tokens/`);
    await page.click('a[href*="/delete/"]');
    await page.click('input[type=submit]');
    await page.waitForURL(`${this.issuer}/authorized_tokens/`);
    assert.equal(await page.locator('a[href*="/delete/"]').count(), 0);
  }
}
