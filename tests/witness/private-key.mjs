// Tests of private_key_jwt (RFC 7523 2.2) with oidc-provider and Chromium: a client without a secret, and two keys.
import assert from 'node:assert/strict';
import { Application, Person, openBrowser } from './application.mjs';
import { linesOf, p256Key, rsaKey, withBag } from './keys.mjs';
import { Oidc, signIn } from './oidc.mjs';
import { whoIs } from './registrar.mjs';
import { CANARY, Vault, proved, until } from './vault.mjs';

// The requests to the endpoints that authenticate the client.
const seen = [];
const configuration = {
  // A long lifetime, so that no refresh changes the counted requests.
  ttl: { AccessToken: 600 },
  enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'ES256'] },
  // The issuer must be the only audience, so that no other server accepts the assertion (RFC 7523bis 4).
  assertJwtClientAuthClaimsAndHeader: (ctx, claims) => assert.equal(claims.aud, ctx.oidc.issuer),
};
const oidc = await Oidc.start('localhost', configuration, async (_, ctx, next) => {
  await next();
  const { client_assertion: assertion, client_secret: secret, grant_type: grant } = ctx.oidc?.params ?? {};
  if (!ctx.path.startsWith('/token')) return;
  assert.deepEqual([secret, ctx.get('authorization')], [undefined, '']);
  seen.push({ path: ctx.path, grant, assertion, status: ctx.status, error: ctx.body?.error });
});
const userinfo = `${oidc.issuer}/me`;
const vault = await Vault.start('private-key', {});
const application = await Application.start();
application.vault = vault;
application.sessions.alice = await vault.session('alice');
await vault.plugin(oidc.issuer, ['openid', 'email'], application.returnAddress);

const register = (key, alg) => {
  const jwk = { ...key.publicKey.export({ format: 'jwk' }), use: 'sig', alg, kid: alg };
  const more = { jwks: { keys: [jwk] }, token_endpoint_auth_signing_alg: alg };
  return oidc.register('private_key_jwt', more);
};
const create = (client, key) => vault.cli(['oauth-app', 'create', oidc.issuer, '--client-id', client.client_id], key);

const keys = { RS256: rsaKey(), ES256: p256Key() };
assert(keys.ES256.pem.includes(CANARY));
const rsa = await register(keys.RS256, 'RS256');
const apps = { RS256: await create(rsa, withBag(keys.RS256.pem)), wrong: await create(rsa, p256Key().pem) };
const another = rsaKey().pem;
apps.other = await create(rsa, JSON.stringify({ private_key: another, private_key_id: 'RS256', note: CANARY }));
await oidc.redirectTo(...Object.values(apps).map((app) => app.redirect_address));
apps.ES256 = await create(await register(keys.ES256, 'ES256'), keys.ES256.pem);
await oidc.redirectTo(apps.ES256.redirect_address);
assert.equal(rsa.client_secret, undefined);
proved('oauth-app create takes a private key for a secret: RSA and P-256 in PEM, and JSON with a key in it');

const browser = await openBrowser();
const alice = await Person.with(browser, application, 'alice');
let isSignedIn = false;
async function connect(app) {
  const begun = await alice.begin({ name: app.id.slice(-8), app: app.id });
  if (!isSignedIn) await signIn(alice.page, 'alice');
  isSignedIn = true;
  await alice.page.click('button[type=submit]');
  return begun;
}
const parts = (assertion) => assertion.split('.').slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
const post = (path, members) => fetch(oidc.issuer + path, { method: 'POST', body: new URLSearchParams(members) });

for (const alg of ['RS256', 'ES256']) {
  seen.length = 0;
  const clientId = apps[alg].client_id;
  await connect(apps[alg]);
  const credential = await alice.credential();
  assert.equal(credential.account, 'alice@example.com');
  assert.deepEqual(seen.map(({ grant, status }) => [grant, status]), [['authorization_code', 200]]);
  const [header, claims] = parts(seen[0].assertion);
  assert.equal(header.alg, alg);
  const life = claims.exp - Date.now() / 1000;
  assert.deepEqual([claims.iss, claims.sub, claims.aud], [clientId, clientId, oidc.issuer]);
  assert(life > 0 && life <= 300 && claims.iat <= Date.now() / 1000, JSON.stringify(claims));
  const tokens = [(await vault.read(credential.id, 'alice')).fields.access_token];
  proved(`${alg}: the code flow connects; the client says who it is with an assertion for the issuer alone, and no secret`);

  for (let time = 0; time < 2; time += 1) {
    await vault.ok('POST', `/v1/credentials/${credential.id}/refresh`, application.sessions.alice);
    tokens.push((await vault.read(credential.id, 'alice')).fields.access_token);
  }
  assert.equal(new Set(tokens).size, 3);
  assert.equal(await whoIs(tokens[2], userinfo), 'alice@example.com');
  const refreshed = seen.filter(({ grant }) => grant === 'refresh_token');
  assert.deepEqual(refreshed.map(({ status }) => status), [200, 200]);
  const token = oidc.latest('alice');
  const again = await post('/token', {
    grant_type: 'refresh_token',
    refresh_token: token,
    client_id: clientId,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: refreshed[1].assertion,
  });
  assert.deepEqual([again.status, (await again.json()).error], [401, 'invalid_client']);
  assert.equal(oidc.errors.at(-1), 'client assertion tokens must only be used once');
  proved(`${alg}: refreshed twice; the assertion that was caught on its way is refused when it comes again`);

  const revoked = oidc.revoked;
  const path = `/v1/credentials/${credential.id}`;
  await vault.ok('DELETE', path, application.sessions.alice, undefined, { 'if-match': '*' });
  await until('the provider is told', 10, () => oidc.revoked === revoked + 1);
  assert.equal(await whoIs(tokens[2], userinfo), null);
  const own = seen.filter(({ status }) => status === 200);
  assert.deepEqual(own.map(({ path: at }) => at), ['/token', '/token', '/token', '/token/revocation']);
  assert.equal(new Set(own.map(({ assertion }) => parts(assertion)[1].jti)).size, 4);
  proved(`${alg}: deleted, the grant is revoked with an assertion too; each of the four had an id of its own`);
}

for (const [name, what] of Object.entries({ other: 'another RSA key', wrong: 'a key of another kind' })) {
  const begun = await connect(apps[name]);
  assert.equal(await alice.end(), null);
  const { status, body } = application.last;
  assert.deepEqual([status, body.type], [409, 'urn:strongroom:problem:provider-refused']);
  assert.match(body.detail, /invalid_client/);
  const shown = await vault.ok('GET', `/v1/connections/${begun.id}`, application.sessions.alice);
  assert.deepEqual([shown.status, shown.cause, shown.credential], ['failed', 'invalid_client', null]);
  proved(`a registration with ${what} connects nothing: provider-refused, and the cause is invalid_client`);
}
assert.deepEqual((await vault.ok('GET', '/v1/credentials', application.sessions.alice)).items, []);
await vault.stop();
assert(vault.wrote(rsa.client_id));
for (const pem of [keys.RS256.pem, keys.ES256.pem, another]) assert(!linesOf(pem).some((line) => vault.wrote(line)));
proved('no line of a private key is in the database, in the log or in an answer');
await browser.close();
process.exit(0);
