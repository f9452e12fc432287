// Tests of the catalogue's entry for Google with other origins: connecting, refreshing and revoking. They run at the
// Google of `emulate`, and at an oidc-provider with Google's documented behaviour.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { createEmulator } from 'emulate';
import { Application, Person, openBrowser } from './application.mjs';
import { CALENDAR, GMAIL, startGoogle } from './google-oidc.mjs';
import { whoIs } from './registrar.mjs';
import { CANARY, Vault, freePort, proved, until } from './vault.mjs';

const entry = execFileSync(process.env.STRONGROOM, ['provider', 'show', 'google'], { encoding: 'utf8' });

/** The entry with other origins and no other change. */
function moved({ accounts, oauth2, openidconnect }) {
  const moved = entry
    .replaceAll('https://accounts.google.com', accounts)
    .replaceAll('https://oauth2.googleapis.com', oauth2)
    .replaceAll('https://openidconnect.googleapis.com', openidconnect);
  const rest = moved.replace(/^docs = .*$|^.*"https:\/\/www\.googleapis\.com\/auth\/.*$/gm, '');
  assert.doesNotMatch(rest, /google(apis)?\.com/);
  return moved;
}

async function vaultAt(name, providers) {
  const vault = await Vault.start(name, providers);
  const application = await Application.start();
  application.vault = vault;
  application.sessions.alice = await vault.session('alice');
  await vault.plugin('google', [GMAIL, CALENDAR], application.returnAddress);
  return { vault, application };
}

const browser = await openBrowser();

async function atEmulate() {
  const ports = { emulate: await freePort(), front: await freePort() };
  const [accounts, front] = [ports.emulate, ports.front].map((port) => `http://127.0.0.1:${port}`);
  const { vault, application } = await vaultAt('emulate', {
    google: moved({ accounts, oauth2: front, openidconnect: front }),
  });
  const client = { client_id: 'witness.apps.googleusercontent.com', client_secret: `GOCSPX-${CANARY}-0123456789` };
  const app = await vault.cli(['oauth-app', 'create', 'google', '--client-id', client.client_id], client.client_secret);

  // `emulate` treats an unknown token as a token of its first user.
  const users = ['nobody', 'alice'].map((name) => ({ email: `${name}@example.com`, name }));
  const clients = [{ ...client, name: 'Strongroom', redirect_uris: [app.redirect_address] }];
  const emulator = await createEmulator({
    service: 'google',
    port: ports.emulate,
    seed: { google: { users, oauth_clients: clients } },
  });
  // Google has these paths at several hosts, emulate has all of them at one.
  const paths = { '/token': '/oauth2/token', '/revoke': '/oauth2/revoke', '/v1/userinfo': '/oauth2/v2/userinfo' };
  const seen = [];
  const server = createServer(async (request, answer) => {
    const { method, headers } = request;
    const body = method === 'POST' ? await buffer(request) : undefined;
    const kept = ['authorization', 'content-type'].filter((name) => headers[name]).map((name) => [name, headers[name]]);
    const inner = await fetch(accounts + paths[request.url], { method, headers: Object.fromEntries(kept), body });
    const text = await inner.text();
    seen.push({ path: request.url, status: inner.status, form: new URLSearchParams(String(body ?? '')), text });
    answer.writeHead(inner.status, { 'content-type': inner.headers.get('content-type') ?? 'text/plain' }).end(text);
  }).listen(ports.front, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const at = (path) => seen.filter((call) => call.path === path);

  const alice = await Person.with(browser, application, 'alice');
  await alice.begin();
  await alice.page.click('button:has-text("alice@example.com")');
  const credential = await alice.credential();
  assert.equal(credential.account, 'alice@example.com');
  assert.deepEqual([...credential.scopes].sort(), ['email', CALENDAR, GMAIL, 'openid'].sort());
  const first = (await vault.read(credential.id, 'alice')).fields;
  assert.equal(first.refresh_token, undefined);
  assert.equal(await whoIs(first.access_token, `${front}/v1/userinfo`), 'alice@example.com');
  assert.equal(await whoIs('invented', `${front}/v1/userinfo`), 'nobody@example.com');
  proved('Google of emulate: the entry of the catalogue connects, and the token that the plugin reads is that of the account');

  await vault.ok('POST', `/v1/credentials/${credential.id}/refresh`, application.sessions.alice);
  const second = (await vault.read(credential.id, 'alice')).fields;
  assert.notEqual(second.access_token, first.access_token);
  assert.equal(await whoIs(second.access_token, `${front}/v1/userinfo`), 'alice@example.com');
  proved('Google of emulate: refreshed, with the refresh token that does not rotate');

  const { refresh_token: token } = JSON.parse(at('/token')[0].text);
  const ask = () =>
    fetch(`${accounts}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token, ...client }),
    });
  assert.equal((await ask()).status, 200);
  const headers = { 'if-match': '*' };
  await vault.ok('DELETE', `/v1/credentials/${credential.id}`, application.sessions.alice, undefined, headers);
  await until('the revocation', 10, () => at('/revoke').length);
  assert.deepEqual(at('/revoke').map(({ status, form }) => [status, form.get('token') === token]), [[200, true]]);
  const refused = await ask();
  assert.deepEqual([refused.status, (await refused.json()).error], [400, 'invalid_grant']);
  proved('Google of emulate: deleted, the refresh token is revoked there and refused from then on');
  await vault.stop();
  await emulator.close();
}

async function atDocumented() {
  const google = await startGoogle();
  const userinfo = `${google.issuer}/v1/userinfo`;
  const file = moved({ accounts: google.issuer, oauth2: google.issuer, openidconnect: google.issuer });
  const online = file.replace(/access_type = "offline"/, 'access_type = "online"');
  assert.notEqual(online, file);
  const { vault, application } = await vaultAt('google', { google: file, online });
  const client = await google.register('client_secret_post');
  const create = (name) =>
    vault.cli(['oauth-app', 'create', name, '--client-id', client.client_id], client.client_secret);
  const apps = [await create('google'), await create('online')];
  await google.redirectTo(...apps.map((app) => app.redirect_address));
  const { alice: session } = application.sessions;

  const alice = await Person.with(browser, application, 'alice');
  const consent = async (...unticked) => {
    await alice.page.waitForSelector('h1:has-text("consent")');
    for (const scope of unticked) await alice.page.uncheck(`input[value="${scope}"]`);
    await alice.page.click('button');
  };
  await alice.begin();
  await alice.page.fill('input[name=account]', 'alice');
  await alice.page.click('button');
  await consent(CALENDAR);
  const credential = await alice.credential();
  assert.equal(credential.account, 'alice@example.com');
  assert.deepEqual([...credential.scopes].sort(), ['email', GMAIL, 'openid'].sort());
  const first = (await vault.read(credential.id, 'alice')).fields;
  assert.equal(await whoIs(first.access_token, userinfo), 'alice@example.com');
  assert.equal(google.refreshTokens.length, 1);
  proved('Google as documented: connected offline; the scope that was unticked is not among those of the credential');

  await vault.ok('POST', `/v1/credentials/${credential.id}/refresh`, session);
  const second = (await vault.read(credential.id, 'alice')).fields;
  assert.notEqual(second.access_token, first.access_token);
  await until('the second token expires', 15, async () => !(await whoIs(second.access_token, userinfo)));
  const third = (await vault.read(credential.id, 'alice')).fields;
  assert.equal(await whoIs(third.access_token, userinfo), 'alice@example.com');
  assert.equal(google.refreshTokens.length, 1);
  proved('Google as documented: refreshed when asked and when expired, though refreshing brings no new refresh token');

  await alice.begin({ credential: credential.id });
  await consent();
  const wider = await alice.credential();
  assert.equal(wider.id, credential.id);
  assert.deepEqual([...wider.scopes].sort(), ['email', CALENDAR, GMAIL, 'openid'].sort());
  assert.equal(await whoIs((await vault.read(credential.id, 'alice')).fields.access_token, userinfo), 'alice@example.com');
  assert.deepEqual([google.refreshTokens.length, google.revoked], [2, 0]);
  proved('Google as documented: connected again with everything ticked, it is the same credential with all scopes');

  const last = (await vault.read(credential.id, 'alice')).fields.access_token;
  const token = google.latest('alice');
  assert.equal(await whoIs(last, userinfo), 'alice@example.com');
  await vault.ok('DELETE', `/v1/credentials/${credential.id}`, session, undefined, { 'if-match': '*' });
  await until('the provider is told', 10, () => google.revoked === 1);
  assert.deepEqual(google.revocations, [{ members: ['token'], authorization: '' }]);
  assert.equal(await whoIs(last, userinfo), null);
  assert.deepEqual(await google.refreshWith(token), [400, 'invalid_grant']);
  proved('Google as documented: deleted, the token alone is sent to be revoked, and the whole grant is gone');

  await vault.plugin('online', [GMAIL], application.returnAddress);
  await alice.begin();
  await consent();
  const brief = await alice.credential();
  const dead = await vault.call('POST', `/v1/credentials/${brief.id}/refresh`, session);
  assert.equal(dead.status, 409, JSON.stringify(dead.body));
  proved('the control: with access_type=online there is no refresh token, and refreshing says that it must be connected again');
  await vault.stop();
}

await atEmulate();
await atDocumented();
await browser.close();
process.exit(0);
