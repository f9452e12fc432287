// A service account's key file (RFC 7523). Only the input holds the text. It is sent once, in the body of a request,
// and not kept for a retry.
import { html, nothing, type TemplateResult } from 'lit';
import { onDrop, readText } from '../base/file.js';
import type { Key, Words } from '../i18n/messages.js';
import { icon } from '../base/view.js';

export interface Taker {
  words: Words;
  isOff: boolean;
  /** The last input was not a key file. */
  wrong: boolean;
  take(text: string): void;
  cancel(): void;
}

export function keyFileView({ words, isOff, wrong, take, cancel }: Taker): TemplateResult {
  const partsOf = (event: Event) => {
    const form = (event.target as Element).closest('form')!;
    return { input: form.querySelector('textarea')!, note: form.querySelector('.note')! };
  };
  const read = async (event: Event, file: File | undefined): Promise<void> => {
    if (!file) return;
    const { input, note } = partsOf(event);
    const handed = await readText(file);
    const said: Key = handed.text === null ? handed.why : 'note.file-read';
    if (handed.text !== null) input.value = handed.text;
    note.textContent = words.say(said);
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    const { input } = partsOf(event);
    const text = input.value;
    input.value = '';
    take(text);
  };
  const choose = (event: Event): void => {
    const input = event.target as HTMLInputElement;
    void read(event, input.files?.[0]);
    input.value = '';
  };
  return html`<form class="stack" @submit=${submit}>
    <div class="key-file">
      <label class="label" part="label" for="key-file">${words.say('connect.key')}</label>
      <textarea id="key-file" part="input" class="masked" required spellcheck="false" autocapitalize="off" autocomplete="off" data-1p-ignore data-lpignore="true" data-bwignore data-form-type="other"
        ?disabled=${isOff} aria-invalid=${wrong ? 'true' : 'false'} aria-describedby="key-help key-note key-fault"
        @dragover=${(event: DragEvent) => event.preventDefault()} @drop=${(event: DragEvent) => onDrop((file) => void read(event, file))(event)}></textarea>
      <div class="row">
        <label class="button small file"><input type="file" class="hush" accept=".json,.pem,.key,.p8,application/json" ?disabled=${isOff} @change=${choose} />${words.say('file.choose')}</label>
        <span class="muted">${words.say('file.drop')}</span>
      </div>
      <div class="muted" id="key-help">${words.say('connect.key.help')}</div>
      <div class="note muted" id="key-note" aria-live="polite"></div>
      ${wrong ? html`<div class="fault" part="error" id="key-fault" role="alert">${icon('alert')} ${words.say('connect.key.wrong')}</div>` : nothing}
    </div>
    <div class="row">
      <button class="button primary" part="button" ?disabled=${isOff}>${words.say('connect.key.take')}</button>
      <button type="button" class="button" @click=${cancel}>${words.say('cancel')}</button>
    </div>
  </form>`;
}
