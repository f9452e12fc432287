// The only module that sends requests to the vault. The token is sent in a header only. Cookies are sent only to the
// page's own origin, and only without a token function. Requests do not follow redirects.
import { Changes, type Change } from './changes.js';
import { misconfigured, Problem, problemFrom, type Mistake } from './problem.js';
import { dropRefusedToken, generationOf, tokenOf, type TokenSource } from './session.js';
import { SharedRequests } from './shared-requests.js';
import type { Begun, ConnectionInput, Credential, Page, Plugin, ConnectionProgress, Verdict } from './types.js';

const TIMEOUT_MS = 20_000;
const PAGE_SIZE = 200;

/** The body of a save or a test. */
export interface CredentialInput {
  plugin: string;
  type: string;
  name: string;
  fields: Record<string, unknown>;
}

interface Options {
  body?: unknown;
  match?: number;
  idempotencyKey?: string;
  signal?: AbortSignal | undefined;
}

/** The key of the client that uses the cookie. */
const byCookie = {};
const clients = new WeakMap<object, Map<string, Client>>();

/**
 * Returns the client of this endpoint and session, shared by all elements. Throws a problem if the endpoint is not a
 * URL.
 */
export function clientOf(endpoint: string, source: TokenSource | undefined): Client {
  const known = clients.get(source ?? byCookie) ?? new Map<string, Client>();
  clients.set(source ?? byCookie, known);
  const client = known.get(endpoint) ?? new Client(endpoint, source);
  known.set(endpoint, client);
  return client;
}

export class Client {
  /** Changed credentials, from this page and from other pages. */
  readonly changes: Changes;
  readonly #base: URL;
  readonly #source: TokenSource | undefined;
  readonly #reads = new SharedRequests();
  /** Whether the endpoint has answered as a vault. */
  #hasAnswered = false;
  /** Whether the vault has accepted a token of this session. */
  #wasAccepted = false;

