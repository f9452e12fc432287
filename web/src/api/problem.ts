// One type for every failure: an answer of the server (RFC 9457), no answer, no session, or a mistake of the page. A
// problem never contains a request body.
import type { FieldProblem } from './types.js';

const PREFIX = 'urn:strongroom:problem:';

const PASSING = new Set([
  'offline',
  'timeout',
  'session-expired',
  'no-session',
  'rate-limited',
  'internal',
  'unavailable',
  'refresh-failed',
]);

/** What the page's developer must correct. Elements write it to the browser's console and do not show it to users. */
export interface Mistake {
  attribute: string;
  value: string;
  remedy: string;
}

interface Details {
  detail?: string;
  fields?: FieldProblem[];
  requestId?: string;
  status?: number;
  retryAfter?: number;
  mistake?: Mistake;
}

export class Problem extends Error {
  readonly detail: string;
  readonly fields: FieldProblem[];
  readonly requestId: string | null;
  readonly status: number;
  /** The seconds of `Retry-After`, or 0. */
  readonly retryAfter: number;
  readonly mistake: Mistake | null;

  /** `code` is the server's slug, or `offline`, `timeout`, `session-expired`, `no-session`, `misconfigured`, `unexpected`. */
  constructor(
    readonly code: string,
    details: Details = {},
  ) {
    super(code);
    this.name = 'Problem';
    this.detail = details.detail ?? '';
    this.fields = details.fields ?? [];
    this.requestId = details.requestId ?? null;
    this.status = details.status ?? 0;
    this.retryAfter = details.retryAfter ?? 0;
    this.mistake = details.mistake ?? null;
  }

  /** Whether the same request may succeed later. */
  get retryable(): boolean {
    return PASSING.has(this.code);
  }

  /** Whether the server reported this code for this field. */
  names(field: string, code: string): boolean {
    return this.fields.some((fault) => fault.field === field && fault.code === code);
  }
}

/** A mistake of the page, as the problem that its elements show. */
export function misconfigured(attribute: string, value: string, remedy: string): Problem {
  return new Problem('misconfigured', { mistake: { attribute, value, remedy } });
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function fieldProblem(value: unknown): FieldProblem[] {
  if (typeof value !== 'object' || value === null) return [];
  const { field, code, message } = value as Record<string, unknown>;
  return [{ field: text(field), code: text(code), message: text(message) }];
}

/** Converts an unsuccessful answer to a problem. Answers of other servers, such as a proxy's, give a problem too. */
export function problemFrom(status: number, body: unknown, headers: Headers | null = null): Problem {
  const known = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const type = text(known['type']);
  const fallback = status >= 500 ? 'unavailable' : 'unexpected';
  return new Problem(type.startsWith(PREFIX) ? type.slice(PREFIX.length) : fallback, {
    detail: text(known['detail']),
    fields: Array.isArray(known['errors']) ? known['errors'].flatMap(fieldProblem) : [],
    requestId: text(known['instance']) || (headers?.get('X-Request-Id') ?? ''),
    status,
    retryAfter: Number(headers?.get('Retry-After')) || 0,
  });
}

/** Converts any caught value to a problem. */
export function asProblem(caught: unknown): Problem {
  return caught instanceof Problem ? caught : new Problem('unexpected');
}
