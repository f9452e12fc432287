// One field of the form. The input of a stored secret does not exist before the user clicks Replace. The element never
// sets the value of a secret's input, so the input contains only what the user typed.
import { html, noChange, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { Field, Value } from './fields.js';
import { onDrop } from '../base/file.js';
import type { Words } from '../i18n/messages.js';
import { icon, outwards } from '../base/view.js';
import type { Draft } from './draft.js';

/** The interface between a field and its form. */
export interface FieldHost {
  readonly draft: Draft;
  readonly words: Words;
  readonly isLocked: boolean;
  readonly revealed: ReadonlySet<string>;
  faultOf(name: string): string;
  noteOf(name: string): string;
  typed(field: Field, value: Value | null): void;
  turn(field: Field, to: 'replace' | 'undo' | 'clear' | 'reveal'): void;
  pasted(field: Field, event: ClipboardEvent): void;
  dropped(field: Field, file: File | undefined): void;
}

const KEYBOARDS: Record<string, string> = { uri: 'url', email: 'email', hostname: 'url' };

export function fieldView(field: Field, host: FieldHost): TemplateResult {
  const { draft, words } = host;
  const state = field.secret ? draft.secretState(field) : 'unset';
  const stored = state === 'kept' || state === 'cleared';
  const fault = host.faultOf(field.name);
  const note = host.noteOf(field.name);
  const id = `field-${field.name}`;
  return html`<div class="field" part="field" data-field=${field.name}>
    ${
      field.kind === 'flag'
        ? flagView(field, host)
        : html`<div class="line">
          ${
            stored
              ? html`<span class="label" part="label" id="${id}-label">${field.title}</span>`
              : html`<label class="label" part="label" for=${id}>${field.title}</label>`
          }
          ${field.required ? nothing : html`<span class="muted">${words.say('optional')}</span>`}
          ${field.docs ? html`<span class="docs">${outwards(field.docs, words.say('docs'), words.say('docs.of', { field: field.title }))}</span>` : nothing}
        </div>`
    }
    ${stored ? storedView(field, state, host) : field.kind === 'flag' ? nothing : openView(field, state === 'replacing', host)}
    ${field.help ? html`<div class="muted" id="${id}-help"><bdi>${field.help}</bdi></div>` : nothing}
    <div class="note" id="${id}-note" aria-live="polite">${note ? html`${icon('info')} ${note}` : nothing}</div>
    ${fault ? html`<div class="fault" part="error" id="${id}-fault">${icon('alert')} ${fault}</div>` : nothing}
    <slot name="field-${field.name}"></slot>
  </div>`;
}

/** A stored secret, without its value. */
function storedView(field: Field, state: 'kept' | 'cleared', host: FieldHost): TemplateResult {
  const { words } = host;
  const button = (to: 'replace' | 'undo' | 'clear', part: string) =>
    html`<button
      type="button"
      class="button small"
      part=${part}
      id="field-${field.name}-${to}"
      ?disabled=${host.isLocked}
      aria-label=${words.say(`${to}.of`, { field: field.title })}
      @click=${() => host.turn(field, to)}
    >
      ${words.say(to)}
    </button>`;
  const kept = state === 'kept';
  const chip = kept
    ? html`<span class="badge good">${icon('check')}${words.say('configured')}</span>`
    : html`<span class="badge warn">${icon('alert')}${words.say('cleared')}</span>`;
  return html`<div class="row stored" part="secret-set" role="group" aria-labelledby="field-${field.name}-label">
    ${chip}
    ${kept ? button('replace', 'replace-button') : button('undo', 'undo-button')}
    ${kept && !field.required ? button('clear', 'clear-button') : nothing}
  </div>`;
}

function openView(field: Field, canUndo: boolean, host: FieldHost): TemplateResult {
  const { words } = host;
  const isRevealed = host.revealed.has(field.name);
  const canReveal =
    field.secret &&
    (field.kind === 'text' || field.kind === 'lines' || field.kind === 'list' || field.kind === 'number');
  return html`<div class="around ${field.kind === 'lines' ? 'tall' : ''}">
      ${field.prefix ? html`<span class="affix" id="field-${field.name}-prefix"><bdi>${field.prefix}</bdi></span>` : nothing}
      ${inputView(field, isRevealed, host)}
      ${field.suffix ? html`<span class="affix" id="field-${field.name}-suffix"><bdi>${field.suffix}</bdi></span>` : nothing}
      ${
        canReveal
          ? html`<button
            type="button"
            class="button small"
            part="reveal-button"
            aria-pressed=${isRevealed ? 'true' : 'false'}
            aria-label=${words.say('reveal.of', { field: field.title })}
            @click=${() => host.turn(field, 'reveal')}
          >
            ${icon('eye')}
          </button>`
          : nothing
      }
      ${
        canUndo
          ? html`<button type="button" class="button small" part="undo-button" aria-label=${words.say('undo.of', { field: field.title })} @click=${() => host.turn(field, 'undo')}>
            ${words.say('undo')}
          </button>`
          : nothing
      }
    </div>
    ${field.accepts === null ? nothing : fileView(field, host)}`;
}

function inputView(field: Field, isRevealed: boolean, host: FieldHost): TemplateResult {
  const { draft } = host;
  const id = `field-${field.name}`;
  const fault = host.faultOf(field.name);
  const parts = [
    field.prefix && `${id}-prefix`,
    field.suffix && `${id}-suffix`,
    field.help && `${id}-help`,
    `${id}-note`,
    fault && `${id}-fault`,
  ];
  const described = parts.filter(Boolean).join(' ');
  const invalid = fault ? 'true' : 'false';
  const value = field.secret ? null : draft.value(field);
  const shown = Array.isArray(value) ? value.join('\n') : String(value ?? '');
  const typed = (event: Event) => host.typed(field, read(field, (event.target as HTMLInputElement).value));
  if (field.kind === 'choice') {
    return html`<select id=${id} part="input" ?disabled=${host.isLocked} aria-describedby=${described} aria-invalid=${invalid} aria-required=${field.required ? 'true' : 'false'} @change=${typed}>
      <option value="" ?selected=${shown === ''}>${host.words.say('choose')}</option>
      ${field.choices.map((choice) => html`<option value=${choice} ?selected=${choice === shown}>${choice}</option>`)}
    </select>`;
  }
  if (field.kind === 'lines' || field.kind === 'list') {
    return html`<textarea
      id=${id}
      part="input"
      class=${field.secret && !isRevealed ? 'masked' : ''}
      spellcheck="false"
      autocapitalize="off"
      autocomplete="off"
      data-1p-ignore
      data-lpignore="true"
      data-bwignore
      data-form-type="other"
      placeholder=${field.kind === 'list' ? host.words.say('list.hint') : field.placeholder}
      ?disabled=${host.isLocked}
      aria-describedby=${described}
      aria-invalid=${invalid}
      aria-required=${field.required ? 'true' : 'false'}
      .value=${field.secret ? noChange : live(shown)}
      @input=${typed}
      @dragover=${(event: DragEvent) => event.preventDefault()}
      @drop=${onDrop((file) => host.dropped(field, file))}
    ></textarea>`;
  }
  return html`<input
    id=${id}
    part="input"
    type=${field.secret && !isRevealed ? 'password' : 'text'}
    inputmode=${field.kind === 'number' ? (field.whole ? 'numeric' : 'decimal') : (KEYBOARDS[field.format] ?? 'text')}
    spellcheck="false"
    autocapitalize="off"
    autocomplete=${field.secret ? 'new-password' : 'off'}
    data-1p-ignore
    data-lpignore="true"
    data-bwignore
    data-form-type="other"
    placeholder=${field.placeholder}
    ?disabled=${host.isLocked}
    aria-describedby=${described}
    aria-invalid=${invalid}
    aria-required=${field.required ? 'true' : 'false'}
    .value=${field.secret ? noChange : live(shown)}
    @input=${typed}
    @paste=${(event: ClipboardEvent) => host.pasted(field, event)}
  />`;
}

function flagView(field: Field, host: FieldHost): TemplateResult {
  const id = `field-${field.name}`;
  return html`<div class="flag">
    <input
      type="checkbox"
      id=${id}
      part="input"
      .checked=${live(host.draft.value(field) === true)}
      ?disabled=${host.isLocked}
      aria-describedby="${id}-note"
      @change=${(event: Event) => host.typed(field, (event.target as HTMLInputElement).checked)}
    />
    <label for=${id} part="label">${field.title}</label>
  </div>`;
}

function fileView(field: Field, host: FieldHost): TemplateResult {
  const chosen = (event: Event) => {
    const input = event.target as HTMLInputElement;
    host.dropped(field, input.files?.[0]);
    input.value = '';
  };
  return html`<div class="row">
    <label class="button small file">
      <input type="file" class="hush" accept=${field.accepts || nothing} ?disabled=${host.isLocked} @change=${chosen} />${host.words.say('file.choose')}
    </label>
    <span class="muted">${host.words.say('file.drop')}</span>
  </div>`;
}

/** Converts text to the field's type. An invalid number stays text, which is a fault. */
function read(field: Field, text: string): Value | null {
  if (text === '' || field.secret) return text;
  if (field.kind === 'list')
    return text
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean);
  if (field.kind !== 'number') return text;
  const number = Number(text.trim().replace(',', '.'));
  return Number.isFinite(number) && text.trim() !== '' ? number : text;
}

/** A field of a read-only form. */
export function readView(field: Field, draft: Draft, words: Words): TemplateResult {
  const configured = draft.stored?.configured.includes(field.name);
  const value = field.secret ? null : draft.value(field);
  const shown = Array.isArray(value) ? value.join(', ') : String(value ?? '—');
  return html`<div><dt>${field.title}</dt>
    <dd>${field.secret ? words.say(configured ? 'configured' : 'unset') : html`<bdi>${shown}</bdi>`}</dd></div>`;
}
