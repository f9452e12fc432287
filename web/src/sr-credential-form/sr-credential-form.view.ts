import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { Problem } from '../api/problem.js';
import type { CredentialType, Plugin, Verdict } from '../api/types.js';
import { banner, icon, markOf, outwards, problemBanner, sayCause, typeName } from '../base/view.js';
import { inherits, type Context } from '../base/context.js';
import type { ConnectDetail } from '../connection/detail.js';
import type { Words } from '../i18n/messages.js';
import type { Entry } from './entry.js';
import { fieldView, readView } from './field.view.js';
import { groupsOf } from './fields.js';

/** The result of the last action. */
export type Said = 'form.saved' | 'form.renewed' | 'form.unchanged';

/** The data and actions of the form. */
export interface FormModel {
  entry: Entry;
  registered: Plugin;
  words: Words;
  context: Context;
  label: string;
  helpText: string;
  submitLabel: string;
  hideHeader: boolean;
  noActions: boolean;
  readonly: boolean;
  kind: CredentialType;
  kinds: CredentialType[];
  busy: 'saving' | 'testing' | null;
  verdict: Verdict | null;
  trouble: Problem | null;
  said: Said | null;
  testing: 'manual' | 'auto' | 'off';
  isLocked: boolean;
  canTest: boolean;
  isNameTaken: boolean;
  submit(options?: { anyway?: boolean }): void;
  test(): void;
  cancel(): void;
  rename(name: string): void;
  switchTo(kind: CredentialType): void;
  addField(name: string): boolean;
  focusField(id: string): void;
  connected(detail: ConnectDetail): void;
  disconnected(): void;
}

export function formView(form: FormModel): TemplateResult {
  const { entry, words } = form;
  if (form.readonly) return html`${headerView(form)}${valuesView(form, entry)}`;
  return html`<form novalidate @submit=${(event: Event) => (event.preventDefault(), form.submit())} aria-busy=${form.busy ? 'true' : 'false'}>
    ${headerView(form)} ${summaryView(form, entry)} ${typesView(form, entry)} ${nameView(form, entry)}
    <slot name="before-fields"></slot>
    ${form.kind === 'oauth2' ? accountView(form, entry) : fieldsView(form, entry)}
    <slot name="after-fields"></slot>
    ${form.helpText ? html`<span class="muted">${form.helpText}</span>` : nothing}
    <div role="status" aria-live="polite" class="stack" part="test-banner">${statusView(form)}</div>
    ${form.trouble ? problemBanner(form.trouble, words, form.trouble.retryable ? () => form.submit() : null) : nothing}
    ${form.noActions ? nothing : actionsView(form, entry)}
  </form>`;
}

function headerView({ registered, words, label, hideHeader }: FormModel): TemplateResult | typeof nothing {
  if (hideHeader) return nothing;
  const { title, description, docs_url: docs } = registered.manifest;
  return html`<slot name="header"><header>
    <h2>${label || title}</h2>
    ${description ? html`<p class="muted"><bdi>${description}</bdi></p>` : nothing}
    ${docs ? html`<p class="muted">${outwards(docs, words.say('docs'), words.say('docs.of', { field: title }))}</p>` : nothing}
  </header></slot>`;
}

function summaryView(form: FormModel, entry: Entry): TemplateResult | typeof nothing {
  if (!entry.faults.length) return nothing;
  const title = (name: string) =>
    entry.draft.fields.find((field) => field.name === name)?.title ?? (name || form.words.say('name'));
  const idOf = (name: string) => {
    const field = entry.draft.fields.find((known) => known.name === name);
    const kept = field?.secret && entry.draft.secretState(field) === 'kept';
    return field ? `field-${name}${kept ? '-replace' : ''}` : 'name';
  };
  return html`<div id="summary" class="summary" part="error-summary" role="alert" tabindex="-1">
    ${banner(
      'bad',
      'alert',
      html`<p>${form.words.say('form.faults', { n: entry.faults.length })}</p>
        <ul>
          ${entry.faults.map(
            ([name, sentence]) =>
              html`<li><button type="button" @click=${() => form.focusField(idOf(name))}>${title(name)}: ${sentence}</button></li>`,
          )}
        </ul>`,
    )}
  </div>`;
}

function typesView(form: FormModel, entry: Entry): TemplateResult | typeof nothing {
  if (entry.draft.stored || form.kinds.length < 2) return nothing;
  return html`<div role="radiogroup" aria-labelledby="types">
    <span class="label" id="types">${form.words.say('form.type')}</span>
    <div class="types">
      ${form.kinds.map(
        (kind) =>
          html`<label class="choice">
            <input type="radio" name="type" .value=${kind} .checked=${live(kind === form.kind)} ?disabled=${form.isLocked} @change=${() => form.switchTo(kind)} />
            ${typeName(kind, form.words)}
          </label>`,
      )}
    </div>
  </div>`;
}

