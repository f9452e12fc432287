// Where a finished connection returns to: what the page says, this page if the plugin's manifest lists it, or the only
// address of the manifest. An address of another origin works only if that page completes the connection.
import type { Mistake } from '../api/problem.js';

export interface ReturnAddress {
  /** Empty: the vault takes the manifest's only one, or refuses. */
  address: string;
  /** The address, if it is of another origin than this page. */
  elsewhere: string;
  mistake: Mistake | null;
}

export function returnAddress(wanted: string, registered: readonly string[]): ReturnAddress {
  const here = location.origin + location.pathname;
  const address = wanted || registered.find((known) => known === here || known === location.href) || '';
  const used = address || (registered.length === 1 ? registered[0]! : '');
  const elsewhere = used && originOf(used) !== location.origin ? used : '';
  return { address, elsewhere, mistake: mistakeIn(wanted, used, elsewhere, registered) };
}

function mistakeIn(wanted: string, used: string, elsewhere: string, registered: readonly string[]): Mistake | null {
  const mistake = (remedy: string) => ({ attribute: 'return-address', value: wanted, remedy });
  if (!registered.length) return null;
  if (wanted && !registered.includes(wanted)) {
    return mistake("The plugin's manifest does not list it. Add it to `return_addresses`, letter by letter.");
  }
  if (!used) return mistake("Set it to one of the manifest's `return_addresses`: this page is none of them.");
  if (!elsewhere) return null;
  return mistake(
    `Connections return to ${elsewhere}, of another origin. Add a page of this origin to \`return_addresses\`.`,
  );
}

function originOf(address: string): string {
  try {
    return new URL(address).origin;
  } catch {
    return '';
  }
}