  constructor(endpoint: string, source?: TokenSource) {
    try {
      this.#base = new URL(endpoint || '/', document.baseURI);
    } catch {
      throw misconfigured('endpoint', endpoint, "Set the vault's address, such as https://vault.example.com.");
    }
    this.#source = source;
    if (!this.#base.pathname.endsWith('/')) this.#base.pathname += '/';
    this.changes = new Changes(this.#base, (id) => this.#present(id));
  }

  /** Whether a request can identify a user, by a token or by the cookie of the same origin. */
  get isSignedIn(): boolean {
    return this.#source !== undefined || this.#base.origin === location.origin;
  }

  async plugin(name: string, signal?: AbortSignal): Promise<Plugin> {
    const remedy = 'Set it to the name of a plugin that is registered at the vault (strongroom plugin list).';
    if (!name) throw misconfigured('plugin', '', remedy);
    try {
      return await this.#get(`plugins/${encodeURIComponent(name)}`, signal);
    } catch (caught) {
      if (!(caught instanceof Problem) || caught.code !== 'not-found') throw caught;
      throw misconfigured('plugin', name, `No plugin of this name is registered. ${remedy}`);
    }
  }

  async plugins(signal?: AbortSignal): Promise<Plugin[]> {
    return (await this.#get<Page<Plugin>>(`plugins?limit=${PAGE_SIZE}`, signal)).items;
  }

  /** Yields page by page, so that the first rows appear early. */
  async *credentials(
    plugin: string,
    type: string,
    signal?: AbortSignal,
    first = PAGE_SIZE,
  ): AsyncGenerator<Credential[]> {
    let cursor: string | null | undefined;
    do {
      const query = new URLSearchParams({ limit: String(cursor ? PAGE_SIZE : first) });
      for (const [name, value] of Object.entries({ plugin, type, cursor })) if (value) query.set(name, value);
      const page = await this.#get<Page<Credential>>(`credentials?${query}`, signal);
      yield page.items;
      cursor = page.next_cursor;
    } while (cursor);
  }

  async allCredentials(plugin: string, type: string, signal?: AbortSignal): Promise<Credential[]> {
    const found: Credential[] = [];
    for await (const page of this.credentials(plugin, type, signal)) found.push(...page);
    return found;
  }

  credential(id: string, signal?: AbortSignal): Promise<Credential> {
    return this.#get(`credentials/${encodeURIComponent(id)}`, signal);
  }

  /** A repeated request with the same idempotency key creates one credential. */
  create(draft: CredentialInput, idempotencyKey: string): Promise<Credential> {
    return this.#write(this.#send('POST', 'credentials', { body: draft, idempotencyKey }));
  }

  update(id: string, revision: number, change: Partial<Pick<CredentialInput, 'name' | 'fields'>>): Promise<Credential> {
    const path = `credentials/${encodeURIComponent(id)}`;
    return this.#write(this.#send('PATCH', path, { body: change, match: revision }));
  }

  async remove(id: string, revision: number): Promise<void> {
    const generation = generationOf(this.#source);
    await this.#send('DELETE', `credentials/${encodeURIComponent(id)}`, { match: revision });
    this.#publish({ id, credential: null }, generation);
  }

  testStored(id: string): Promise<Verdict> {
    return this.#send('POST', `credentials/${encodeURIComponent(id)}/test`);
  }

  testDraft(draft: Omit<CredentialInput, 'name'> & { credential?: string }): Promise<Verdict> {
    return this.#send('POST', 'credentials/test', { body: draft });
  }

  async begin(wanted: ConnectionInput): Promise<Begun> {
    const generation = generationOf(this.#source);
    const begun = await this.#send<Begun>('POST', 'connections', { body: wanted });
    const { credential } = begun;
    if (credential) this.#publish({ id: credential.id, credential }, generation);
    return begun;
  }

  progress(id: string, signal?: AbortSignal): Promise<ConnectionProgress> {
    return this.#send('GET', `connections/${encodeURIComponent(id)}`, { signal });
  }

  complete(id: string, code: string): Promise<Credential> {
    return this.#write(this.#send('POST', `connections/${encodeURIComponent(id)}/complete`, { body: { code } }));
  }

  /** Reads the credential that a connection created or renewed. */
  connected(id: string): Promise<Credential> {
    this.#reads.clear();
    return this.#write(this.credential(id));
  }

  async #write(answer: Promise<Credential>): Promise<Credential> {
    const generation = generationOf(this.#source);
    const credential = await answer;
    this.#publish({ id: credential.id, credential }, generation);
    return credential;
  }

  /** Publishes a change, unless another user has signed in since the request. */
  #publish(change: Change, generation: number): void {
    this.#reads.clear();
    if (generation === generationOf(this.#source)) this.changes.publish(change);
  }

  /** Reads a credential that another page named. Throws if it cannot be read for the present user. */
  async #present(id: string): Promise<Credential | null> {
    this.#reads.clear();
    const generation = generationOf(this.#source);
    const found = await this.credential(id).catch((caught: unknown) => {
      if (caught instanceof Problem && caught.code === 'not-found') return null;
      throw caught;
    });
    if (generation !== generationOf(this.#source)) throw new Problem('session-expired');
    return found;
  }

  #get<Body>(path: string, signal: AbortSignal | undefined): Promise<Body> {
    const key = `${generationOf(this.#source)} ${path}`;
    return this.#reads.join(key, signal, (shared) => this.#send<Body>('GET', path, { signal: shared }));
  }

  async #send<Body>(method: string, path: string, options: Options = {}): Promise<Body> {
    const source = this.#source;
    if (!source) return this.#read<Body>(await this.#fetch(method, path, options), options.signal);
    const generation = generationOf(source);
    // A request of one user must not be sent with the token of the next user.
    const ofThisUser = async (): Promise<string> => {
      const given = await tokenOf(source);
      if (generation !== generationOf(source)) throw new Problem('session-expired');
      return given;
    };
    let used = await ofThisUser();
    let answer = await this.#fetch(method, path, options, used);
    if (answer.status === 401) {
      await dropRefusedToken(source, used);
      used = await ofThisUser();
      answer = await this.#fetch(method, path, options, used);
      if (answer.status === 401) await dropRefusedToken(source, used);
    }
    this.#wasAccepted ||= answer.ok;
    return this.#read<Body>(answer, options.signal);
  }

  async #fetch(
    method: string,
    path: string,
    { body, match, idempotencyKey, signal }: Options,
    bearer?: string,
  ): Promise<Response> {
    const headers = new Headers({ Accept: 'application/json' });
    if (bearer) headers.set('Authorization', `Bearer ${bearer}`);
    if (body !== undefined) headers.set('Content-Type', 'application/json');
    if (match !== undefined) headers.set('If-Match', `"${match}"`);
    if (idempotencyKey !== undefined) headers.set('Idempotency-Key', `"${idempotencyKey}"`);
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    try {
      return await fetch(new URL(`v1/${path}`, this.#base), {
        method,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        credentials: bearer || this.#base.origin !== location.origin ? 'omit' : 'same-origin',
        cache: 'no-store',
        referrerPolicy: 'no-referrer',
        redirect: 'error',
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
    } catch (caught) {
      if (signal?.aborted) throw caught;
      if (timeout.aborted) throw new Problem('timeout');
      throw new Problem('offline', this.#hasAnswered ? {} : { mistake: this.#notThere('No vault answers there.') });
    }
  }

  async #read<Body>(answer: Response, signal?: AbortSignal): Promise<Body> {
    const text = await answer.text().catch((caught: unknown) => {
      // The caller aborted after the headers, so the answer is incomplete.
      if (signal?.aborted) throw caught;
      return '';
    });
    let body: unknown;
    try {
      body = text === '' ? undefined : JSON.parse(text);
    } catch {
      body = undefined;
    }
    if (answer.ok && (body !== undefined || answer.status === 204)) {
      this.#hasAnswered = true;
      return body as Body;
    }
    if (answer.ok || (answer.status === 404 && body === undefined)) {
      throw new Problem('misconfigured', { mistake: this.#notThere('The server at this address is not a vault.') });
    }
    throw this.#refusal(problemFrom(answer.status, body, answer.headers));
  }

  /** A refusal. If the page caused it, the problem has a remedy for the page's developer. */
  #refusal(problem: Problem): Problem {
    const { status, requestId, code, detail } = problem;
    const details = { status, requestId: requestId ?? '', detail };
    const mistake = (value: string, remedy: string) => ({ mistake: { attribute: 'getSessionToken', value, remedy } });
    if (status === 401) {
      if (this.#wasAccepted || !this.#source) return new Problem('session-expired', details);
      const remedy = 'Mint it at the vault that `endpoint` names, and give it to the page before it expires.';
      return new Problem('no-session', { ...details, ...mistake('a token that the vault refused', remedy) });
    }
    if (code === 'origin-unknown') {
      const remedy = `Name ${location.origin} in the \`origins\` of POST /v1/sessions.`;
      return new Problem(code, { ...details, ...mistake('a session that is not for pages of this origin', remedy) });
    }
    if (code === 'wrong-principal') {
      const remedy = "Give a user's session (srs_…). Host and plugin keys must not reach a page.";
      return new Problem(code, { ...details, ...mistake("a token that is not a user's session", remedy) });
    }
    return problem;
  }

  #notThere(what: string): Mistake {
    const remedy = `${what} Check the address, and the connect-src of the page's Content-Security-Policy.`;
    return { attribute: 'endpoint', value: this.#base.href, remedy };
  }
}
