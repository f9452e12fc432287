// The user's session token: asked for once for all elements with the same function, and again after a 401. It lives in this
// module alone: not in an attribute, a storage, an address or a message.
import { Problem } from './problem.js';

export type TokenSource = () => Promise<string>;

const held = new WeakMap<TokenSource, Promise<string>>();

/** The token in use, or a new one. */
export async function token(source: TokenSource): Promise<string> {
  let asked = held.get(source);
  if (!asked) {
    asked = Promise.resolve().then(source);
    held.set(source, asked);
  }
  try {
    const given = await asked;
    if (typeof given === 'string' && given !== '') return given;
  } catch {
    // The host's own error may quote what it likes: it is not passed on.
  }
  if (held.get(source) === asked) held.delete(source);
  throw new Problem('session-expired');
}

/** Who shows what came with a session. */
export const holders = new Set<(source: TokenSource) => void>();

/** When somebody else signs in without a new page: drops the token, and what elements show and hold of who was there. */
export function forgetSession(source: TokenSource): void {
  held.delete(source);
  for (const forgets of holders) forgets(source);
}

/** Drops a token that was refused, unless somebody has already got another one. */
export async function forget(source: TokenSource, refused: string): Promise<void> {
  const asked = held.get(source);
  if (asked && (await asked.catch(() => refused)) === refused && held.get(source) === asked) held.delete(source);
}
