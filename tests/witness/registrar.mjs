// A provider that registers clients, as at its console: RFC 7591, and RFC 7592 for addresses that are known later.
import assert from 'node:assert/strict';

export class Registrar {
  /** The paths under the issuer. */
  paths = { registration: '/reg', token: '/token', introspection: '/token/introspection' };

  async register(method, more = {}) {
    const answer = await fetch(this.issuer + this.paths.registration, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        client_name: 'Strongroom',
        redirect_uris: ['http://127.0.0.1:1/not-known-yet'],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: method,
        ...more,
      }),
    });
    this.client = await answer.json();
    assert.equal(answer.status, 201, JSON.stringify(this.client));
    return this.client;
  }

  /** Registers the addresses that Strongroom printed. */
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
    // Some providers do not repeat the secret.
    this.client = { ...this.client, ...JSON.parse(text) };
  }

  /** Sends a form, authenticated as the client. */
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
    const { status, body } = await this.asClient(this.paths.introspection, { token });
    assert.equal(status, 200, JSON.stringify(body));
    return body.active;
  }

  /** The token endpoint's answer to a refresh token: the status, and the error's code if there is one. */
  async refreshWith(token) {
    const { status, body } = await this.asClient(this.paths.token, { grant_type: 'refresh_token', refresh_token: token });
    return [status, body.error];
  }
}

/** The user that a protected resource assigns to a token. Null if it refuses the token. */
export async function whoIs(token, address) {
  const answer = await fetch(address, { headers: { authorization: `Bearer ${token}` } });
  if (answer.status !== 200) {
    assert.equal(answer.status, 401);
    return null;
  }
  return (await answer.json()).email;
}
