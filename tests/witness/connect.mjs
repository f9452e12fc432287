// Tests with oidc-provider and Chromium: an account is connected, read, refreshed and revoked. Other browsers and other
// users cannot complete a connection. The provider is at another site than the vault, so SameSite applies.
import assert from 'node:assert/strict';
import { Application, Person, openBrowser } from './application.mjs';
import { Oidc, signIn } from './oidc.mjs';
import { whoIs } from './registrar.mjs';
import { Vault, proved, until } from './vault.mjs';

const oidc = await Oidc.start('localhost');
const userinfo = `${oidc.issuer}/me`;
const vault = await Vault.start('connect', {
  witness: `
title = "oidc-provider"
docs = "https://github.com/panva/node-oidc-provider"
issuer = "${oidc.issuer}"
iss_required = true
[authorize]
url = "${oidc.issuer}/auth"
params = { prompt = "consent" }
scopes = ["openid", "email", "offline_access"]
[token]
url = "${oidc.issuer}/token"
client_auth = "basic"
[refresh]
rotation = "strict"
[revoke]
url = "${oidc.issuer}/token/revocation"
[account]
url = "${userinfo}"
id = "/sub"
label = "/email"
`,
  machines: `
title = "oidc-provider, for clients"
docs = "https://github.com/panva/node-oidc-provider"
[token]
url = "${oidc.issuer}/token"
client_auth = "basic"
[revoke]
url = "${oidc.issuer}/token/revocation"
`,
});
const application = await Application.start();
application.vault = vault;
for (const user of ['alice', 'bob']) application.sessions[user] = await vault.session(user);
await vault.plugin('witness', [], application.returnAddress);

const client = await oidc.register('client_secret_basic', {
  grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
});
const create = (provider) =>
  vault.cli(['oauth-app', 'create', provider, '--client-id', client.client_id], client.client_secret);
const discovered = await create(oidc.issuer);
assert.equal(discovered.provider, oidc.issuer);
proved('oauth-app create with an issuer: it describes itself, and the registration is kept');
const app = await create('witness');
assert.equal(app.redirect_address, `${vault.origin}/api/auth/oauth/callback/${app.id}`);
await oidc.redirectTo(app.redirect_address);
proved('oauth-app create with an overlay file: its redirect address is one that the provider takes');

const browser = await openBrowser();
const alice = await Person.with(browser, application, 'alice');
const begun = await alice.begin();
await signIn(alice.page, 'alice');
proved('Chromium goes from the start address to the login and consent pages of the provider, at another site');

const [cookie] = (await alice.context.cookies(vault.origin)).filter(({ name }) => name.startsWith('__Host-strongroom-'));
assert(cookie, 'the browser kept the cookie');
assert.deepEqual(
  [cookie.httpOnly, cookie.secure, cookie.sameSite, cookie.domain, cookie.path],
  [true, true, 'Lax', '127.0.0.1', '/'],
);
for (const part of ['HttpOnly', 'Secure', 'SameSite=Lax']) assert(alice.setCookies[0].includes(part), part);
const script = await alice.context.newPage();
await script.goto(`${vault.origin}/not-there`);
assert.equal(await script.evaluate(() => document.cookie), '');
await script.close();
proved('its cookie is HttpOnly, Secure and SameSite=Lax, kept by the browser, and no script sees it');

// The browser is stopped before it returns. The callback's address is known and was not used.
const tools = await alice.context.newCDPSession(alice.page);
await tools.send('Fetch.enable', { patterns: [{ urlPattern: `${app.redirect_address}*` }] });
const captured = new Promise((resolve) => {
  tools.once('Fetch.requestPaused', async ({ requestId, request }) => {
    await tools.send('Fetch.failRequest', { requestId, errorReason: 'Aborted' });
    resolve(request.url);
  });
});
await alice.page.click('button[type=submit]');
const callback = await captured;
await tools.send('Fetch.disable');
assert.match(callback, /[?&]code=AuthorizationCode-/);
const thief = await Person.with(browser, application, 'bob');
assert.equal((await thief.page.goto(callback)).status(), 404);
assert.deepEqual(await vault.denials('connection.return'), ['other-browser']);
assert.equal(oidc.grants.length, 0);
proved('another browser that opens the captured callback gets 404 and an event says why; no code is spent');

for (const iss of ['', '&iss=http%3A%2F%2Flocalhost%3A1']) {
  const forged = callback.replace(/&iss=[^&]*/, iss);
  assert.notEqual(forged, callback);
  assert.equal((await alice.page.goto(forged)).status(), 404);
}
assert.deepEqual(await vault.denials('connection.return'), ['other-issuer', 'other-issuer', 'other-browser']);
proved('the same callback with another issuer, or with none, gets 404 in the right browser too (RFC 9207)');

await alice.signIn('bob');
await alice.page.goto(callback);
assert.equal(await alice.end(), null);
assert.equal(application.last.status, 404);
assert.deepEqual(await vault.denials('connection.complete'), ['other-user']);
assert.equal(oidc.grants.length, 0);
proved('the session of another user cannot complete what alice began: 404 and an event; no code is spent');

await alice.signIn('alice');
await alice.page.reload();
const credential = await alice.credential();
assert.deepEqual([credential.type, credential.state, credential.account], ['oauth2', 'active', 'alice@example.com']);
assert.deepEqual(oidc.grants, ['authorization_code']);
const returned = new URL(alice.page.url());
const again = { code: returned.searchParams.get('code') };
const twice = await vault.call('POST', `/v1/connections/${begun.id}/complete`, application.sessions.alice, again);
assert.equal(twice.status, 404);
assert.equal((await alice.page.goto(callback)).status(), 404);
assert.equal((await alice.page.goto(begun.start_address)).status(), 404);
proved('the browser and the user who began it end on the application, connected; link, callback and code work once');

