// The user's session token: asked for once for all elements with the same function, and again after a 401. It lives in this
// module alone: not in an attribute, a storage, an address or a message.
import { Problem } from './problem.js';

export type TokenSource = () => Promise<string>;

interface Sessions {
  held: WeakMap<TokenSource, Promise<string>>;
  /** Sources that have given a token: a later failure means that the user's session has ended. */
  proven: WeakSet<TokenSource>;
  generations: WeakMap<TokenSource, number>;
  listeners: Set<(source: TokenSource) => void>;
}

/** One for the page, also if it loads several copies of this module. */
const SHARED = Symbol.for('strongroom.sessions');
const page = globalThis as { [SHARED]?: Sessions };
const { held, proven, generations, listeners } = (page[SHARED] ??= {
  held: new WeakMap(),
  proven: new WeakSet(),
  generations: new WeakMap(),
  listeners: new Set(),
});
/** What a header can carry. An error about another text could quote it. */
const SENDABLE = /^[\x21-\x7e]+$/;

/** The token in use, or a new one. */
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
    // Only the error's name: the host's message may quote a secret.
    fault = `a function that failed with ${caught instanceof Error ? caught.name : typeof caught}`;
  }
  if (held.get(source) === asked) held.delete(source);
  throw withoutSession(source, fault);
}

/** What a missing session means: the end of one, or a page that never had one. */
function withoutSession(source: TokenSource, value: string): Problem {
  if (proven.has(source)) return new Problem('session-expired');
  const remedy = 'It must return a promise of the `token` that your backend got from POST /v1/sessions.';
  return new Problem('no-session', { mistake: { attribute: 'getSessionToken', value, remedy } });
}

/** Elements that hold what came with a session. */
export const forgetListeners = listeners;

/** How often the user behind a source has changed. An answer of an earlier generation belongs to another user. */
export function generationOf(source: TokenSource | undefined): number {
  return (source && generations.get(source)) ?? 0;
}

/** When another user signs in without a new page: drops the token, and what elements show and hold of the user before. */
export function forgetSession(source: TokenSource): void {
  held.delete(source);
  proven.delete(source);
  generations.set(source, generationOf(source) + 1);
  for (const forgets of forgetListeners) forgets(source);
}

/** Drops a token that was refused, unless a newer one is there already. */
export async function dropRefusedToken(source: TokenSource, refused: string): Promise<void> {
  const asked = held.get(source);
  if (asked && (await asked.catch(() => refused)) === refused && held.get(source) === asked) held.delete(source);
}
