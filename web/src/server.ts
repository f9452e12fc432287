// What the package is where there is no browser. Importing it does nothing: a framework prints the tags, and the browser
// upgrades them when the page loads the real module.
import type { Finished } from './connection/return.js';

/** A return page is completed in the browser. */
export function finishConnection(): Promise<Finished | null> {
  return Promise.resolve(null);
}

/** Sessions are held in the browser. */
export function forgetSession(): void {
  // Nothing is held here.
}

/** Stand-ins, so that the same imports work on both sides. */
export class SrCredentialForm {}
export class SrCredentialList {}
export class SrCredentialSelector {}
export class SrOauthButton {}
