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

/** Whether a credential is for this plugin and of this type; the empty one is any. */
export function isOf(credential: Credential, plugin: string, type: string): boolean {
  return (!plugin || credential.plugin === plugin) && (!type || credential.type === type);
}

/** The credentials in which each wanted word occurs, without regard to accents and case. */
export function matching(options: readonly Credential[], wanted: string, locale: string): Credential[] {
  const fold = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLocaleLowerCase(locale);
  const words = fold(wanted).split(/\s+/).filter(Boolean);
  return options.filter(({ name, account, plugin }) => {
    const text = fold(`${name} ${account ?? ''} ${plugin}`);
    return words.every((word) => text.includes(word));
  });
}
