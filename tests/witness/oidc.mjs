// An OpenID provider that somebody else wrote: oidc-provider, with PKCE required, rotation of refresh tokens, revocation,
// introspection, its own pages for login and consent, and registration of clients, as at a provider's console.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { CANARY, freePort } from './vault.mjs';

// It says that its keys and pages are for development, which is so. The lines of the proof stay readable.
console.info = () => {};
console.warn = () => {};
const { Provider } = await import('oidc-provider');

const common = {
  claims: { openid: ['sub'], email: ['email'] },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, email: `${sub}@example.com` }) }),
  cookies: { keys: [randomBytes(16).toString('hex')] },
  clockTolerance: 0,
  pkce: { required: () => true },
};

const features = {
  revocation: { enabled: true },
  introspection: { enabled: true },
  clientCredentials: { enabled: true },
  registration: {
    enabled: true,
    // What must be encoded in HTTP Basic (RFC 6749 2.3.1), and nothing alike may be lost.
    secretFactory: () => `cs-${CANARY}-${randomBytes(16).toString('hex')}+%:/ &=?~`,
  },
  registrationManagement: { enabled: true },
};

/** A running provider, and what it did. */
export class Oidc {
  static async start(host, configuration = {}, middleware = null) {
    const oidc = new Oidc();
    const port = await freePort();
    oidc.issuer = `http://${host}:${port}`;
    const provider = new Provider(oidc.issuer, {
      ...common,
      scopes: ['openid', 'offline_access', 'jobs'],
      ttl: { AccessToken: 12, ClientCredentials: 12, RefreshToken: 3600, Grant: 3600, Session: 3600, Interaction: 600, IdToken: 600 },
      rotateRefreshToken: true,
      ...configuration,
      features: { ...features, ...configuration.features },
    });
    for (const model of ['AccessToken', 'RefreshToken', 'AuthorizationCode']) {
      const { prototype } = provider[model];
      const generate = prototype.generateTokenId;
      prototype.generateTokenId = function withCanary() {
        return `${model}-${CANARY}-${generate.call(this)}`;
      };
    }
    provider.on('refresh_token.saved', (token) => oidc.refreshTokens.push({ token: token.jti, account: token.accountId }));
    provider.on('grant.success', (ctx) => oidc.grants.push(ctx.oidc.params.grant_type));
    provider.on('grant.error', (_, error) => oidc.errors.push(error.message));
    provider.on('grant.revoked', () => (oidc.revoked += 1));
    oidc.provider = provider;
    if (middleware) provider.use((ctx, next) => middleware(oidc, ctx, next));
    oidc.server = createServer(provider.callback()).listen(port, '127.0.0.1');
    await new Promise((resolve) => oidc.server.once('listening', resolve));
    return oidc;
  }

  refreshTokens = [];
  grants = [];
  errors = [];
  revoked = 0;

  /** Registers a client (RFC 7591); its redirect address is not known yet. */
  async register(method) {
    const answer = await fetch(`${this.issuer}/reg`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        client_name: 'Strongroom',
        redirect_uris: ['http://127.0.0.1:1/not-known-yet'],
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        token_endpoint_auth_method: method,
      }),
    });
    this.client = await answer.json();
    assert.equal(answer.status, 201, JSON.stringify(this.client));
    return this.client;
  }

  /** Enters the addresses that Strongroom printed (RFC 7592). */
  async redirectTo(...addresses) {
    const { registration_access_token: token, registration_client_uri: uri, ...client } = this.client;
    for (const name of ['client_id_issued_at', 'client_secret_expires_at']) delete client[name];
    const answer = await fetch(uri, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...client, redirect_uris: addresses }),
    });
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    this.client = JSON.parse(text);
  }

  /** The refresh token that this account got last. */
  latest(account) {
    return this.refreshTokens.findLast((token) => token.account === account)?.token;
  }

  /** A form, as the client sends it. */
  async asClient(path, members) {
    const { client_id: id, client_secret: secret } = this.client;
    const basic = this.client.token_endpoint_auth_method === 'client_secret_basic';
    const pair = [id, secret].map((part) => new URLSearchParams({ '': part }).toString().slice(1)).join(':');
    const answer = await fetch(this.issuer + path, {
      method: 'POST',
      headers: basic ? { authorization: `Basic ${Buffer.from(pair).toString('base64')}` } : {},
      body: new URLSearchParams(basic ? members : { ...members, client_id: id, client_secret: secret }),
    });
    return { status: answer.status, body: await answer.json() };
  }

  async isActive(token) {
    const { status, body } = await this.asClient('/token/introspection', { token });
    assert.equal(status, 200, JSON.stringify(body));
    return body.active;
  }
}

/** Whose token the userinfo endpoint takes it for; null if it refuses it. */
export async function whoIs(token, address) {
  const answer = await fetch(address, { headers: { authorization: `Bearer ${token}` } });
  if (answer.status !== 200) {
    assert.equal(answer.status, 401);
    return null;
  }
  return (await answer.json()).email;
}
