// Looks up texts by key. The host's texts override them. Plurals and dates follow the language. Parameters are text:
// direction marks are removed, and text of another direction is isolated. They could reorder the sentence (Unicode TR9,
// CVE-2021-42574).
import type { Catalog, Key, Plural } from './catalog.js';
import { en } from './en.js';

export type { Key } from './catalog.js';

export type Overrides = Partial<Record<string, string | Plural>>;
export type Parameters = Record<string, string | number>;

/** Separate modules, loaded on demand. */
const further: Record<string, () => Promise<Catalog>> = {
  de: async () => (await import('./de.js')).de,
  ar: async () => (await import('./ar.js')).ar,
};

const catalogs: Record<string, Catalog> = { en };
const learning: Record<string, Promise<void>> = {};
const PATIENCE = 1500;
const MARKS = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g;
const RIGHT_TO_LEFT = /[\u0590-\u08FF\uFB1D-\uFDFD\uFE70-\uFEFC]/;

/** Loads a language, with a short timeout. On failure, the texts stay English. */
export async function learn(locale: string): Promise<void> {
  const language = languageOf(locale);
  const load = further[language];
  if (!load || catalogs[language]) return;
  learning[language] ??= load().then(
    (catalog) => void (catalogs[language] = catalog),
    () => undefined,
  );
  await Promise.race([learning[language], new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
}

function languageOf(locale: string): string {
  return locale.split('-')[0]!.toLowerCase();
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['minute', 60],
  ['hour', 60],
  ['day', 24],
  ['month', 30.44],
  ['year', 12],
];

export class Words {
  readonly locale: string;
  readonly #catalog: Catalog;
  readonly #overrides: Overrides;

  constructor(wanted: string, overrides: Overrides = {}) {
    const supported = Words.#supported(wanted);
    // Dates and plurals use the language of the texts, so that no sentence mixes two languages.
    this.locale = catalogs[languageOf(supported)] ? supported : 'en';
    this.#catalog = catalogs[languageOf(this.locale)] ?? en;
    this.#overrides = overrides;
  }

  get isRightToLeft(): boolean {
    return this.#catalog !== en && languageOf(this.locale) === 'ar';
  }

  static #supported(wanted: string): string {
    try {
      return Intl.getCanonicalLocales(wanted)[0] ?? 'en';
    } catch {
      return 'en';
    }
  }

  has(key: string): key is Key {
    return key in this.#overrides || key in en;
  }

  say(key: Key, parameters: Parameters = {}): string {
    const found = this.#overrides[key] ?? this.#catalog[key] ?? en[key];
    const form =
      typeof found === 'string'
        ? found
        : (found[new Intl.PluralRules(this.locale).select(Number(parameters['n']))] ?? found.other);
    return form.replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = parameters[name];
      if (value === undefined) return whole;
      if (typeof value === 'number') return new Intl.NumberFormat(this.locale).format(value);
      const plain = value.replace(MARKS, '');
      return this.isRightToLeft || RIGHT_TO_LEFT.test(plain) ? `\u2068${plain}\u2069` : plain;
    });
  }

  /** The sentence for a code of the server. An unknown code gives the server's text. */
  sayCode(family: string, code: string, otherwise: string, parameters?: Parameters): string {
    const key = `${family}.${code}`;
    return this.has(key) ? this.say(key, parameters) : otherwise;
  }

  /** A relative time in the largest fitting unit. */
  ago(instant: string, now = Date.now()): string {
    let amount = (Date.parse(instant) - now) / 1000;
    if (Number.isNaN(amount)) return '';
    let unit: Intl.RelativeTimeFormatUnit = 'second';
    for (const [next, size] of STEPS) {
      if (Math.abs(amount) < size) break;
      amount /= size;
      unit = next;
    }
    const format = new Intl.RelativeTimeFormat(this.locale, { numeric: 'auto' });
    return unit === 'second' ? format.format(0, 'second') : format.format(Math.round(amount), unit);
  }

  date(instant: string): string {
    const at = Date.parse(instant);
    if (Number.isNaN(at)) return '';
    return new Intl.DateTimeFormat(this.locale, { dateStyle: 'medium', timeStyle: 'short' }).format(at);
  }

  list(items: string[]): string {
    return new Intl.ListFormat(this.locale, { type: 'conjunction' }).format(items);
  }
}
