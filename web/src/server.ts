// The package without a browser. Importing it has no effect. A framework prints the tags, and the browser upgrades them
// when the page loads the browser's module.
import type { Finished } from './connection/return.js';

/** A connection is completed in the browser. */
export function finishConnection(): Promise<Finished | null> {
  return Promise.resolve(null);
}

/** Sessions exist in the browser only. */
export function forgetSession(): void {
  // No session exists here.
}

/** Placeholders, so that the same imports work on both sides. */
export class SrCredentialForm {}
export class SrCredentialList {}
export class SrCredentialSelector {}
export class SrOauthButton {}
