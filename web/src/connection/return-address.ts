// Chooses the return address of a connection. It is the page's attribute, this page if the manifest lists it, or the
// manifest's only address. An address of another origin works only if that page completes the connection.
import type { Mistake } from '../api/problem.js';

export interface ReturnAddress {
  /** If empty, the vault uses the manifest's only address or refuses. */
  address: string;
  /** The address, if its origin differs from this page's origin. */
  elsewhere: string;
  mistake: Mistake | null;
}

export function returnAddress(wanted: string, listed: readonly string[]): ReturnAddress {
  const here = location.origin + location.pathname;
  const address = wanted || listed.find((known) => known === here || known === location.href) || '';
  const used = address || (listed.length === 1 ? listed[0]! : '');
  const elsewhere = used && originOf(used) !== location.origin ? used : '';
  return { address, elsewhere, mistake: mistakeIn(wanted, used, elsewhere, listed) };
}

function mistakeIn(wanted: string, used: string, elsewhere: string, listed: readonly string[]): Mistake | null {
  const mistake = (remedy: string) => ({ attribute: 'return-address', value: wanted, remedy });
  if (!listed.length) return null;
  if (wanted && !listed.includes(wanted)) {
    return mistake(
      "The plugin's manifest does not list it. Add it to `return_addresses`, exactly as it is written here.",
    );
  }
  if (!used) return mistake('The manifest does not list this page. Set one of its `return_addresses`.');
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
