// Tests of the catalogue's entry for Google's service accounts, with another token endpoint. One key file belongs to
// the registration, for all users. Another one belongs to a user's connection.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { Accounts } from './accounts.mjs';
import { linesOf, rsaKey } from './keys.mjs';
import { whoIs } from './registrar.mjs';
import { CANARY, Vault, proved, until } from './vault.mjs';

const PROVIDER = 'google-service-account';
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform.read-only';
const HOUSE = 'house@project.iam.gserviceaccount.com';
const BOBS = 'bobs@project.iam.gserviceaccount.com';

const accounts = await Accounts.start();
const me = `${accounts.origin}/me`;
const entry = execFileSync(process.env.STRONGROOM, ['provider', 'show', PROVIDER], { encoding: 'utf8' });
const moved = entry.replace('"https://oauth2.googleapis.com/token"', `"${accounts.tokenUrl}"`);
assert.notEqual(moved, entry);
const vault = await Vault.start('service-account', { [PROVIDER]: moved });
const sessions = {};
for (const user of ['alice', 'bob']) sessions[user] = await vault.session(user);
await vault.plugin(PROVIDER, [SCOPE], null);

const create = (more, key) => vault.cli(['oauth-app', 'create', PROVIDER, ...more], key);
const houseKey = accounts.keyFile(HOUSE);
const house = await create([], houseKey);
assert.equal(house.client_id, HOUSE);
assert(!JSON.stringify(house).includes('PRIVATE KEY'));
for (const other of [`secret-${CANARY}`, JSON.stringify({ ...JSON.parse(houseKey), private_key: CANARY })]) {
  const said = await vault.refused(['oauth-app', 'create', PROVIDER, '--client-id', HOUSE], other);
  assert.match(said, /private key/);
}
const own = await create(['--client-id', 'any', '--public']);
proved('oauth-app create takes the key file as it was downloaded and names its account; what is no key is refused');

const connect = (user, app, more = {}) =>
  vault.call('POST', '/v1/connections', sessions[user], { plugin: 'mail', name: 'Robot', app: app.id, ...more });
async function connected(user, app, more) {
  const { status, body } = await connect(user, app, more);
  assert.equal(status, 201, JSON.stringify(body));
  assert.deepEqual([body.id, body.start_address, body.credential.state], [null, null, 'active']);
  return body.credential;
}
const refusal = ({ status, body }) => [status, body.type.split(':').at(-1), body.errors?.map(({ field }) => field)];

const alices = await connected('alice', house);
const bobsKey = accounts.keyFile(BOBS);
const bobs = await connected('bob', own, { key_file: bobsKey });
assert.equal(bobs.account, BOBS);
assert.deepEqual(accounts.asked.map(({ iss, sub }) => [iss, sub]), [[HOUSE, undefined], [BOBS, undefined]]);
const reads = () => Promise.all([vault.read(alices.id, 'alice'), vault.read(bobs.id, 'bob')]);
const first = await reads();
for (const [{ fields }, email] of [[first[0], HOUSE], [first[1], BOBS]]) {
  const { access_token: token, expires_at: end, scopes, account_id: account = email, ...others } = fields;
  assert.deepEqual([scopes, account, others], [[SCOPE], email, {}]);
  assert(token.includes(CANARY) && Date.parse(end) > Date.now());
  assert.equal(await whoIs(token, me), email);
}
assert.equal(accounts.tokens.get(first[1].fields.access_token).scope, SCOPE);
proved('the key of the registration and the key of a user connect at once, each for its account, and the tokens work');

for (const [{ fields }, user, credential, file] of [
  [first[0], 'alice', alices, houseKey],
  [first[1], 'bob', bobs, bobsKey],
]) {
  const shown = await vault.ok('GET', `/v1/credentials/${credential.id}`, sessions[user]);
  const listed = await vault.ok('GET', `/v1/credentials?user_id=${user}`, vault.pluginKey);
  const said = JSON.stringify([fields, shown, listed]);
  const { private_key: pem, private_key_id: id } = JSON.parse(file);
  for (const part of ['PRIVATE KEY', linesOf(pem)[0], id]) assert(!said.includes(part), part);
}
proved('the plugin gets the token, its end, its scopes and its owner, and no answer contains the key file');

