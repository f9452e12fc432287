// Checks URLs of a manifest or a provider before they become links.
/** Returns a URL that may become a link. Refuses schemes that run scripts, and http to other machines. */
export function safeAddress(address: string | null | undefined): string | null {
  try {
    const url = new URL(address ?? '');
    const isLocal = url.hostname === 'localhost' || url.hostname === '127.0.0.1';
    return url.protocol === 'https:' || (url.protocol === 'http:' && isLocal) ? url.href : null;
  } catch {
    return null;
  }
}
