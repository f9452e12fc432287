// Applies changes to the credentials that an element shows.
import type { Change } from '../api/changes.js';
import type { Credential } from '../api/types.js';

/**
 * Returns the rows after a change. Rows that the filter excludes are omitted. A revision older than the shown one is
 * ignored.
 */
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

/** Whether a credential is for this plugin and of this type. An empty filter matches every value. */
export function isOf(credential: Credential, plugin: string, type: string): boolean {
  return (!plugin || credential.plugin === plugin) && (!type || credential.type === type);
}

/** The credentials that contain each searched word. The comparison ignores case and accents. */
export function matching(options: readonly Credential[], wanted: string, locale: string): Credential[] {
  const fold = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLocaleLowerCase(locale);
  const words = fold(wanted).split(/\s+/).filter(Boolean);
  return options.filter(({ name, account, plugin }) => {
    const text = fold(`${name} ${account ?? ''} ${plugin}`);
    return words.every((word) => text.includes(word));
  });
}
