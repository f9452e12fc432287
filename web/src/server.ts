// What the package is where there is no browser: importing it while rendering on a server does nothing. The tags it prints
// come alive when the page loads the real module.
import type { Finished } from './connection/return.js';

export async function finishConnection(): Promise<Finished | null> {
  return null;
}
