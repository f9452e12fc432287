// A token endpoint for service accounts (RFC 7523 2.1), as strict as Google documents it:
// https://developers.google.com/identity/protocols/oauth2/service-account. `jose` checks signatures and times.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { jwtVerify } from 'jose';
import { rsaKey } from './keys.mjs';
import { CANARY } from './vault.mjs';

const LIFE = 12;
const listening = async (server) => {
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${server.address().port}`;
};

export class Accounts {
  static async start() {
    const accounts = new Accounts();
    accounts.origin = await listening(createServer((request, answer) => accounts.answer(request, answer)));
    accounts.tokenUrl = `${accounts.origin}/token`;
    // A request to this server followed an address in a key file.
    const evil = createServer((_, answer) => answer.end()).on('connection', () => (accounts.lured += 1));
    accounts.evil = await listening(evil);
    return accounts;
  }

  lured = 0;
  asked = [];
  keys = new Map();
  tokens = new Map();
  used = new Set();
  delegated = new Set();

  /**
   * A key file as the provider offers it. Its addresses lead to an attacker. `known` says whether its public key is
   * registered here.
   */
  keyFile(email, known = true) {
    const { pem, publicKey } = rsaKey();
    const id = randomBytes(20).toString('hex');
    if (known) this.keys.set(id, { email, publicKey });
    return JSON.stringify({
      type: 'service_account',
      project_id: `project-${CANARY}`,
      private_key_id: id,
      private_key: pem,
      client_email: email,
      client_id: '100000000000000000000',
      auth_uri: `${this.evil}/auth`,
      token_uri: `${this.evil}/token`,
      auth_provider_x509_cert_url: `${this.evil}/certs`,
      client_x509_cert_url: `${this.evil}/cert`,
      universe_domain: 'googleapis.com',
    });
  }

  async answer(request, answer) {
    const send = (status, body) => {
      answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (request.url === '/me') {
      const token = this.tokens.get(request.headers.authorization?.replace(/^Bearer /, ''));
      return token && Date.now() < token.until ? send(200, { email: token.subject }) : send(401, {});
    }
    if (request.url !== '/token' || request.method !== 'POST') return send(404, {});
    const form = new URLSearchParams(await text(request));
    try {
      return send(200, await this.grant(request.headers, form));
    } catch (error) {
      this.asked.push({ assertion: form.get('assertion'), refused: error.message });
      return send(400, { error: 'invalid_grant', error_description: CANARY });
    }
  }

  async grant(headers, form) {
    assert.equal(headers.authorization, undefined);
    assert.match(headers['content-type'], /^application\/x-www-form-urlencoded\b/);
    assert.deepEqual([...form.keys()].sort(), ['assertion', 'grant_type']);
    assert.equal(form.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer');
    const assertion = form.get('assertion');
    const key = (header) => {
      assert(this.keys.has(header.kid), 'unknown kid');
      return this.keys.get(header.kid).publicKey;
    };
    const { payload, protectedHeader } = await jwtVerify(assertion, key, {
      algorithms: ['RS256'],
      typ: 'JWT',
      audience: this.tokenUrl,
      // Not in the future, and not older than this.
      maxTokenAge: '1h',
      requiredClaims: ['iss', 'exp', 'iat', 'jti', 'scope'],
    });
    const { email } = this.keys.get(protectedHeader.kid);
    // As Google documents it: `sub` is another user. Without `sub`, the account acts for itself.
    const { iss, sub = iss, aud, exp, iat, jti, scope } = payload;
    assert.equal(aud, this.tokenUrl, 'one audience');
    assert.equal(iss, email, 'another account');
    assert(payload.sub === undefined || this.delegated.has(`${email} ${sub}`), 'not delegated');
    assert(exp - iat <= 3600, 'lives too long');
    assert(!this.used.has(jti), 'used twice');
    this.used.add(jti);
    this.asked.push({ assertion, iss, sub: payload.sub, jti });
    const token = `ya29.${CANARY}-${randomBytes(16).toString('hex')}`;
    this.tokens.set(token, { subject: sub, scope, until: Date.now() + LIFE * 1000 });
    return { access_token: token, expires_in: LIFE, token_type: 'Bearer' };
  }

  /** The granted requests of an account. */
  granted(email) {
    return this.asked.filter(({ iss }) => iss === email);
  }
}
