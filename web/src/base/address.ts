// Addresses from a manifest or a provider, checked before they become links.
/** An address that may become a link: nothing that runs, nothing that travels in the clear. */
export function safeAddress(address: string | null | undefined): string | null {
  try {
    const url = new URL(address ?? '');
    const isLocal = url.hostname === 'localhost' || url.hostname === '127.0.0.1';
    return url.protocol === 'https:' || (url.protocol === 'http:' && isLocal) ? url.href : null;
  } catch {
    return null;
  }
}
