// What went wrong, in one shape: an answer of the server (RFC 9457), no answer, or no session. A problem never carries
// what was sent.
import type { FieldProblem } from './types.js';

const PREFIX = 'urn:strongroom:problem:';

const PASSING = new Set([
  'offline',
  'timeout',
  'session-expired',
  'rate-limited',
  'internal',
  'unavailable',
  'refresh-failed',
]);

interface Details {
  detail?: string;
  fields?: FieldProblem[];
  requestId?: string;
  status?: number;
}

export class Problem extends Error {
  readonly detail: string;
  readonly fields: FieldProblem[];
  readonly requestId: string | null;
  readonly status: number;

  /** `code` is the server's slug, or `offline`, `timeout`, `session-expired`, `unexpected`. */
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
  }

  /** Whether the same request may do better later. */
  get retryable(): boolean {
    return PASSING.has(this.code);
  }

  /** Whether the server named this field with this code. */
  names(field: string, code: string): boolean {
    return this.fields.some((fault) => fault.field === field && fault.code === code);
  }
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function fieldProblem(value: unknown): FieldProblem[] {
  if (typeof value !== 'object' || value === null) return [];
  const { field, code, message } = value as Record<string, unknown>;
  return [{ field: text(field), code: text(code), message: text(message) }];
}

/** Reads an answer that is not a success. Whatever it holds, the outcome is a problem. */
export function problemFrom(status: number, body: unknown, requestId: string | null): Problem {
  const known = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const type = text(known['type']);
  const fallback = status >= 500 ? 'unavailable' : 'unexpected';
  return new Problem(type.startsWith(PREFIX) ? type.slice(PREFIX.length) : fallback, {
    detail: text(known['detail']),
    fields: Array.isArray(known['errors']) ? known['errors'].flatMap(fieldProblem) : [],
    requestId: text(known['instance']) || (requestId ?? ''),
    status,
  });
}

/** Any caught value as a problem; what was cut off on purpose stays what it is. */
export function asProblem(caught: unknown): Problem {
  return caught instanceof Problem ? caught : new Problem('unexpected');
}
