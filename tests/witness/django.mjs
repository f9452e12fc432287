// Tests with django-oauth-toolkit and Chromium. Reuse of a refresh token revokes its family there. Fifty simultaneous
// reads must cause one request. A stolen token must be detected.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Application, Person, openBrowser } from './application.mjs';
import { whoIs } from './registrar.mjs';
import { Toolkit } from './toolkit.mjs';
import { Vault, proved, until } from './vault.mjs';

const [django, browser] = await Promise.all([Toolkit.start(), openBrowser()]);
const me = `${django.issuer}/me`;
const vault = await Vault.start('django', {
  toolkit: `
title = "django-oauth-toolkit"
docs = "https://django-oauth-toolkit.readthedocs.io/"
issuer = "${django.issuer}"
[authorize]
url = "${django.issuer}/authorize/"
[token]
url = "${django.issuer}/token/"
client_auth = "basic"
[refresh]
rotation = "strict"
[revoke]
url = "${django.issuer}/revoke_token/"
[account]
url = "${me}"
id = "/sub"
label = "/email"
`,
});
const application = await Application.start();
application.vault = vault;
for (const user of ['alice', 'bob']) application.sessions[user] = await vault.session(user);
const client = await django.register('client_secret_basic');
const create = (provider) =>
  vault.cli(['oauth-app', 'create', provider, '--client-id', client.client_id], client.client_secret);
const discovered = await create(django.issuer);
const app = await create('toolkit');
assert.equal(discovered.provider, django.issuer);
await django.redirectTo(discovered.redirect_address, app.redirect_address);
proved('django-oauth-toolkit describes itself, and takes the redirect addresses of both registrations');

// The provider announces `iss`. It sends it with a code but not with an error, although RFC 9207 2 requires both. Its
// own catalogue file above does not require it.
const bob = await Person.with(browser, application, 'bob');
const cancel = () => bob.page.click('#authorizationForm input[type=submit]:not([name=allow])');
await vault.plugin(django.issuer, ['read'], application.returnAddress);
await bob.begin();
await django.signIn(bob.page, 'bob');
const refused = bob.page.waitForResponse((answer) => answer.url().startsWith(discovered.redirect_address));
await cancel();
assert.equal((await refused).status(), 404);
assert.deepEqual(await vault.denials('connection.return'), ['other-issuer']);
await vault.plugin('toolkit', ['read'], application.returnAddress);
await bob.begin();
await cancel();
assert.equal(await bob.end(), null);
assert.equal(new URL(bob.page.url()).searchParams.get('error'), 'access_denied');
await bob.begin();
await django.authorize(bob.page);
const bobs = await bob.credential();
proved('who cancels comes back with error=access_denied; where iss was promised and is missing, the answer gets 404');

const alice = await Person.with(browser, application, 'alice');
await alice.begin();
await django.signIn(alice.page, 'alice');
await django.authorize(alice.page);
const credential = await alice.credential();
const path = `/v1/credentials/${credential.id}`;
assert.deepEqual([credential.state, credential.account, credential.scopes], ['active', 'alice@example.com', ['read']]);
proved('Chromium logs in at its login page and authorizes at its consent page: connected, with PKCE and iss');

const read = () => vault.read(credential.id, 'alice');
const works = async ({ fields }) => (await whoIs(fields.access_token, me)) === 'alice@example.com';
const first = await read();
assert(await works(first));
assert(!JSON.stringify(first).includes(await django.latest('alice')));
assert.equal(await django.isActive(first.fields.access_token), true);
proved('the plugin reads a token that works at a protected resource, and no refresh token');

await until('the first token expires', 15, async () => !(await works(first)));
const second = await read();
assert.notEqual(second.fields.access_token, first.fields.access_token);
assert(await works(second));
proved('after it has expired, the same read gives another token, and that one works: refreshed unseen');

// Bob's would be refreshed meanwhile, and counted.
await vault.ok('DELETE', `/v1/credentials/${bobs.id}`, application.sessions.bob, undefined, { 'if-match': '*' });
await until('the refreshes of bob are over', 10, async () => {
  const { calls } = await django.seen();
  return calls.every(({ status }) => status === 200) && calls.some((call) => call.path === '/revoke_token/');
});
const old = await read();
const asked = (await django.asked('refresh_token')).length;
await sleep(Math.max(0, Date.parse(old.fields.expires_at) - Date.now() - 1400));
const reads = await Promise.all(Array.from({ length: 50 }, read));
const tokens = new Set(reads.map(({ fields }) => fields.access_token));
assert.deepEqual([tokens.size, tokens.has(old.fields.access_token)], [1, false]);
assert(await works(reads[0]));
const all = (await django.asked('refresh_token')).map(({ status }) => status);
assert.deepEqual([all.length, all.filter((status) => status !== 200)], [asked + 1, []]);
assert.deepEqual((await django.seen()).families.toSorted(), [0, 1]);
proved('fifty reads at once, just before the end: one token request, one new token for all, and no family is revoked');

/** The plugin got a 401 from the provider, and reports it. */
async function reported() {
  const { revision, fields } = await read();
  assert.equal(await whoIs(fields.access_token, me), null);
  const said = await vault.call('POST', `${path}/report-unauthorized?user_id=alice`, vault.pluginKey, { revision });
  assert.deepEqual([said.status, said.body.type], [409, 'urn:strongroom:problem:reauth-required']);
  const { state, cause } = await vault.ok('GET', path, application.sessions.alice);
  assert.deepEqual([state, cause], ['reauth-required', 'invalid_grant']);
}

async function connectAgain() {
  await alice.begin({ credential: credential.id });
  await django.authorize(alice.page);
  const healed = await alice.credential();
  assert.deepEqual([healed.id, healed.name, healed.state], [credential.id, credential.name, 'active']);
  const before = await read();
  assert(await works(before));
  await vault.ok('POST', `${path}/refresh`, application.sessions.alice);
  const after = await read();
  assert.notEqual(after.fields.access_token, before.fields.access_token);
  assert(await works(after));
  return after.fields.access_token;
}

const stolen = await django.latest('alice');
assert.deepEqual(await django.refreshWith(stolen), [200, undefined]);
const loot = await django.latest('alice');
assert.notEqual(loot, stolen);
await reported();
assert.deepEqual(await django.refreshWith(loot), [400, 'invalid_grant']);
assert(!(await django.seen()).families.some((living) => living > 0));
proved('a refresh token used behind the back of the vault: the family ends, for the thief as well; it says reauth-required');
await connectAgain();
proved('connecting the same credential again heals it: id and name stay, the token works, and is refreshed');

await django.withdraw(alice.page);
await reported();
proved('the user takes the grant back at the page of Django: the credential says reauth-required');

const last = await connectAgain();
const token = await django.latest('alice');
await vault.ok('DELETE', path, application.sessions.alice, undefined, { 'if-match': '*' });
await until('the access token is refused', 10, async () => (await whoIs(last, me)) === null);
assert.equal(await django.isActive(last), false);
assert.deepEqual(await django.refreshWith(token), [400, 'invalid_grant']);
assert(!(await django.seen()).families.some((living) => living > 0));
proved('healed and then deleted, the grant is revoked at Django: access token and refresh token are refused');
await vault.stop();
await browser.close();
process.exit(0);
