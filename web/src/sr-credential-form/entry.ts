// Handles typing, pasting and dropping into a field. It trims, reads files and reveals. The draft holds the value.
import type { Field, Value } from './fields.js';
import { readText } from '../base/file.js';
import type { Words } from '../i18n/messages.js';
import type { Draft } from './draft.js';
import type { FieldHost } from './field.view.js';

export interface EntryHost {
  words(): Words;
  isLocked(): boolean;
  /** A value changed, or a field was toggled. */
  changed(): void;
  focusField(id: string): void;
}

export class Entry implements FieldHost {
  readonly revealed = new Set<string>();
  readonly #notes = new Map<string, string>();
  readonly #faults = new Map<string, string>();

  constructor(
    private readonly host: EntryHost,
    readonly draft: Draft,
  ) {}

  get words(): Words {
    return this.host.words();
  }

  get isLocked(): boolean {
    return this.host.isLocked();
  }

  faultOf(name: string): string {
    return this.#faults.get(name) ?? '';
  }

  noteOf(name: string): string {
    return this.#notes.get(name) ?? '';
  }

  get faults(): [string, string][] {
    return [...this.#faults];
  }

  blame(faults: Iterable<[string, string]>): void {
    this.#faults.clear();
    for (const [name, sentence] of faults) this.#faults.set(name, sentence);
  }

  typed(field: Field, value: Value | null): void {
    this.draft.set(field, value);
    this.#faults.delete(field.name);
    this.#notes.delete(field.name);
    this.host.changed();
  }

  turn(field: Field, to: 'replace' | 'undo' | 'clear' | 'reveal'): void {
    if (to !== 'reveal') {
      this.draft[to](field);
      this.#faults.delete(field.name);
      this.#notes.delete(field.name);
      this.revealed.delete(field.name);
    } else if (!this.revealed.delete(field.name)) this.revealed.add(field.name);
    this.host.changed();
    const next = { replace: '', undo: '-replace', clear: '-undo' };
    if (to !== 'reveal') this.host.focusField(`field-${field.name}${next[to]}`);
  }

  /** A line end or a space beside a pasted key is the most common mistake. */
  pasted(field: Field, event: ClipboardEvent): void {
    const text = event.clipboardData?.getData('text/plain') ?? '';
    const trimmed = text.trim();
    if (trimmed === text) return;
    event.preventDefault();
    const input = event.target as HTMLInputElement;
    input.setRangeText(trimmed, input.selectionStart ?? 0, input.selectionEnd ?? 0, 'end');
    input.dispatchEvent(new InputEvent('input', { bubbles: true }));
    this.#note(field, 'note.trimmed');
  }

  dropped(field: Field, file: File | undefined): void {
    if (file) void this.#readFile(field, file);
  }

  async #readFile(field: Field, file: File): Promise<void> {
    const handed = await readText(file);
    if (handed.text === null) return this.#note(field, handed.why);
    this.typed(field, handed.text);
    this.fill?.(field, handed.text);
    this.#note(field, 'note.file-read');
  }

  /** Puts a file's text into the field's input. A secret's input is not drawn from the draft. */
  fill: ((field: Field, text: string) => void) | undefined;

  #note(field: Field, key: 'note.trimmed' | 'note.file-large' | 'note.file-read' | 'note.file-binary'): void {
    this.#notes.set(field.name, this.words.say(key));
    this.host.changed();
  }
}
