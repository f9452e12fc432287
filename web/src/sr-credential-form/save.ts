// Sends a draft. A new credential is created once, also if the request is repeated. A change names the revision that
// was read. After a conflicting save, the user decides what is sent.
import type { Client } from '../api/client.js';
import { asProblem } from '../api/problem.js';
import type { Credential } from '../api/types.js';
import type { Draft } from './draft.js';

/** The user cancelled the save. */
export class Stopped extends Error {}

/** The idempotency key of one edition of a draft. A repeated request after a lost answer creates nothing twice. */
export class IdempotencyKey {
  #edition = -1;
  #key = '';

  of(edition: number): string {
    if (this.#edition !== edition) {
      this.#edition = edition;
      this.#key = crypto.randomUUID();
    }
    return this.#key;
  }

  reset(): void {
    this.#edition = -1;
  }
}

export interface Saving {
  client: Client;
  plugin: string;
  type: string;
  key: IdempotencyKey;
  /** Applies the draft to the stored version. Null if the user cancels. */
  reconcile(mine: Draft, theirs: Credential): Promise<Draft | null>;
}

export async function save(draft: Draft, saving: Saving): Promise<Credential> {
  const { client, plugin, type, key } = saving;
  const fields = draft.changes();
  const name = draft.name.trim();
  const { stored } = draft;
  if (!stored) return client.create({ plugin, type, name, fields }, key.of(draft.edition));
  const change = { ...(draft.isRenamed ? { name } : {}), ...(Object.keys(fields).length ? { fields } : {}) };
  try {
    return await client.update(stored.id, stored.revision, change);
  } catch (caught) {
    if (asProblem(caught).code !== 'stale') throw caught;
    const theirs = await client.credential(stored.id);
    const next = await saving.reconcile(draft, theirs);
    if (!next) throw new Stopped();
    return next.isDirty ? save(next, saving) : theirs;
  }
}

/** A name that no other credential has: the title, or the title with a number. */
export function freeName(title: string, taken: readonly string[]): string {
  if (!taken.includes(title)) return title;
  for (let number = 2; ; number += 1) if (!taken.includes(`${title} ${number}`)) return `${title} ${number}`;
}
