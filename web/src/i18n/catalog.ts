// What a language has: a text for each key of the English one, or its plural forms.
import type { en } from './en.js';

export type Key = keyof typeof en;
export type Plural = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };
export type Catalog = Record<Key, string | Plural>;
