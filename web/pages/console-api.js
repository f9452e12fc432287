// Sends the console's requests: to the same origin, with the session's cookie, in JSON. An answer that is not a success
// becomes a Problem (RFC 9457). This module keeps nothing of what it sends or receives.
/** @import { Answer, Fault, Known, Lists, Method, Page, Query, RequestOptions, Schemas, Visitor } from './pages.js' */

const PATIENCE = 20_000;
const PREFIX = 'urn:strongroom:problem:';

/** The event on `document` when the server knows no session of this browser any more. */
export const SIGNED_OUT = 'console-signed-out';

export class Problem extends Error {
  /**
   * `code` is the server's slug, or `offline`, `timeout` or `unexpected`; `wait` is in seconds.
   * @param {string} code
   * @param {{ status?: number, detail?: string, faults?: Fault[], request?: string, wait?: number }} [details]
   */
  constructor(code, { status = 0, detail = '', faults = [], request = '', wait = 0 } = {}) {
    super(code);
    this.name = 'Problem';
    this.code = code;
    this.status = status;
    this.detail = detail;
    this.faults = faults;
    this.request = request;
    this.wait = wait;
  }
}

/**
 * A problem that the page itself found in a field, in the shape that the server uses.
 * @param {string} field
 * @param {string} message
 */
export const fault = (field, message) =>
  new Problem('invalid-fields', { faults: [{ field, code: 'invalid', message }] });

/**
 * @param {Response} answer
 * @param {unknown} body
 */
function problemOf(answer, body) {
  /** @type {Partial<Schemas['Problem']>} */
  const known = body ?? {};
  const type = String(known.type ?? '');
  return new Problem(type.startsWith(PREFIX) ? type.slice(PREFIX.length) : 'unexpected', {
    status: answer.status,
    detail: String(known.detail ?? ''),
    faults: Array.isArray(known.errors) ? known.errors : [],
    request: answer.headers.get('X-Request-Id') ?? '',
    wait: Number(answer.headers.get('Retry-After')) || 0,
  });
}

/**
 * Sends one request and returns the answer unread.
 * @param {Method} method
 * @param {string} path
 * @param {RequestOptions} [options]
 */
export async function send(method, path, { body, text, match, fresh, once, signal } = {}) {
  const headers = new Headers({ Accept: 'application/json' });
  const content = text ?? (body === undefined ? null : JSON.stringify(body));
  if (content !== null) headers.set('Content-Type', 'application/json');
  if (match !== undefined) headers.set('If-Match', `"${match}"`);
  if (fresh) headers.set('If-None-Match', '*');
  if (once) headers.set('Idempotency-Key', `"${once}"`);
  const patience = AbortSignal.timeout(PATIENCE);
  try {
    return await fetch(path, {
      method,
      headers,
      body: content,
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      referrerPolicy: 'no-referrer',
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
    });
  } catch (caught) {
    if (signal?.aborted) throw caught;
    throw new Problem(patience.aborted ? 'timeout' : 'offline');
  }
}

/**
 * The body of an answer; null if it is not JSON.
 * @param {Response} answer
 * @returns {Promise<unknown>}
 */
const bodyOf = (answer) => answer.json().catch(() => null);

/**
 * @param {Method} method
 * @param {string} path
 * @param {RequestOptions} [options]
 * @returns {Promise<unknown>}
 */
async function request(method, path, options) {
  const answer = await send(method, path, options);
  const body = await bodyOf(answer);
  options?.signal?.throwIfAborted();
  if (answer.ok && body === null && answer.status !== 204) throw new Problem('offline');
  if (answer.ok) return body;
  const problem = problemOf(answer, body);
  if (answer.status === 401) document.dispatchEvent(new Event(SIGNED_OUT));
  throw problem;
}

/**
 * Sends one request and returns the body of its answer. Throws a Problem, and tells the page when the session has ended.
 * The API's description gives the type of the body for each method and path.
 * @template {Method} Verb
 * @template {string} Path
 * @param {Verb} method
 * @param {Known<Verb, Path>} path
 * @param {RequestOptions} [options]
 */
export const ask = (method, path, options) =>
  /** @type {Promise<Answer<Verb, Path>>} */ (request(method, path, options));

/**
 * The user or operator who is signed in; null if there is no session.
 * @returns {Promise<Visitor | null>}
 */
export async function showVisitor() {
  const answer = await send('GET', '/v1/console');
  const body = await bodyOf(answer);
  if (answer.ok) return /** @type {Visitor | null} */ (body);
  if (answer.status === 401) return null;
  throw problemOf(answer, body);
}

/**
 * An address whose query has those members that are not empty.
 * @template {string} Path
 * @param {Path} path
 * @param {Query} members
 * @returns {Path | `${Path}?${string}`}
 */
export function withQuery(path, members) {
  const given = Object.entries(members).filter(([, value]) => value);
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return query.size ? `${path}?${query}` : path;
}

/**
 * Yields the pages of a list in order. Waits as long as the server tells it to.
 * @template {keyof Lists} Path
 * @param {Path} path
 * @param {Query} [members]
 * @param {AbortSignal} [signal]
 * @returns {AsyncGenerator<Page<Lists[Path]>, void, undefined>}
 */
export async function* pages(path, members = {}, signal = undefined) {
  /** @type {string | null | undefined} */
  let cursor = null;
  for (;;) {
    /** @type {Page<Lists[Path]>} */
    let page;
    try {
      page = /** @type {Page<Lists[Path]>} */ (
        await request('GET', withQuery(path, { ...members, cursor }), { signal })
      );
    } catch (caught) {
      if (!(caught instanceof Problem) || caught.code !== 'rate-limited') throw caught;
      const seconds = Math.min(60, caught.wait || 1);
      await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
      continue;
    }
    cursor = page.next_cursor;
    yield page;
    if (!cursor) return;
  }
}

/**
 * The next page of a list. Throws if the last one was read already.
 * @template Item
 * @param {AsyncGenerator<Page<Item>, void, undefined>} list
 */
export async function nextOf(list) {
  const { done, value } = await list.next();
  if (done) throw new RangeError('the list has no further page');
  return value;
}

/**
 * All items of a list.
 * @template {keyof Lists} Path
 * @param {Path} path
 */
export async function all(path) {
  /** @type {Lists[Path][]} */
  const items = [];
  for await (const page of pages(path, { limit: 200 })) items.push(...page.items);
  return items;
}