function nameView(form: FormModel, entry: Entry): TemplateResult {
  const { words } = form;
  const fault = entry.faultOf('');
  const hint = form.isNameTaken ? words.say('name.taken') : '';
  return html`<div class="field" part="field">
    <label class="label" part="label" for="name">${words.say('name')}</label>
    <input id="name" part="input" type="text" maxlength="100" autocomplete="off" data-1p-ignore data-lpignore="true" data-bwignore
      data-form-type="other" aria-required="true" aria-invalid=${fault ? 'true' : 'false'} aria-describedby="name-help name-note name-fault"
      .value=${live(entry.draft.name)} ?disabled=${form.isLocked}
      @input=${(event: Event) => form.rename((event.target as HTMLInputElement).value)} />
    <div class="muted" id="name-help">${words.say('name.help')}</div>
    <div class="note" id="name-note" aria-live="polite">${hint && !fault ? html`${icon('alert')} ${hint}` : nothing}</div>
    ${fault ? html`<div class="fault" part="error" id="name-fault">${icon('alert')} ${fault}</div>` : nothing}
  </div>`;
}

function fieldsView(form: FormModel, entry: Entry): TemplateResult {
  const manifest = form.registered.manifest.credentials[form.kind];
  const more = manifest && 'schema' in manifest && manifest.schema.additionalProperties;
  return html`${groupsOf(entry.draft.shown).map(({ title, fields }) => {
    const drawn = fields.map((field) => fieldView(field, entry));
    return title ? html`<fieldset part="group"><legend>${title}</legend>${drawn}</fieldset>` : drawn;
  })}${more ? furtherView(form) : nothing}`;
}

function furtherView(form: FormModel): TemplateResult {
  const add = (event: Event) => {
    const input = (event.target as HTMLElement).closest('.field')!.querySelector('input')!;
    const fits = form.addField(input.value.trim());
    input.setAttribute('aria-invalid', String(!fits));
    if (fits) input.value = '';
  };
  const onEnter = (event: KeyboardEvent) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    add(event);
  };
  return html`<div class="field" part="field">
    <label class="label" for="further">${form.words.say('further')}</label>
    <div class="around">
      <input id="further" type="text" autocomplete="off" maxlength="64" spellcheck="false" aria-describedby="further-help" ?disabled=${form.isLocked} @keydown=${onEnter} />
      <button type="button" class="button" ?disabled=${form.isLocked} @click=${add}>${icon('plus')}${form.words.say('add')}</button>
    </div>
    <div class="muted" id="further-help">${form.words.say('further.help')}</div>
  </div>`;
}

function accountView(form: FormModel, entry: Entry): TemplateResult {
  return html`<sr-oauth-button
    ${inherits(form.context)}
    .plugin=${form.registered.name}
    .credentialId=${entry.draft.stored?.id ?? ''}
    .single=${true}
    .credentialName=${entry.draft.name}
    .disabled=${form.isLocked}
    @sr-connect=${({ detail }: CustomEvent<ConnectDetail>) => form.connected(detail)}
    @sr-disconnect=${() => form.disconnected()}
  ></sr-oauth-button>`;
}

function statusView(form: FormModel): unknown {
  const { verdict, words, said } = form;
  if (said) {
    const isDone = said !== 'form.unchanged';
    return banner(isDone ? 'good' : 'calm', isDone ? 'check' : 'info', html`<p>${words.say(said)}</p>`);
  }
  if (!verdict) return nothing;
  const [tone, shape] = markOf(verdict.status);
  const cause = sayCause(verdict.cause, words);
  const anyway =
    form.testing === 'auto' && verdict.status !== 'accepted'
      ? html`<button type="button" class="button small" @click=${() => form.submit({ anyway: true })}>${words.say('form.anyway')}</button>`
      : nothing;
  return banner(tone, shape, html`<p>${words.sayCode('verdict', verdict.status, verdict.status)} ${cause}</p>`, anyway);
}

function actionsView(form: FormModel, entry: Entry): TemplateResult {
  const { words, busy } = form;
  const connects = form.kind === 'oauth2' && !entry.draft.stored;
  const save = form.submitLabel || words.say(entry.draft.stored ? 'form.save' : 'form.create');
  return html`<div class="actions" part="actions">
    ${
      connects
        ? nothing
        : html`<button type="submit" class="button primary" ?disabled=${form.isLocked}>
          ${busy === 'saving' ? icon('spin') : nothing}${busy === 'saving' ? words.say('form.saving') : save}
        </button>`
    }
    ${
      form.canTest && !connects
        ? html`<button type="button" class="button" ?disabled=${form.isLocked} @click=${() => form.test()}>
          ${busy === 'testing' ? icon('spin') : nothing}${words.say(busy === 'testing' ? 'form.testing' : 'form.test')}
        </button>`
        : nothing
    }
    <button type="button" class="button" ?disabled=${busy !== null} @click=${() => form.cancel()}>${words.say('cancel')}</button>
    <slot name="actions"></slot>
  </div>`;
}

function valuesView(form: FormModel, entry: Entry): TemplateResult {
  const { words } = form;
  return html`<dl>
    <div><dt>${words.say('name')}</dt><dd><bdi>${entry.draft.name}</bdi></dd></div>
    <div><dt>${words.say('form.type')}</dt><dd>${typeName(form.kind, words)}</dd></div>
    ${entry.draft.shown.map((field) => readView(field, entry.draft, words))}
  </dl>`;
}
