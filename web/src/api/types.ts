// Short names for the parts of the API that the elements use.
import type { components } from './schema.js';

type Schemas = components['schemas'];

export type Credential = Schemas['Credential'];
export type Plugin = Schemas['Plugin'];
export type Schema = Schemas['Schema'];
export type Property = Schemas['Property'];
export type FieldProblem = Schemas['FieldProblem'];
export type Begun = Schemas['NewConnection'];
export type ConnectionInput = Schemas['CreateConnection'];
export type CredentialType = 'api-key' | 'custom' | 'oauth2';

/** The status of a connection. The type narrows the API's string to its known values. */
export type ConnectionProgress = Omit<Schemas['Connection'], 'status'> & {
  status: 'waiting' | 'returned' | 'connected' | 'failed' | 'expired';
};

export type Verdict = Omit<Schemas['TestResult'], 'status'> & {
  status: 'accepted' | 'rejected' | 'unverified';
};

export interface Page<Item> {
  items: Item[];
  next_cursor?: string | null;
}

/** The values of an element's `flow`. */
export type ConnectFlow = 'popup' | 'redirect' | 'device';
