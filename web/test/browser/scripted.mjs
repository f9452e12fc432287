// A provider that does what a test tells it: consents at once, grants less than was asked, refuses, is down, or breaks off
// in the middle of an answer. Also one that nobody signs in to: for clients themselves, and for service accounts.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { CANARY } from './provider.mjs';

const ACCOUNT = { sub: '1', email: 'quinn@example.com' };

export class Scripted {
  /** What the next token requests are answered: `refuse`, `down` or `break`; after that, tokens. */
  turns = [];
  /** What each refresh with that token is answered, however often: a vault tries again by itself. */
  ailing = new Map();
  /** What is granted, where it is not what was asked. */
  granted = null;
  /** Whose account it is. */
  account = ACCOUNT;
  /** Each token request, as it came. */
  asked = [];
  #issued = 0;

  static async start() {
    const scripted = new Scripted();
    const server = createServer((request, response) => void scripted.#answer(request, response)).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    scripted.origin = `http://127.0.0.1:${server.address().port}`;
    return scripted;
  }

  async #answer(request, response) {
    const url = new URL(request.url, this.origin);
    const send = (status, body) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (url.pathname === '/authorize') {
      const back = new URL(url.searchParams.get('redirect_uri'));
      back.search = new URLSearchParams({ code: `code-${CANARY}`, state: url.searchParams.get('state') });
      return response.writeHead(302, { location: back.href }).end();
    }
    if (url.pathname === '/me') return send(200, this.account);
    if (url.pathname === '/revoke') return send(200, {});
    if (url.pathname !== '/token') return send(404, {});
    const form = new URLSearchParams(await text(request));
    this.asked.push(form);
    const turn = this.ailing.get(form.get('refresh_token')) ?? this.turns.shift();
    if (turn === 'refuse') return send(400, { error: 'invalid_grant', error_description: CANARY });
    if (turn === 'down') return send(503, { error: 'temporarily_unavailable' });
    if (turn === 'break') return request.socket.destroy();
    const number = (this.#issued += 1);
    const more =
      form.get('grant_type').includes('code') || form.get('refresh_token')
        ? { refresh_token: `RefreshToken-${CANARY}-${number}` }
        : {};
    const scope = this.granted ? { scope: this.granted } : {};
    return send(200, {
      access_token: `AccessToken-${CANARY}-${number}`,
      token_type: 'Bearer',
      expires_in: 3600,
      ...more,
      ...scope,
    });
  }

  /** As it was before a test. */
  reset() {
    Object.assign(this, { turns: [], granted: null, account: ACCOUNT });
  }

  /** From now on, the grant that was given last is answered so. */
  ail(turn) {
    this.ailing.set(`RefreshToken-${CANARY}-${this.#issued}`, turn);
  }

  get files() {
    const head = (title) => `title = "${title}"\ndocs = "https://example.com/docs"\n`;
    const token = (auth, grant) =>
      `[token]\nurl = "${this.origin}/token"\nclient_auth = "${auth}"\n${grant ? `grant = "${grant}"\n` : ''}`;
    return {
      scripted: `${head('Scripted')}[authorize]\nurl = "${this.origin}/authorize"\n${token('basic', '')}[refresh]\nrotation = "strict"\n[revoke]\nurl = "${this.origin}/revoke"\n[account]\nurl = "${this.origin}/me"\nid = "/sub"\nlabel = "/email"\n`,
      robot: `${head('Robot')}${token('basic', 'client-credentials')}`,
      accounts: `${head('Accounts')}${token('none', 'jwt-bearer')}`,
    };
  }

  /** Registers what connects there, and a plugin of the same name for each. */
  async join(vault, returns) {
    await vault.cli(['oauth-app', 'create', 'scripted', '--client-id', 'client'], 'secret-of-the-client');
    await vault.cli(['oauth-app', 'create', 'robot', '--client-id', 'client'], 'secret-of-the-client');
    await vault.cli(['oauth-app', 'create', 'accounts', '--client-id', 'any', '--public']);
    for (const name of ['scripted', 'robot', 'accounts']) {
      const credentials = { oauth2: { provider: name, scopes: ['jobs', 'files'] } };
      await vault.plugin(name, { title: `Plugin ${name}`, return_addresses: returns, credentials });
    }
  }
}
