// The user's session token: asked for once for all elements with the same function, and again after a 401. It lives in this
// module alone: not in an attribute, a storage, an address or a message.
import { Problem } from './problem.js';

export type TokenSource = () => Promise<string>;

const held = new WeakMap<TokenSource, Promise<string>>();
/** Sources that have given a token: a later failure means that the user's session has ended. */
const proven = new WeakSet<TokenSource>();
/** How often the user behind a source changed. */
const generations = new WeakMap<TokenSource, number>();

/** The token in use, or a new one. */
export async function token(source: TokenSource): Promise<string> {
  let asked = held.get(source);
  if (!asked) {
    asked = Promise.resolve().then(source);
    held.set(source, asked);
  }
  let fault: string;
  try {
    const given: unknown = await asked;
    if (typeof given === 'string' && given !== '') {
      proven.add(source);
      return given;
    }
    fault = `a function that gave ${given === '' ? 'an empty string' : typeof given}`;
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

/** Elements and clients that hold what came with a session. */
export const holders = new Set<(source: TokenSource) => void>();

/** How often the user behind this source changed: an answer of an earlier generation belongs to another user. */
export function generationOf(source: TokenSource | undefined): number {
  return (source && generations.get(source)) ?? 0;
}

/** When another user signs in without a new page: drops the token, and what elements show and hold of the user before. */
export function forgetSession(source: TokenSource): void {
  held.delete(source);
  proven.delete(source);
  generations.set(source, generationOf(source) + 1);
  for (const forgets of holders) forgets(source);
}

/** Drops a token that was refused, unless a newer one is there already. */
export async function forget(source: TokenSource, refused: string): Promise<void> {
  const asked = held.get(source);
  if (asked && (await asked.catch(() => refused)) === refused && held.get(source) === asked) held.delete(source);
}
