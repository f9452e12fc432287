// A valid credential for unit tests. Tests override single members.
import type { Credential } from './types.js';

export function credential(name: string, more: Partial<Credential> = {}): Credential {
  return {
    id: name,
    name,
    plugin: 'p',
    type: 'api-key',
    state: 'active',
    settings: {},
    configured: [],
    scopes: [],
    revision: 1,
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    ...more,
  };
}
