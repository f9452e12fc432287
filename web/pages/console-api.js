// The one place of the console that speaks to the server: same origin, the cookie's session, JSON. Whatever is not a success
// is a Problem (RFC 9457). Nothing that was sent or answered is kept here.

const PATIENCE = 20_000;
const PREFIX = 'urn:strongroom:problem:';

/** The event on `document` when the server knows nobody any more. */
export const SIGNED_OUT = 'console-signed-out';

export class Problem extends Error {
  /** `code` is the server's slug, or `offline`, `timeout` or `unexpected`; `faults` are `{field, code, message}`. */
  constructor(code, { status = 0, detail = '', faults = [], request = '', wait = 0 } = {}) {
    super(code);
    Object.assign(this, { name: 'Problem', code, status, detail, faults, request, wait });
  }
}

/** A fault that this page found itself, in the server's shape. */
export const fault = (field, message) => new Problem('invalid-fields', { faults: [{ field, code: 'invalid', message }] });

function problemOf(answer, body) {
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

/** One request, and the answer as it came. `text` is a body that is JSON already. */
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

/** One request, and what the answer holds. Throws a Problem; tells the page when nobody is signed in any more. */
export async function ask(method, path, options) {
  const answer = await send(method, path, options);
  const body = await answer.json().catch(() => null);
  options?.signal?.throwIfAborted();
  if (answer.ok && body === null && answer.status !== 204) throw new Problem('offline');
  if (answer.ok) return body;
  const problem = problemOf(answer, body);
  if (answer.status === 401) document.dispatchEvent(new Event(SIGNED_OUT));
  throw problem;
}

/** Who is signed in; null if nobody is. */
export async function showVisitor() {
  const answer = await send('GET', '/v1/console');
  const body = await answer.json().catch(() => null);
  if (answer.ok) return body;
  if (answer.status === 401) return null;
  throw problemOf(answer, body);
}

/** An address with what is not empty of these as its query. */
export function withQuery(path, members) {
  const query = new URLSearchParams(Object.entries(members).filter(([, value]) => value));
  return query.size ? `${path}?${query}` : path;
}

/** The pages of a list, one after the other; waits when the server says so. */
export async function* pages(path, members = {}, signal = undefined) {
  for (let cursor = null; ; ) {
    let page;
    try {
      page = await ask('GET', withQuery(path, { ...members, cursor }), { signal });
    } catch (caught) {
      if (caught.code !== 'rate-limited') throw caught;
      await new Promise((resolve) => setTimeout(resolve, 1000 * Math.min(60, caught.wait || 1)));
      continue;
    }
    cursor = page.next_cursor;
    yield page;
    if (!cursor) return;
  }
}

/** Everything in a list. */
export async function all(path) {
  const items = [];
  for await (const page of pages(path, { limit: 200 })) items.push(...page.items);
  return items;
}
