// What a selector offers and what is chosen, apart from how it is drawn: matching, moving, and a choice that is gone. Pure;
// it never chooses anything by itself.
import type { Credential } from '../api/types.js';
import { isOf } from '../base/credentials.js';

/** Why the chosen credential cannot simply be used. */
export type Flaw = 'gone' | 'elsewhere' | 'undecryptable' | 'reauth-required' | 'degraded' | 'ambiguous';

export type Move = 'next' | 'previous' | 'first' | 'last' | 'forward' | 'back';

const PAGE = 8;

/** Where a key leads; the ends hold (APG: no wrapping in long lists), and from nowhere it goes in. */
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

/** What is wrong with the choice, if anything. `found` is null when the vault does not have it (any more). */
export function flawOf(found: Credential | null, plugin: string, type: string): Flaw | null {
  if (!found) return 'gone';
  if (!isOf(found, plugin, type)) return 'elsewhere';
  const known: Flaw[] = ['undecryptable', 'reauth-required', 'degraded', 'ambiguous'];
  return known.find((state) => state === found.state) ?? null;
}

/** Flaws that keep a required choice from being one. */
export function isUnusable(flaw: Flaw | null): boolean {
  return flaw === 'gone' || flaw === 'elsewhere' || flaw === 'undecryptable';
}
