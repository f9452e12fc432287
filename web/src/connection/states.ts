// The states of a connection and their transitions, as pure functions. Windows, timers and requests are in flow.ts.
// Only the server's status is decisive. A closed or unreachable window decides nothing.
import type { Problem } from '../api/problem.js';
import type { Begun, Credential, ConnectionProgress } from '../api/types.js';

/**
 * The code and the URL for another device. The URL does not contain the code, because a user could confirm an
 * attacker's code (RFC 8628 5.4).
 */
export interface Device {
  code: string;
  address: string;
}

export type Connect =
  | { at: 'idle' }
  | { at: 'preparing' }
  | { at: 'waiting'; id: string; expires: number; closed: boolean; trouble: Problem | null }
  | { at: 'device'; id: string; expires: number; device: Device; trouble: Problem | null }
  | { at: 'blocked'; address: string }
  | { at: 'key-file'; wrong: boolean }
  | { at: 'verifying'; id: string; expires: number; trouble: Problem | null }
  | { at: 'connected'; credential: Credential }
  | { at: 'failed'; reason: Reason; cause: string; problem: Problem | null };

/** Why the connection failed. */
export type Reason = 'denied' | 'expired' | 'failed' | 'unregistered' | 'other-account' | 'problem';

/** The states in which the server may know a newer state. */
export type Pending = Extract<Connect, { id: string }>;

const LIFE = 10 * 60_000;

export const idle: Connect = { at: 'idle' };
export const preparing: Connect = { at: 'preparing' };

export function isPending(state: Connect): state is Pending {
  return state.at === 'waiting' || state.at === 'device' || state.at === 'verifying';
}

/** The server has started it. `opened` says whether a window is open. */
export function begun(answer: Begun, opened: boolean, now: number): Connect {
  if (answer.credential) return { at: 'connected', credential: answer.credential };
  const id = answer.id ?? '';
  const expires = Date.parse(answer.expires_at ?? '') || now + LIFE;
  if (answer.user_code) {
    const device = { code: answer.user_code, address: answer.verification_address ?? '' };
    return { at: 'device', id, expires, device, trouble: null };
  }
  if (!opened) return { at: 'blocked', address: answer.start_address ?? '' };
  return { at: 'waiting', id, expires, closed: false, trouble: null };
}

/** The window seems closed. A Cross-Origin-Opener-Policy causes the same observation, so polling continues. */
export function windowGone(state: Connect): Connect {
  return state.at === 'waiting' && !state.closed ? { ...state, closed: true } : state;
}

/** Applies the server's status. `connected` also needs the credential, see `arrived`. */
export function observed(state: Connect, progress: ConnectionProgress): Connect {
  if (!isPending(state) || progress.id !== state.id) return state;
  switch (progress.status) {
    case 'returned':
    case 'connected':
      return { at: 'verifying', id: state.id, expires: state.expires, trouble: null };
    case 'failed':
      return failed(progress.cause ?? '');
    case 'expired':
      return expired;
    case 'waiting':
      return state.trouble ? { ...state, trouble: null } : state;
  }
}

export const expired: Connect = { at: 'failed', reason: 'expired', cause: '', problem: null };

/** A poll failed. Polling continues, and the view shows the problem. */
export function troubled(state: Connect, problem: Problem): Connect {
  return isPending(state) ? { ...state, trouble: problem } : state;
}

export function arrived(credential: Credential): Connect {
  return { at: 'connected', credential };
}

/**
 * Applies the provider's error code. `access_denied` (RFC 6749 4.1.2.1) is a decision of the user, the other codes are
 * faults.
 */
export function failed(cause: string): Connect {
  const reasons: Record<string, Reason> = {
    access_denied: 'denied',
    'other-account': 'other-account',
    expired: 'expired',
  };
  return { at: 'failed', reason: reasons[cause] ?? 'failed', cause, problem: null };
}

/**
 * The server refused to start it. Only the vault knows whether a key file is required, so the refusal may ask for one.
 */
export function refused(problem: Problem): Connect {
  const key = problem.fields.find(({ field }) => field === 'key_file');
  if (key) return { at: 'key-file', wrong: key.code !== 'required' };
  if (problem.names('app', 'unknown')) return { at: 'failed', reason: 'unregistered', cause: '', problem };
  if (problem.code === 'other-account') return { at: 'failed', reason: 'other-account', cause: '', problem };
  return { at: 'failed', reason: 'problem', cause: problem.code, problem };
}

/** The delay before the next poll: 1 s at first, 5 s later. */
export function pause(asked: number): number {
  return Math.min(1000 * 1.25 ** asked, 5000);
}

/**
 * Scopes that token responses do not repeat, because they describe the response itself (OpenID Connect Core 3.1.2.1,
 * 11).
 */
const UNSAID = new Set(['openid', 'offline_access']);
const GOOGLE = 'https://www.googleapis.com/auth/userinfo.';

/** The requested scopes that were not granted. A response without scopes grants all of them (RFC 6749 5.1). */
export function missingScopes(asked: readonly string[], granted: readonly string[]): string[] {
  if (granted.length === 0) return [];
  const has = new Set(granted);
  return asked.filter((scope) => !has.has(scope) && !UNSAID.has(scope) && !has.has(GOOGLE + scope));
}

/** The vault has no registration at this provider. The operator must add one. */
export const unregistered: Connect = { at: 'failed', reason: 'unregistered', cause: '', problem: null };
