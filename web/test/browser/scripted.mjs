// A provider with scripted answers. It consents at once. It can grant fewer scopes than requested, refuse, fail, or end
// in the middle of an answer. It also supports client credentials and service accounts.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { CANARY } from './provider.mjs';

const ACCOUNT = { sub: '1', email: 'quinn@example.com' };

export class Scripted {
  /** The answers to the next token requests: `refuse`, `down` or `break`. Later requests get tokens. */
  turns = [];
  /** The answer to every refresh with a token, because a vault retries. */
  ailing = new Map();
  /** The granted scopes, if they differ from the requested ones. */
  granted = null;
  /** The account of the next consent. */
  account = ACCOUNT;
  /** The received token requests. */
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

  /** Restores the initial state between tests. */
  reset() {
    Object.assign(this, { turns: [], granted: null, account: ACCOUNT });
  }

  /** From now on, refreshes of the last grant get this answer. */
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

  /** Registers the clients, and a plugin of the same name for each. */
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
