// A third-party OpenID provider (oidc-provider), whose tokens contain the canary. It can send the strictest opener
// policy. Also a service that accepts or refuses a key, for tests of credentials.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { freePort } from './vault.mjs';

console.info = () => {};
console.warn = () => {};
const { Provider: OpenId } = await import('oidc-provider');

export const CANARY = `canary${randomBytes(8).toString('hex')}`;

export class Provider {
  policy = null;

  static async start() {
    const provider = new Provider();
    const port = await freePort();
    provider.issuer = `http://localhost:${port}`;
    provider.secret = `cs-${CANARY}`;
    const openId = new OpenId(provider.issuer, {
      scopes: ['openid', 'offline_access', 'jobs', 'files'],
      claims: { openid: ['sub'], email: ['email'] },
      findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, email: `${sub}@example.com` }) }),
      cookies: { keys: [randomBytes(16).toString('hex')] },
      pkce: { required: () => true },
      features: {
        revocation: { enabled: true },
        registration: { enabled: true, secretFactory: () => provider.secret },
        registrationManagement: { enabled: true },
        deviceFlow: { enabled: true },
      },
      ttl: {
        AccessToken: 3600,
        RefreshToken: 3600,
        Grant: 3600,
        Session: 3600,
        Interaction: 600,
        IdToken: 600,
        DeviceCode: 600,
      },
    });
    for (const model of ['AccessToken', 'RefreshToken']) {
      const { prototype } = openId[model];
      const generate = prototype.generateTokenId;
      prototype.generateTokenId = function withCanary() {
        return `${model}-${CANARY}-${generate.call(this)}`;
      };
    }
    const answer = openId.callback();
    const server = createServer((request, response) => {
      if (provider.policy) response.setHeader('Cross-Origin-Opener-Policy', provider.policy);
      return answer(request, response);
    }).listen(port, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    return provider;
  }

  /** Registers the vault at the provider, and the provider's client at the vault. */
  async join(vault) {
    const draft = {
      client_name: 'Strongroom',
      redirect_uris: ['http://127.0.0.1:1/later'],
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      token_endpoint_auth_method: 'client_secret_basic',
    };
    const json = { 'content-type': 'application/json' };
    const made = await (
      await fetch(`${this.issuer}/reg`, { method: 'POST', headers: json, body: JSON.stringify(draft) })
    ).json();
    const app = await vault.cli(
      ['oauth-app', 'create', 'witness', `--client-id=${made.client_id}`],
      made.client_secret,
    );
    const {
      registration_access_token: token,
      registration_client_uri: uri,
      client_id_issued_at: _a,
      client_secret_expires_at: _b,
      ...client
    } = made;
    const body = JSON.stringify({ ...client, redirect_uris: [app.redirect_address] });
    await fetch(uri, { method: 'PUT', headers: { ...json, authorization: `Bearer ${token}` }, body });
  }

  get file() {
    return `
title = "Witness"
docs = "https://github.com/panva/node-oidc-provider"
notices = ["The witness forgets everybody when it stops."]
issuer = "${this.issuer}"
[authorize]
url = "${this.issuer}/auth"
params = { prompt = "consent" }
scopes = ["openid", "email", "offline_access"]
[token]
url = "${this.issuer}/token"
client_auth = "basic"
[device]
url = "${this.issuer}/device/auth"
[refresh]
rotation = "strict"
[revoke]
url = "${this.issuer}/token/revocation"
[account]
url = "${this.issuer}/me"
id = "/sub"
label = "/email"
`;
  }
}

/** Accepts a key that ends in "good", refuses others, and answers "odd" with an invalid response. */
export async function startService() {
  const server = createServer((request, response) => {
    const key = request.headers.authorization ?? '';
    response.writeHead(key.endsWith('good') ? 200 : key.endsWith('odd') ? 418 : 401).end();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${server.address().port}/check`;
}

/** The user's sign-in at the provider. */
export async function signIn(page, login) {
  await page.fill('input[name=login]', login);
  await page.fill('input[name=password]', 'any');
  await page.click('button[type=submit]');
  await page.waitForSelector('input[name=prompt][value=consent]', { state: 'attached' });
}

/** Clicks an element that may close its window. The window may close before Playwright has reported the click. */
export async function clickAway(page, target) {
  await target.click().catch((error) => {
    if (!page.isClosed()) throw error;
  });
}

export const consent = (page) => clickAway(page, page.locator('button[type=submit]').first());
export const refuse = (page) => clickAway(page, page.locator('text=[ Cancel ]').first());
