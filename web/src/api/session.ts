// The user's session token. Elements with the same function share one request for it. It is requested again after a
// 401. The token is stored in this module only, never in an attribute, a storage, a URL or a message.
import { Problem } from './problem.js';

export type TokenSource = () => Promise<string>;

interface Sessions {
  held: WeakMap<TokenSource, Promise<string>>;
  /** Sources that have returned a token. A later failure of such a source means that the user's session has ended. */
  proven: WeakSet<TokenSource>;
  generations: WeakMap<TokenSource, number>;
  listeners: Set<(source: TokenSource) => void>;
}

/** One registry for each page, also if the page loads several copies of this module. */
const SHARED = Symbol.for('strongroom.sessions');
const page = globalThis as { [SHARED]?: Sessions };
const { held, proven, generations, listeners } = (page[SHARED] ??= {
  held: new WeakMap(),
  proven: new WeakSet(),
  generations: new WeakMap(),
  listeners: new Set(),
});
/** The characters that a header may contain. The browser's error about an invalid header could quote the token. */
const SENDABLE = /^[\x21-\x7e]+$/;

/** Returns the token in use, or requests a new one. */
export async function tokenOf(source: TokenSource): Promise<string> {
  let asked = held.get(source);
  if (!asked) {
    asked = Promise.resolve().then(source);
    held.set(source, asked);
  }
  let fault: string;
  try {
    const given: unknown = await asked;
    if (typeof given === 'string' && SENDABLE.test(given)) {
      proven.add(source);
      return given;
    }
    fault = `a function that returned ${typeof given === 'string' ? 'a text that is no token' : typeof given}`;
  } catch (caught) {
    // Only the error's name, because the host's message may contain a secret.
    fault = `a function that failed with ${caught instanceof Error ? caught.name : typeof caught}`;
  }
  if (held.get(source) === asked) held.delete(source);
  throw withoutSession(source, fault);
}

/** Distinguishes a session that has ended from a page that never had one. */
function withoutSession(source: TokenSource, value: string): Problem {
  if (proven.has(source)) return new Problem('session-expired');
  const remedy = 'It must return a promise of the `token` that your backend got from POST /v1/sessions.';
  return new Problem('no-session', { mistake: { attribute: 'getSessionToken', value, remedy } });
}

/** Elements that hold data of a session. */
export const forgetListeners = listeners;

/** How often the user of a source has changed. An answer of an earlier generation belongs to another user. */
export function generationOf(source: TokenSource | undefined): number {
  return (source && generations.get(source)) ?? 0;
}

/**
 * Call this when another user signs in without a new page. It drops the token and the former user's data in elements.
 */
export function forgetSession(source: TokenSource): void {
  held.delete(source);
  proven.delete(source);
  generations.set(source, generationOf(source) + 1);
  for (const forgets of forgetListeners) forgets(source);
}

/** Drops a refused token, unless a newer one has replaced it. */
export async function dropRefusedToken(source: TokenSource, refused: string): Promise<void> {
  const asked = held.get(source);
  if (asked && (await asked.catch(() => refused)) === refused && held.get(source) === asked) held.delete(source);
}
