// Tests of the device flow (RFC 8628) with oidc-provider and Chromium. The user enters a code, and no browser returns
// to the vault.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBrowser } from './application.mjs';
import { Oidc, signIn } from './oidc.mjs';
import { whoIs } from './registrar.mjs';
import { Vault, proved, until } from './vault.mjs';

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
/** The default if the provider names no interval (RFC 8628 3.2). */
const INTERVAL = 5_000;

const polls = [];
const prompts = [];
const oidc = await Oidc.start('localhost', { features: { deviceFlow: { enabled: true } } }, async (_, ctx, next) => {
  const at = Date.now();
  await next();
  const { device_code: code, grant_type: grant } = ctx.oidc?.params ?? {};
  if (ctx.path === '/device/auth') prompts.push({ ...ctx.body, asked: [at] });
  if (ctx.path !== '/token' || grant !== DEVICE) return;
  polls.push({ code, error: ctx.body.error });
  prompts.find((prompt) => prompt.device_code === code).asked.push(at);
});
const userinfo = `${oidc.issuer}/me`;
const vault = await Vault.start('device', {});
const sessions = {};
for (const user of ['alice', 'bob']) sessions[user] = await vault.session(user);
const client = await oidc.register('client_secret_basic', {
  redirect_uris: [],
  response_types: [],
  grant_types: [DEVICE, 'refresh_token'],
});
await vault.cli(['oauth-app', 'create', oidc.issuer, '--client-id', client.client_id], client.client_secret);
const begin = (user, flow = 'device') =>
  vault.call('POST', '/v1/connections', sessions[user], { plugin: 'mail', name: 'Television', flow });
const show = (user, id) => vault.call('GET', `/v1/connections/${id}`, sessions[user]);

await vault.plugin(oidc.issuer, ['openid', 'email'], null);
const unfit = await begin('alice');
assert.deepEqual([unfit.status, unfit.body.errors.map(({ field, code }) => [field, code])], [422, [['flow', 'unsupported']]]);
assert.equal(prompts.length, 0);
await vault.plugin(oidc.issuer, ['openid', 'email'], null, { device: true });
proved('without "device": true in the manifest there is no device flow, and the provider is not asked');

async function prompted(user) {
  const { status, body } = await begin(user);
  assert.equal(status, 201, JSON.stringify(body));
  const issued = prompts.at(-1);
  assert.equal(body.user_code, issued.user_code);
  assert.equal(body.verification_address, issued.verification_uri);
  assert.equal(body.verification_address_complete, issued.verification_uri_complete);
  assert(!JSON.stringify(body).includes(issued.device_code));
  return { ...body, user, issued };
}

/** Polls as often as a page that knows no interval. */
async function over({ user, id }) {
  return until(`the connection of ${user} is over`, 30, async () => {
    const { body } = await show(user, id);
    return !['waiting', 'returned'].includes(body.status) && body;
  });
}

const browser = await openBrowser();
async function typeIn({ user_code: code, verification_address: address }) {
  const page = await (await browser.newContext()).newPage();
  await page.goto(address);
  await page.fill('input[name=user_code]', code);
  await page.click('button:has-text("Continue")');
  await page.waitForSelector('h1:has-text("Confirm Device")');
  assert((await page.textContent('code')).includes(code));
  return page;
}

const [alices, bobs] = [await prompted('alice'), await prompted('bob')];
assert.notEqual(alices.user_code, bobs.user_code);
const waiting = await show('alice', alices.id);
assert.deepEqual([waiting.body.status, waiting.body.user_code], ['waiting', alices.user_code]);
assert.equal(polls.length, 0);
proved('the vault begins: it shows the code and the address of the provider, and keeps the device code to itself');

assert.equal((await show('bob', alices.id)).status, 404);
assert.equal((await show('alice', bobs.id)).status, 404);
assert.equal(polls.length, 0);
proved('another user cannot ask: 404, and the provider is not asked');

// From here on, three pages poll all the time, two of them alice's.
const ends = Promise.all([alices, bobs, alices].map(over));
const page = await typeIn(alices);
await page.click('button:has-text("Continue")');
await signIn(page, 'alice');
const denied = await typeIn(bobs);
await until('both were asked about in vain', 15, () => new Set(polls.map(({ code }) => code)).size === 2);
assert(polls.every(({ error }) => error === 'authorization_pending'));
await page.click('button[type=submit]');
await page.waitForSelector('h1:has-text("Sign-in Success")');
await denied.click('button[name=abort]');
await denied.waitForSelector('text=The Sign-in request was interrupted');

const [done, failed, same] = await ends;
assert.deepEqual(same, done);
assert.deepEqual([done.status, done.cause, done.user_code], ['connected', null, null]);
const credential = await vault.ok('GET', `/v1/credentials/${done.credential}`, sessions.alice);
assert.deepEqual([credential.state, credential.account, credential.name], ['active', 'alice@example.com', 'Television']);
const first = await vault.read(credential.id, 'alice');
assert.equal(await whoIs(first.fields.access_token, userinfo), 'alice@example.com');
assert(!JSON.stringify(first).includes(oidc.latest('alice')));
proved('Chromium types the code in at the provider and consents: connected, and the plugin reads a token that works');

assert.deepEqual([failed.status, failed.cause, failed.credential], ['failed', 'access_denied', null]);
assert.deepEqual((await vault.ok('GET', '/v1/credentials', sessions.bob)).items, []);
proved('denied by the user at the provider: failed, with the cause access_denied');

await vault.ok('POST', `/v1/credentials/${credential.id}/refresh`, sessions.alice);
const second = await vault.read(credential.id, 'alice');
assert.notEqual(second.fields.access_token, first.fields.access_token);
assert.equal(await whoIs(second.fields.access_token, userinfo), 'alice@example.com');
const token = oidc.latest('alice');
await vault.ok('DELETE', `/v1/credentials/${credential.id}`, sessions.alice, undefined, { 'if-match': '*' });
await until('the provider is told', 10, () => oidc.revoked === 1);
assert.deepEqual(await oidc.refreshWith(token), [400, 'invalid_grant']);
proved('what was connected so is refreshed, and revoked when it is deleted, as any other');

const counts = [alices, bobs].map(({ issued }) => issued.asked.length);
const latest = Math.max(...[alices, bobs].map(({ issued }) => issued.asked.at(-1)));
await sleep(Math.max(0, latest + INTERVAL + 200 - Date.now()));
assert.equal((await show('alice', alices.id)).body.status, 'connected');
assert.equal((await show('bob', bobs.id)).body.status, 'failed');
assert.deepEqual([alices, bobs].map(({ issued }) => issued.asked.length), counts);
const gaps = [alices, bobs].flatMap(({ issued }) => issued.asked.slice(1).map((at, index) => at - issued.asked[index]));
assert(gaps.length >= 4 && gaps.every((gap) => gap >= INTERVAL - 500), JSON.stringify(gaps));
assert(!polls.some(({ error }) => error === 'slow_down'));
proved('asked by two pages all the time, it asked the provider once an interval, and never again when it was over');
await vault.stop();
await browser.close();
process.exit(0);