const plain = await Person.with(browser, application, 'bob');
await plain.begin();
await signIn(plain.page, 'bob');
await plain.page.click('button[type=submit]');
const bobs = await plain.credential();
assert.equal(bobs.account, 'bob@example.com');
assert.equal((await plain.context.cookies(vault.origin)).filter(({ name }) => name.startsWith('__Host-')).length, 0);
proved('without user interaction, redirects across sites connect bob in one go, and the cookie is gone afterwards');

const mallory = await Person.with(browser, application, 'bob');
await mallory.begin({ credential: bobs.id });
await signIn(mallory.page, 'mallory');
await mallory.page.click('button[type=submit]');
assert.equal(await mallory.end(), null);
assert.deepEqual([application.last.status, application.last.body.type], [409, 'urn:strongroom:problem:other-account']);
assert.equal(await whoIs((await vault.read(bobs.id, 'bob')).fields.access_token, userinfo), 'bob@example.com');
proved('bob cannot connect his credential again with the account of mallory: 409, and it still is the account of bob');

const denier = await Person.with(browser, application, 'bob');
await denier.begin();
await denier.page.click('text=[ Cancel ]');
assert.equal(await denier.end(), null);
assert.equal(new URL(denier.page.url()).searchParams.get('error'), 'access_denied');
proved('a user who cancels at the provider returns to the application with error=access_denied');

const first = await vault.read(credential.id, 'alice');
assert.equal(await whoIs(first.fields.access_token, userinfo), 'alice@example.com');
proved('the plugin reads the access token, and userinfo takes it for alice');
assert(oidc.refreshTokens.length >= 2);
for (const { token } of oidc.refreshTokens) assert(!JSON.stringify(first).includes(token));
assert.deepEqual(Object.keys(first.fields).filter((name) => /refresh/.test(name)), []);
proved('no refresh token is in the answer');
assert.equal((await vault.call('GET', `/v1/credentials/${credential.id}/secret?user_id=bob`, vault.pluginKey)).status, 404);
assert.equal((await vault.call('GET', `/v1/credentials/${credential.id}`, application.sessions.bob)).status, 404);
proved('for bob, the credential of alice is not there');

await until('the first token expires', 15, async () => !(await whoIs(first.fields.access_token, userinfo)));
const second = await vault.read(credential.id, 'alice');
assert.notEqual(second.fields.access_token, first.fields.access_token);
assert.equal(await whoIs(second.fields.access_token, userinfo), 'alice@example.com');
assert(oidc.grants.includes('refresh_token'));
proved('after it has expired, the same read gives another token, and that one works: refreshed unseen');

const refresh = () => vault.call('POST', `/v1/credentials/${credential.id}/refresh`, application.sessions.alice);
const forced = await Promise.all(Array.from({ length: 8 }, refresh));
assert(forced.every(({ status }) => status === 200), JSON.stringify(forced.map(({ status, body }) => [status, body])));
assert.deepEqual([oidc.errors, oidc.revoked], [[], 0]);
proved('eight refreshes at once: every refresh token was used once, and the provider, which rotates, revoked nothing');

const last = (await vault.read(credential.id, 'alice')).fields.access_token;
const token = oidc.latest('alice');
assert.equal(await whoIs(last, userinfo), 'alice@example.com');
assert.equal(await oidc.isActive(token), true);
const path = `/v1/credentials/${credential.id}`;
await vault.ok('DELETE', path, application.sessions.alice, undefined, { 'if-match': '*' });
await until('the provider is told', 10, () => oidc.revoked === 1);
assert.equal(await whoIs(last, userinfo), null);
assert.equal(await oidc.isActive(token), false);
assert.deepEqual(await oidc.refreshWith(token), [400, 'invalid_grant']);
assert.equal((await vault.call('GET', `${path}/secret?user_id=alice`, vault.pluginKey)).status, 404);
const spared = (await vault.read(bobs.id, 'bob')).fields.access_token;
assert.equal(await whoIs(spared, userinfo), 'bob@example.com');
proved('deleted, the grant is revoked at the provider: access token and refresh token are refused, those of bob live on');

await vault.ok('DELETE', '/v1/users/bob', vault.hostKey, undefined, { 'if-match': '*' });
await until('the provider is told', 10, () => oidc.revoked === 2);
proved('deleting the user bob revokes his grant too');
assert.equal(await whoIs(spared, userinfo), null);
await until('the registration can go', 5, async () => {
  return (await vault.call('DELETE', `/v1/oauth-apps/${app.id}`, vault.hostKey, undefined, { 'if-match': '*' })).status === 204;
});
proved('with nothing connected and nothing owed to the provider, the registration can be removed');
await browser.close();

// A client connects for itself, without consent. The vault renews its token with a new request.
await create('machines');
await vault.plugin('machines', ['jobs'], application.returnAddress);
const draft = { plugin: 'mail', name: 'Robot' };
const { credential: robot } = await vault.ok('POST', '/v1/connections', application.sessions.alice, draft);
const own = (await vault.read(robot.id, 'alice')).fields;
assert.deepEqual([own.scopes, await oidc.isActive(own.access_token)], [['jobs'], true]);
await until('the token of the client is another one', 20, async () => {
  const { access_token: token } = (await vault.read(robot.id, 'alice')).fields;
  return token !== own.access_token && (await oidc.isActive(token));
});
proved('a client connects for itself (client credentials), and gets another token before the first expires');
await vault.stop();
process.exit(0);
