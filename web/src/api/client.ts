// The one place that speaks to the vault. The token goes into a header and nowhere else; cookies are sent only to the
// page's own origin, and only when there is no token function. No request follows a redirect.
import { forget, token, type TokenSource } from './session.js';
import { Problem, problemFrom } from './problem.js';
import type { Begun, Credential, Page, Plugin, Progress, Verdict } from './types.js';

const PATIENCE = 20_000;

/** What a save or a test sends. */
export interface Draft {
  plugin: string;
  type: string;
  name: string;
  fields: Record<string, unknown>;
}

interface Options {
  body?: unknown;
  match?: number;
  once?: string;
  signal?: AbortSignal | undefined;
}

export class Client {
  readonly #base: URL;
  readonly #source: TokenSource | undefined;

  constructor(endpoint: string, source?: TokenSource) {
    this.#base = new URL(endpoint || '/', document.baseURI);
    this.#source = source;
    if (!this.#base.pathname.endsWith('/')) this.#base.pathname += '/';
  }

  /** Whether there is any way to be somebody: a token, or the cookie of the same origin. */
  get isSignedIn(): boolean {
    return this.#source !== undefined || this.#base.origin === location.origin;
  }

  plugin(name: string, signal?: AbortSignal): Promise<Plugin> {
    return this.#send('GET', `plugins/${encodeURIComponent(name)}`, { signal });
  }

  plugins(signal?: AbortSignal): Promise<Page<Plugin>> {
    return this.#send('GET', 'plugins?limit=200', { signal });
  }

  /** Page by page, so that the first rows can be shown at once. */
  async *credentials(plugin: string, type: string, first: number, signal?: AbortSignal): AsyncGenerator<Credential[]> {
    let cursor: string | null | undefined;
    do {
      const query = new URLSearchParams({ limit: String(cursor ? 200 : first) });
      for (const [name, value] of Object.entries({ plugin, type, cursor })) if (value) query.set(name, value);
      const page = await this.#send<Page<Credential>>('GET', `credentials?${query}`, { signal });
      yield page.items;
      cursor = page.next_cursor;
    } while (cursor);
  }

  credential(id: string, signal?: AbortSignal): Promise<Credential> {
    return this.#send('GET', `credentials/${encodeURIComponent(id)}`, { signal });
  }

  /** `once` makes a repeated send of the same draft create nothing more. */
  create(draft: Draft, once: string): Promise<Credential> {
    return this.#send('POST', 'credentials', { body: draft, once });
  }

  update(id: string, revision: number, change: Partial<Pick<Draft, 'name' | 'fields'>>): Promise<Credential> {
    return this.#send('PATCH', `credentials/${encodeURIComponent(id)}`, { body: change, match: revision });
  }

  remove(id: string, revision: number): Promise<void> {
    return this.#send('DELETE', `credentials/${encodeURIComponent(id)}`, { match: revision });
  }

  testStored(id: string): Promise<Verdict> {
    return this.#send('POST', `credentials/${encodeURIComponent(id)}/test`);
  }

  testDraft(draft: Omit<Draft, 'name'> & { credential?: string }): Promise<Verdict> {
    return this.#send('POST', 'credentials/test', { body: draft });
  }

  begin(wanted: Record<string, unknown>): Promise<Begun> {
    return this.#send('POST', 'connections', { body: wanted });
  }

  progress(id: string, signal?: AbortSignal): Promise<Progress> {
    return this.#send('GET', `connections/${encodeURIComponent(id)}`, { signal });
  }

  complete(id: string, code: string): Promise<Credential> {
    return this.#send('POST', `connections/${encodeURIComponent(id)}/complete`, { body: { code } });
  }

  async #send<Body>(method: string, path: string, options: Options = {}): Promise<Body> {
    if (!this.#source) return this.#read<Body>(await this.#fetch(method, path, options), options.signal);
    let used = await token(this.#source);
    let answer = await this.#fetch(method, path, options, used);
    if (answer.status === 401) {
      await forget(this.#source, used);
      used = await token(this.#source);
      answer = await this.#fetch(method, path, options, used);
      if (answer.status === 401) await forget(this.#source, used);
    }
    return this.#read<Body>(answer, options.signal);
  }

  async #fetch(
    method: string,
    path: string,
    { body, match, once, signal }: Options,
    bearer?: string,
  ): Promise<Response> {
    const headers = new Headers({ Accept: 'application/json' });
    if (bearer) headers.set('Authorization', `Bearer ${bearer}`);
    if (body !== undefined) headers.set('Content-Type', 'application/json');
    if (match !== undefined) headers.set('If-Match', `"${match}"`);
    if (once !== undefined) headers.set('Idempotency-Key', `"${once}"`);
    const patience = AbortSignal.timeout(PATIENCE);
    try {
      return await fetch(new URL(`v1/${path}`, this.#base), {
        method,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        credentials: bearer || this.#base.origin !== location.origin ? 'omit' : 'same-origin',
        cache: 'no-store',
        referrerPolicy: 'no-referrer',
        redirect: 'error',
        signal: signal ? AbortSignal.any([signal, patience]) : patience,
      });
    } catch (caught) {
      if (signal?.aborted) throw caught;
      throw new Problem(patience.aborted ? 'timeout' : 'offline');
    }
  }

  async #read<Body>(answer: Response, signal?: AbortSignal): Promise<Body> {
    const text = await answer.text().catch((caught: unknown) => {
      // Cut off by whoever asked, after its headers: no answer at all.
      if (signal?.aborted) throw caught;
      return '';
    });
    let body: unknown;
    try {
      body = text === '' ? undefined : JSON.parse(text);
    } catch {
      body = undefined;
    }
    if (answer.ok) return body as Body;
    const problem = problemFrom(answer.status, body, answer.headers.get('X-Request-Id'));
    if (answer.status !== 401) throw problem;
    throw new Problem('session-expired', { requestId: problem.requestId ?? '', status: 401 });
  }
}