assert.deepEqual(refusal(await connect('bob', own)), [422, 'invalid-fields', ['key_file']]);
const nonsense = { key_file: `no key ${CANARY}` };
assert.deepEqual(refusal(await connect('bob', own, nonsense)), [422, 'invalid-fields', ['key_file']]);
const stranger = await connect('bob', own, { key_file: accounts.keyFile(BOBS, false) });
assert.deepEqual(refusal(stranger), [409, 'provider-refused', undefined]);
assert.match(stranger.body.detail, /invalid_grant/);
assert.equal(accounts.asked.at(-1).refused, 'unknown kid');
// The right name of a key, with another key.
const forged = JSON.stringify({ ...JSON.parse(bobsKey), private_key: rsaKey().pem });
assert.deepEqual(refusal(await connect('bob', own, { key_file: forged })), [409, 'provider-refused', undefined]);
assert.equal(accounts.asked.at(-1).refused, 'signature verification failed');
assert.equal((await vault.ok('GET', '/v1/credentials', sessions.bob)).items.length, 1);
proved('no key file, nonsense, a key that is unknown and a forged one connect nothing, and the answer says why');

const replayed = accounts.granted(BOBS)[0].assertion;
const form = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: replayed };
const again = await fetch(accounts.tokenUrl, { method: 'POST', body: new URLSearchParams(form) });
assert.deepEqual([again.status, accounts.asked.at(-1).refused], [400, 'used twice']);
await until('both tokens expire', 20, async () => {
  return (await Promise.all(first.map(({ fields }) => whoIs(fields.access_token, me)))).every((email) => email === null);
});
const second = await reads();
for (const [index, email] of [HOUSE, BOBS].entries()) {
  assert.notEqual(second[index].fields.access_token, first[index].fields.access_token);
  assert.equal(await whoIs(second[index].fields.access_token, me), email);
  const ids = accounts.granted(email).map(({ jti }) => jti);
  assert(ids.length >= 2 && new Set(ids).size === ids.length);
}
proved('after they have expired, the same reads give others that work: asked for again, each time with a new assertion');

const renewed = await connected('bob', own, { credential: bobs.id, key_file: accounts.keyFile(BOBS) });
assert.equal(renewed.id, bobs.id);
assert.equal(await whoIs((await vault.read(bobs.id, 'bob')).fields.access_token, me), BOBS);
const foreign = await connect('bob', own, { credential: bobs.id, key_file: accounts.keyFile(HOUSE) });
assert.deepEqual(refusal(foreign), [409, 'other-account', undefined]);
const kids = () => JSON.parse(Buffer.from(accounts.granted(BOBS).at(-1).assertion.split('.')[0], 'base64url')).kid;
const kid = kids();
assert.notEqual(kid, JSON.parse(bobsKey).private_key_id);
await vault.ok('POST', `/v1/credentials/${bobs.id}/refresh`, sessions.bob);
assert.equal(kids(), kid);
proved('a new key file of the same account takes the place of the old one; one of another account is refused');

const acting = ['--client-id', HOUSE, '--parameter', 'subject=alice@example.com'];
const delegate = await create(acting, houseKey);
assert.deepEqual(refusal(await connect('alice', delegate)), [409, 'provider-refused', undefined]);
assert.equal(accounts.asked.at(-1).refused, 'not delegated');
accounts.delegated.add(`${HOUSE} alice@example.com`);
const acts = await connected('alice', delegate, { name: 'For me' });
assert.equal(await whoIs((await vault.read(acts.id, 'alice')).fields.access_token, me), 'alice@example.com');
proved('with subject= it acts for a person, where the domain has delegated that, and not before');

for (const [user, { id }] of [['alice', alices], ['alice', acts], ['bob', bobs]]) {
  await vault.ok('DELETE', `/v1/credentials/${id}`, sessions[user], undefined, { 'if-match': '*' });
}
assert.equal(accounts.lured, 0);
proved('the addresses in the key files were never called');
await vault.stop();
assert(vault.wrote(HOUSE));
for (const file of [houseKey, bobsKey]) {
  assert(!linesOf(JSON.parse(file).private_key).some((line) => vault.wrote(line)));
}
proved('no line of a private key is in the database, in the log or in an answer');
process.exit(0);
