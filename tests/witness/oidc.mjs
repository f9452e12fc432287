// A third-party OpenID provider: oidc-provider, with required PKCE, rotation of refresh tokens, revocation and
// introspection. It has its own pages for login and consent, and client registration as at a provider's console.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { Registrar } from './registrar.mjs';
import { CANARY, freePort } from './vault.mjs';

// Suppresses its note about development keys and pages, so that the output stays readable.
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

const short = { AccessToken: 12, ClientCredentials: 12 };
const long = { RefreshToken: 3600, Grant: 3600, Session: 3600, Interaction: 600, IdToken: 600, DeviceCode: 600 };

const features = {
  revocation: { enabled: true },
  introspection: { enabled: true },
  clientCredentials: { enabled: true },
  registration: {
    enabled: true,
    // Characters that HTTP Basic must encode (RFC 6749 2.3.1).
    secretFactory: () => `cs-${CANARY}-${randomBytes(16).toString('hex')}+%:/ &=?~`,
  },
  registrationManagement: { enabled: true },
};

/** A running provider with its records. */
export class Oidc extends Registrar {
  static async start(host, configuration = {}, middleware = null) {
    const oidc = new Oidc();
    const port = await freePort();
    oidc.issuer = `http://${host}:${port}`;
    const provider = new Provider(oidc.issuer, {
      ...common,
      scopes: ['openid', 'offline_access', 'jobs'],
      rotateRefreshToken: true,
      ...configuration,
      ttl: { ...short, ...long, ...configuration.ttl },
      features: { ...features, ...configuration.features },
    });
    for (const model of ['AccessToken', 'RefreshToken', 'AuthorizationCode', 'DeviceCode']) {
      const { prototype } = provider[model];
      const generate = prototype.generateTokenId;
      prototype.generateTokenId = function withCanary() {
        return `${model}-${CANARY}-${generate.call(this)}`;
      };
    }
    provider.on('refresh_token.saved', (token) => oidc.refreshTokens.push({ token: token.jti, account: token.accountId }));
    provider.on('grant.success', (ctx) => oidc.grants.push(ctx.oidc.params.grant_type));
    provider.on('grant.error', (_, error) => oidc.errors.push(error.error_detail ?? error.message));
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

  /** The last refresh token of this account. */
  latest(account) {
    return this.refreshTokens.findLast((token) => token.account === account)?.token;
  }
}

/** Signs in at the provider's page. Ends at the consent page. */
export async function signIn(page, login) {
  await page.fill('input[name=login]', login);
  await page.fill('input[name=password]', 'any');
  await page.click('button[type=submit]');
  await page.waitForSelector('input[name=prompt][value=consent]', { state: 'attached' });
}
