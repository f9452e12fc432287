// Checks texts and numbers by their schema, with the server's rules. The server checks again. These checks let the form
// show all faults at once.
import type { Field } from './fields.js';

/** The vault's limit for a field. */
const MAX_BYTES = 64 * 1024;
/** Longer texts are not matched in the browser. */
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
 * Whether a text violates its pattern, as far as the browser can decide. The server's engine runs in linear time, a
 * browser's engine does not (CWE-1333). Patterns with repeated groups or many repetitions are left to the server.
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

/** Whether a text is a host, by the server's rules (WHATWG URL). */
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
