// The type of a language: a text or its plural forms for each key of English.
import type { en } from './en.js';

export type Key = keyof typeof en;
export type Plural = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };
export type Catalog = Record<Key, string | Plural>;
