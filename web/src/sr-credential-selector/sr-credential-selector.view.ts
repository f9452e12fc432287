// Views of the selector: the control, the popup with options and footer, the fault of the choice, the dialog. The popup
// is in the input's shadow root, because ids do not work across shadow roots.
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { Credential } from '../api/types.js';
import { ailment, badge, banner, icon, typeName } from '../base/view.js';
import type { Words } from '../i18n/messages.js';
import type { Flaw } from './choice.js';

/** The data and actions of the selector. */
export interface SelectorModel {
  words: Words;
  label: string;
  placeholder: string;
  plugin: string;
  required: boolean;
  readonly: boolean;
  noCreate: boolean;
  noEdit: boolean;
  value: string;
  options: readonly Credential[] | null;
  candidates: readonly Credential[];
  selected: Credential | null;
  flaw: Flaw | null;
  isOff: boolean;
  isLocked: boolean;
  isOpen: boolean;
  opensUp: boolean;
  active: number;
  wanted: string | null;
  typed(text: string): void;
  pressed: (event: KeyboardEvent) => void;
  left: (event: FocusEvent) => void;
  open(): void;
  toggle(): void;
  choose(id: string): void;
  create(): void;
  edit(): void;
  reconnect(): void;
}

export function controlView(selector: SelectorModel, popup: TemplateResult | typeof nothing): TemplateResult {
  const { selected, words, isOpen, options, candidates, active } = selector;
  if (!options) {
    return html`<div aria-busy="true"><span class="hush" role="status">${words.say('loading')}</span><div class="skeleton"></div></div>`;
  }
  const gone = selector.value && !selected ? words.say('select.unavailable') : '';
  const text = selector.wanted ?? (selected?.name || gone);
  return html`<div class="anchor" @focusout=${selector.left}>
    <div class="control" part="combobox">
      <span class="lead">${selected ? (selected.type === 'oauth2' ? icon('link') : icon('key')) : icon('key')}</span>
      <input
        id="input"
        role="combobox"
        type="text"
        autocomplete="off"
        spellcheck="false"
        data-1p-ignore
        data-lpignore="true"
        data-bwignore
        data-form-type="other"
        aria-autocomplete="list"
        aria-expanded=${isOpen ? 'true' : 'false'}
        aria-controls="listbox"
        aria-activedescendant=${isOpen && candidates[active] ? `option-${active}` : nothing}
        aria-describedby="chosen help"
        aria-required=${selector.required ? 'true' : 'false'}
        aria-invalid=${selector.flaw ? 'true' : 'false'}
        aria-label=${selector.label ? nothing : words.say('select.label')}
        placeholder=${selector.placeholder || words.say('select.placeholder')}
        ?disabled=${selector.isOff}
        ?readonly=${selector.readonly}
        .value=${live(text)}
        @input=${(event: Event) => selector.typed((event.target as HTMLInputElement).value)}
        @keydown=${selector.pressed}
        @click=${() => selector.open()}
        @focus=${(event: Event) => (event.target as HTMLInputElement).select()}
      />
      ${selected && !isOpen ? html`<span class="meta muted">${typeName(selected.type, words)}</span>` : nothing}
      <button type="button" class="button quiet small chevron" tabindex="-1" aria-label=${words.say('select.open')} aria-expanded=${isOpen ? 'true' : 'false'} ?disabled=${selector.isLocked}
        @click=${() => selector.toggle()}>${icon('down')}</button>
    </div>
    ${popup}
  </div>
  ${
    selected && !selector.noEdit && !selector.readonly
      ? html`<button type="button" class="button edit" part="edit-button" ?disabled=${selector.isOff} aria-label=${words.say('edit.of', { field: selected.name })} @click=${() => selector.edit()}>${icon('pencil')}</button>`
      : nothing
  }`;
}

export function popupView(selector: SelectorModel): TemplateResult | typeof nothing {
  const { words, candidates, isOpen } = selector;
  return html`<div class="popup ${selector.opensUp ? 'up' : ''}" ?hidden=${!isOpen}>
    <div id="listbox" role="listbox" part="listbox" aria-label=${selector.label || words.say('select.label')}>
      ${isOpen ? candidates.map((option, at) => optionView(option, at, selector)) : nothing}
    </div>
    <div role="status" class="none muted" ?hidden=${candidates.length > 0}>${isOpen && !candidates.length ? words.say('select.nomatch', { text: selector.wanted ?? '' }) : nothing}</div>
    <div class="footer row" part="footer">
      ${
        selector.noCreate
          ? nothing
          : html`<button type="button" class="button quiet small" part="create-button" @click=${() => selector.create()}>${icon('plus')}${words.say('select.create')}</button>`
      }
      ${
        selector.value && !selector.required
          ? html`<button type="button" class="button quiet small" @click=${() => selector.choose('')}>${icon('close')}${words.say('select.clear')}</button>`
          : nothing
      }
      <slot name="footer"></slot>
    </div>
  </div>`;
}

function optionView(option: Credential, at: number, selector: SelectorModel): TemplateResult {
  const { words, active, value } = selector;
  const sub = [
    option.account,
    option.type === 'oauth2' && option.account ? '' : typeName(option.type, words),
    selector.plugin ? '' : option.plugin,
  ];
  return html`<div
    id="option-${at}"
    role="option"
    part="option"
    class="option"
    ?data-active=${at === active}
    aria-selected=${option.id === value ? 'true' : 'false'}
    @mousedown=${(event: Event) => event.preventDefault()}
    @click=${() => selector.choose(option.id)}
  >
    <span class="tick">${option.id === value ? icon('check') : nothing}</span>
    <span class="words"><bdi>${option.name}</bdi><span class="muted"><bdi>${sub.filter(Boolean).join(' · ')}</bdi></span></span>
    <span part="option-badge">${badge(option.state, words)}</span>
  </div>`;
}

/** The fault of the choice. Empty if it has none. */
export function chosenView(selector: SelectorModel): TemplateResult {
  const { flaw, selected, words } = selector;
  const content = () => {
    if (!flaw) return nothing;
    if (flaw === 'gone' || flaw === 'elsewhere')
      return banner('bad', 'alert', html`<p>${words.say(`select.${flaw}`)}</p>`);
    const reconnect =
      selected?.type === 'oauth2' && flaw !== 'undecryptable' && !selector.isLocked && !selector.noEdit
        ? html`<button type="button" class="button small primary" @click=${() => selector.reconnect()}>${icon('turn')}${words.say('reconnect')}</button>`
        : nothing;
    const text = selected ? ailment(selected, words) : words.say('select.undecryptable');
    return banner(
      flaw === 'degraded' || flaw === 'ambiguous' ? 'warn' : 'bad',
      'alert',
      html`<p>${text}</p>`,
      reconnect,
    );
  };
  return html`<div id="chosen" part="warning" class="chosen" role="status" aria-live="polite">${content()}</div>`;
}

export function emptyView(selector: SelectorModel): TemplateResult {
  const { words } = selector;
  return html`<div class="empty">
    <slot name="empty"><span class="muted">${words.say('select.empty')}</span></slot>
    ${
      selector.noCreate || selector.readonly
        ? nothing
        : html`<button type="button" class="button primary" part="create-button" ?disabled=${selector.isOff} @click=${() => selector.create()}>${icon('plus')}${words.say('select.first')}</button>`
    }
  </div>`;
}
