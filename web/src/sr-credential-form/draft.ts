// The user's input: stored values, changes and the body of a save. Typed secrets are private to this object and leave
// it once, in the body of a request. `wipe` drops them.
import type { Credential, FieldProblem } from '../api/types.js';
import { breaksPattern, numberFault, textFault } from './checks.js';
import type { Field, Value } from './fields.js';

export type SecretState = 'unset' | 'kept' | 'replacing' | 'cleared';

export class Draft {
  /** The credential's own name. */
  name: string;
  /** Counts the changes. A repeated request belongs to the same edition. */
  edition = 0;
  readonly fields: Field[];
  readonly #stored: Credential | null;
  readonly #open = new Map<string, Value | null>();
  readonly #secrets = new Map<string, string>();
  readonly #replaced = new Set<string>();
  readonly #cleared = new Set<string>();

  constructor(fields: Field[], stored: Credential | null, name: string) {
    this.fields = fields;
    this.#stored = stored;
    this.name = stored?.name ?? name;
  }

  get stored(): Credential | null {
    return this.#stored;
  }

  /** The present value of a field that is not secret. */
  value(field: Field): Value | null {
    const own = this.#open.get(field.name);
    if (own !== undefined) return own;
    if (this.#stored) return (this.#stored.settings[field.name] as Value | undefined) ?? null;
    return field.initial ?? (field.kind === 'flag' ? false : null);
  }

  secretState({ name }: Field): SecretState {
    if (this.#cleared.has(name)) return 'cleared';
    if (!this.#stored?.configured.includes(name)) return 'unset';
    return this.#replaced.has(name) ? 'replacing' : 'kept';
  }

  rename(name: string): void {
    this.name = name;
    this.edition += 1;
  }

  set(field: Field, value: Value | null): void {
    const empty = value === '' || (Array.isArray(value) && value.length === 0);
    if (!field.secret) this.#open.set(field.name, empty ? null : value);
    else if (empty || value === null) this.#secrets.delete(field.name);
    else this.#secrets.set(field.name, String(value));
    this.edition += 1;
  }

  replace({ name }: Field): void {
    this.#cleared.delete(name);
    this.#replaced.add(name);
    this.edition += 1;
  }

  clear({ name }: Field): void {
    this.#secrets.delete(name);
    this.#replaced.delete(name);
    this.#cleared.add(name);
    this.edition += 1;
  }

  /** Restores the stored value. */
  undo({ name }: Field): void {
    this.#secrets.delete(name);
    this.#replaced.delete(name);
    this.#cleared.delete(name);
    this.edition += 1;
  }

  /** Implements the server's `x-visible-when`: the other field's value, as text, is in the list. */
  isShown(field: Field): boolean {
    const when = field.shownWhen;
    const other = when && this.fields.find(({ name }) => name === when.field);
    if (!other) return true;
    const value = this.value(other);
    return value !== null && !Array.isArray(value) && when.in.includes(String(value));
  }

  get shown(): Field[] {
    return this.fields.filter((field) => this.isShown(field));
  }

  /**
   * Faults that the browser can find. The server decides about patterns, so they are added only beside other faults.
   */
  faults(): FieldProblem[] {
    const found = this.#faultsBy((field) => this.#faultIn(field));
    if (!found.length) return found;
    return this.#faultsBy((field) => this.#faultIn(field) ?? this.#patternFault(field));
  }

  /** The body of a save. A create sends all values, a change sends the differences. `null` clears a field. */
  changes(): Record<string, unknown> {
    const changes: Record<string, unknown> = {};
    for (const field of this.shown) {
      const value = field.secret ? this.#secretChange(field) : this.#openChange(field);
      if (value !== undefined) changes[field.name] = value;
    }
    return changes;
  }

  get isRenamed(): boolean {
    return this.#stored !== null && this.name.trim() !== this.#stored.name;
  }

  get isDirty(): boolean {
    if (!this.#stored) return this.#secrets.size > 0 || this.#open.size > 0;
    return this.isRenamed || this.#secrets.size > 0 || this.#cleared.size > 0 || Object.keys(this.changes()).length > 0;
  }

  /** The secret fields that were typed or cleared, without their values. */
  get touchedSecrets(): Field[] {
    return this.fields.filter(({ name }) => this.#secrets.has(name) || this.#cleared.has(name));
  }

  /** The same draft on a newer version. Typed values stay, the fields in `theirs` are reset. */
  over(stored: Credential, theirs: ReadonlySet<string>): Draft {
    const next = new Draft(this.fields, stored, stored.name);
    if (this.isRenamed && !theirs.has('')) next.name = this.name;
    for (const [name, value] of this.#open) if (!theirs.has(name)) next.#open.set(name, value);
    for (const [name, value] of this.#secrets) next.#secrets.set(name, value);
    for (const name of this.#replaced) next.#replaced.add(name);
    for (const name of this.#cleared) next.#cleared.add(name);
    next.edition = this.edition + 1;
    return next;
  }

  wipe(): void {
    this.#secrets.clear();
    this.#replaced.clear();
    this.#cleared.clear();
  }

  #faultsBy(code: (field: Field) => string | null): FieldProblem[] {
    return this.shown.flatMap((field) => {
      const fault = code(field);
      return fault ? [{ field: field.name, code: fault, message: '' }] : [];
    });
  }

  #patternFault(field: Field): string | null {
    const typed = this.#typed(field);
    return typeof typed === 'string' && typed !== '' && breaksPattern(field, typed) ? 'pattern' : null;
  }

  #typed(field: Field): Value | null {
    return field.secret ? (this.#secrets.get(field.name) ?? null) : this.value(field);
  }

  #openChange(field: Field): Value | null | undefined {
    const value = this.value(field);
    if (!this.#stored) return value === null && field.initial === null ? undefined : value;
    const before = (this.#stored.settings[field.name] as Value | undefined) ?? null;
    if (before === null && field.kind === 'flag' && !this.#open.has(field.name)) return undefined;
    return JSON.stringify(before) === JSON.stringify(value) ? undefined : value;
  }

  #secretChange(field: Field): unknown {
    const typed = this.#secrets.get(field.name);
    if (typed === undefined) return this.#cleared.has(field.name) ? null : undefined;
    if (field.kind === 'number') return Number(typed);
    if (field.kind === 'list') return typed.split('\n').filter((line) => line !== '');
    return field.kind === 'choice' && field.choices[0] === 'true' ? typed === 'true' : typed;
  }

  #faultIn(field: Field): string | null {
    const typed = this.#typed(field);
    if (typed === null) {
      const kept = field.secret && this.secretState(field) === 'kept';
      const wanted = field.required || (field.secret && this.secretState(field) === 'replacing');
      return wanted && !kept ? 'required' : null;
    }
    if (field.kind === 'number') return numberFault(field, Number(typed));
    if (typeof typed !== 'string') return null;
    return textFault(field, typed);
  }
}
