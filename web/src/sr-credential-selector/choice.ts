// The logic of a selector as pure functions: matching, moving, and the faults of a choice. It never chooses by itself.
import type { Credential } from '../api/types.js';
import { isOf } from '../base/credentials.js';

/** Why the chosen credential cannot be used as it is. */
export type Flaw = 'gone' | 'elsewhere' | 'undecryptable' | 'reauth-required' | 'degraded' | 'ambiguous';

export type Move = 'next' | 'previous' | 'first' | 'last' | 'forward' | 'back';

const PAGE = 8;

/** The option that a key moves to. It does not wrap at the ends (ARIA APG recommends this for long lists). */
export function moved(active: number, count: number, move: Move): number {
  if (count === 0) return -1;
  const last = count - 1;
  const to: Record<Move, number> = {
    next: active + 1,
    previous: active === -1 ? last : active - 1,
    first: 0,
    last,
    forward: active + PAGE,
    back: active - PAGE,
  };
  return Math.min(Math.max(to[move], 0), last);
}

const KEYS: Record<string, Move> = {
  ArrowDown: 'next',
  ArrowUp: 'previous',
  Home: 'first',
  End: 'last',
  PageDown: 'forward',
  PageUp: 'back',
};

export function moveOf(key: string): Move | null {
  return KEYS[key] ?? null;
}

/** The fault of the choice, if any. `found` is null if the vault does not have the credential. */
export function flawOf(found: Credential | null, plugin: string, type: string): Flaw | null {
  if (!found) return 'gone';
  if (!isOf(found, plugin, type)) return 'elsewhere';
  const known: Flaw[] = ['undecryptable', 'reauth-required', 'degraded', 'ambiguous'];
  return known.find((state) => state === found.state) ?? null;
}

/** Faults that make a required choice invalid. */
export function isUnusable(flaw: Flaw | null): boolean {
  return flaw === 'gone' || flaw === 'elsewhere' || flaw === 'undecryptable';
}
