// The credentials that an element shows, kept as the vault has them: a change replaces, adds or removes one.
import type { Change } from '../api/changes.js';
import type { Credential } from '../api/types.js';

/** The rows after a change. What does not fit is left out; an older revision than the one shown changes nothing. */
export function withChange(
  rows: readonly Credential[],
  { id, credential }: Change,
  fits: (credential: Credential) => boolean,
): Credential[] {
  const known = rows.find((row) => row.id === id);
  if (credential && known && credential.revision < known.revision) return [...rows];
  const others = rows.filter((row) => row.id !== id);
  return credential && fits(credential) ? [...others, credential] : others;
}
