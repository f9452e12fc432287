// Faults that a field's text or number has by its schema, as the server finds them. The server checks again; these are
// here so that all faults of a form are shown at once.
import type { Field } from './fields.js';

/** The vault takes no larger field. */
const MAX_BYTES = 64 * 1024;
/** A pattern is tried on no longer text. */
const MAX_PATTERN_TEXT = 100;

export function numberFault({ whole, least, most }: Field, number: number): string | null {
  if (!Number.isFinite(number) || (whole && !Number.isSafeInteger(number))) return whole ? 'whole' : 'type';
  if (least !== null && number < least) return 'minimum';
  return most !== null && number > most ? 'maximum' : null;
}

export function textFault({ kind, least, most, format }: Field, text: string): string | null {
  if (kind === 'list' || kind === 'choice') return null;
  if (new TextEncoder().encode(text).length > MAX_BYTES) return 'too-large';
  if (hasControls(text, kind === 'lines')) return 'control';
  const length = [...text].length;
  if (least !== null && length < least) return 'min-length';
  if (most !== null && length > most) return 'max-length';
  return FORMATS[format]?.(text) === false ? 'format' : null;
}

/**
 * Whether a text breaks its pattern, as far as that is known here. The server's engine is linear in the text, a browser's is
 * not (CWE-1333). A pattern that repeats a group, or repeats often, is left to the server.
 */
export function breaksPattern({ kind, pattern }: Field, text: string): boolean {
  const isSlow = /\)[*+?{]/.test(pattern) || (pattern.match(/[*+]|,\}/g)?.length ?? 0) > 2;
  if (!pattern || kind === 'list' || isSlow || text.length > MAX_PATTERN_TEXT) return false;
  try {
    return !new RegExp(pattern, 'u').test(text);
  } catch {
    return false;
  }
}

function hasControls(text: string, severalLines: boolean): boolean {
  return (severalLines ? /[^\P{Cc}\n\r\t]/u : /\p{Cc}/u).test(text);
}

function isAddress(text: string): boolean {
  return URL.canParse(text);
}

/** The host of an address, by the same rules as the server's (WHATWG URL). */
function isHost(text: string): boolean {
  if (/[/?#@\\\s]/.test(text) || (text.includes(':') && !/^\[[^\]]*\]$/.test(text))) return false;
  return URL.canParse(`https://${text}/`);
}

const FORMATS: Record<string, (text: string) => boolean> = {
  uri: isAddress,
  hostname: isHost,
  email: (text) => {
    const at = text.indexOf('@');
    return at > 0 && !/\s/.test(text) && isHost(text.slice(at + 1));
  },
  uuid: (text) => /^(urn:uuid:)?\{?[0-9a-f]{8}(-?)([0-9a-f]{4}\2){3}[0-9a-f]{12}\}?$/i.test(text),
};
