// <sr-credential-selector>: chooses one of the user's credentials for a plugin, as an editable combobox with a listbox
// (ARIA APG). It never chooses by itself. A deleted choice stays visible with the reason.
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import type { Change } from '../api/changes.js';
import type { Client } from '../api/client.js';
import { asProblem } from '../api/problem.js';
import type { Credential } from '../api/types.js';
import { isOf, matching, withChange } from '../base/credentials.js';
import { returnView } from '../connection/return.view.js';
import { Editor, type Editing } from '../editor/editor.js';
import { StrongroomElement } from '../element.js';
import { flawOf, isUnusable, moved, moveOf, type Flaw } from './choice.js';
import { selectorStyles } from './sr-credential-selector.styles.js';
import { chosenView, controlView, emptyView, popupView, type SelectorModel } from './sr-credential-selector.view.js';

/**
 * Chooses a credential. Its form value is the credential's id.
 *
 * @tag sr-credential-selector
 * @fires input - The choice changed.
 * @fires change - The choice changed.
 * @fires sr-load - `{count}`: the options are loaded.
 * @fires sr-create-request - The user wants a new credential. Cancelable. `{plugin}`
 * @fires sr-edit-request - The user wants to change or reconnect a credential. Cancelable. `{id, reconnect}`
 * @slot label
 * @slot help-text
 * @slot empty - Instead of "No credentials yet".
 * @slot footer - Below the options.
 * @csspart base - The whole element.
 * @csspart combobox - The input with its frame.
 * @csspart listbox
 * @csspart option
 * @csspart option-badge
 * @csspart badge
 * @csspart footer
 * @csspart create-button
 * @csspart edit-button
 * @csspart warning - The fault of the choice.
 * @csspart dialog
 */
export class SrCredentialSelector extends StrongroomElement {
  static formAssociated = true;
  static override styles = [...StrongroomElement.styles, selectorStyles];

  /** The chosen credential's id. */
  @property() value = '';
  /** The name in a form. */
  @property({ reflect: true }) name = '';
  /** Offers only credentials of this type: `api-key`, `custom` or `oauth2`. */
  @property() type = '';
  /** The text without a choice. */
  @property() placeholder = '';
  /** The form is invalid without a usable choice. */
  @property({ type: Boolean, reflect: true }) required = false;
  /** Hides the button for a new credential. */
  @property({ type: Boolean, attribute: 'no-create' }) noCreate = false;
  /** Hides the button to change the chosen credential. */
  @property({ type: Boolean, attribute: 'no-edit' }) noEdit = false;

  @state() private options: Credential[] | null = null;
  @state() private isOpen = false;
  @state() private opensUp = false;
  @state() private active = -1;
  @state() private wanted: string | null = null;
  /** The chosen credential, if it is not among the options. */
  @state() private apart: Credential | null = null;
  #initial = '';
  readonly #editor = new Editor(
    this,
    () => {
      const { context, words, plugin, type } = this;
      return { context, words, plugin, type };
    },
    {
      // The user created the credential from this selector, so it becomes the choice.
      saved: (id, editing) => editing.is === 'create' && this.#choose(id),
      removed: (id) => this.credentialChanged({ id, credential: null }),
    },
  );

  protected override get sources(): readonly unknown[] {
    return [...super.sources, this.type];
  }

  /** The chosen credential, if it is loaded. */
  get selected(): Credential | null {
    return this.options?.find(({ id }) => id === this.value) ?? (this.apart?.id === this.value ? this.apart : null);
  }

  /** Why the choice cannot be used as it is. Null if it can be used, or is not loaded. */
  get flaw(): Flaw | null {
    return this.value && this.options ? flawOf(this.selected, this.plugin, this.type) : null;
  }

  get #candidates(): Credential[] {
    return matching(this.options ?? [], this.wanted ?? '', this.words.locale);
  }

  get #isLocked(): boolean {
    return this.isOff || this.readonly;
  }

  /** Opens the list of options. */
  open(): void {
    if (this.#isLocked || this.isOpen || !this.options) return;
    const { bottom, top } = this.getBoundingClientRect();
    this.opensUp = innerHeight - bottom < 320 && top > innerHeight - bottom;
    this.isOpen = true;
    this.active = this.#candidates.findIndex(({ id }) => id === this.value);
  }

  /** Closes the list of options. */
  close(): void {
    this.isOpen = false;
    this.wanted = null;
    this.active = -1;
  }

  /** Focuses the input. */
  override focus(options?: FocusOptions): void {
    this.#input?.focus(options);
  }

  /** As in a form control. */
  checkValidity(): boolean {
    return this.internals.checkValidity();
  }

  /** As in a form control. */
  reportValidity(): boolean {
    return this.internals.reportValidity();
  }

  /** As in a form control. */
  get validity(): ValidityState {
    return this.internals.validity;
  }

  /** The form that contains the element. */
  get form(): HTMLFormElement | null {
    return this.internals.form;
  }

  /** @internal */
  formResetCallback(): void {
    this.value = this.#initial;
    this.close();
  }

  /** @internal */
  formStateRestoreCallback(value: string): void {
    this.value = value;
  }

  /** Sets the user's choice. An empty id clears it. */
  #choose(id: string): void {
    this.close();
    if (id === this.value) return;
    this.value = id;
    for (const name of ['input', 'change']) this.dispatchEvent(new Event(name, { bubbles: true, composed: true }));
  }

  /** Opens the dialog for a new credential. */
  create(): void {
    if (this.emit('sr-create-request', { plugin: this.plugin }, true)) this.#edit({ is: 'create' });
  }

  /** Opens the dialog to change or reconnect the chosen credential. */
  edit(reconnect = false): void {
    const credential = this.selected;
    if (!credential || !this.emit('sr-edit-request', { id: credential.id, reconnect }, true)) return;
    this.#edit({ is: reconnect ? 'reconnect' : 'edit', credential });
  }

  #typed(text: string): void {
    this.open();
    this.isOpen = this.options !== null && !this.#isLocked;
    this.wanted = text;
    this.active = text && this.#candidates.length ? 0 : -1;
  }

  readonly #pressed = (event: KeyboardEvent): void => {
    const move = moveOf(event.key);
    if (event.altKey && event.key === 'ArrowDown') this.open();
    else if (event.altKey && event.key === 'ArrowUp') this.close();
    else if (move && (this.isOpen || move === 'next' || move === 'previous')) this.#move(event, move);
    else if (event.key === 'Enter' && this.isOpen) this.#choose(this.#candidates[this.active]?.id ?? this.value);
    else if (event.key === 'Escape' && this.isOpen) this.close();
    else return;
    event.preventDefault();
    if (event.key === 'Escape') event.stopPropagation();
  };

  readonly #focusLeft = (event: FocusEvent): void => {
    const to = event.relatedTarget;
    if (!(to instanceof Node) || !this.renderRoot.querySelector('.anchor')?.contains(to)) this.close();
  };

  protected override async load(client: Client, signal: AbortSignal): Promise<void> {
    // The list of an unknown plugin is empty, like the list of a user without credentials.
    const known = this.plugin ? client.plugin(this.plugin, signal) : null;
    known?.catch(() => undefined);
    const found = await client.allCredentials(this.plugin, this.type, signal);
    await known;
    this.apart = null;
    if (this.value && !found.some(({ id }) => id === this.value)) this.apart = await this.#look(client, signal);
    this.options = this.#sorted(found);
    this.emit('sr-load', { count: found.length });
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    if (!this.hasUpdated) this.#initial = this.value;
    if (changed.has('value') && this.value && this.options && !this.selected) void this.refresh();
  }

  protected override forget(): void {
    this.#editor.close();
    this.options = this.apart = null;
  }

  protected override credentialChanged(change: Change): void {
    if (!this.options) return;
    const { plugin, type } = this;
    this.options = this.#sorted(withChange(this.options, change, (credential) => isOf(credential, plugin, type)));
    if (this.apart?.id === change.id) this.apart = change.credential;
  }

  #sorted(credentials: Credential[]): Credential[] {
    return credentials.sort((a, b) => a.name.localeCompare(b.name, this.words.locale));
  }

  protected override get states(): Record<string, boolean> {
    return {
      ...super.states,
      loading: !this.options && !this.problem,
      open: this.isOpen,
      invalid: isUnusable(this.flaw),
    };
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    this.internals.setFormValue(this.value || null);
    const anchor = this.#input ?? this.renderRoot.querySelector('button');
    if (!anchor || !this.required) this.internals.setValidity({});
    else if (!this.value) this.internals.setValidity({ valueMissing: true }, this.say('select.required'), anchor);
    else if (isUnusable(this.flaw)) {
      this.internals.setValidity({ customError: true }, this.say(`select.${this.flaw}` as 'select.gone'), anchor);
    } else this.internals.setValidity({});
    if (changed.has('active')) {
      this.renderRoot.querySelector('[role=option][data-active]')?.scrollIntoView({ block: 'nearest' });
    }
  }

  protected override render(): TemplateResult {
    const { words, problem, options, label, helpText } = this;
    const isEmpty = options?.length === 0 && !this.value;
    const model = this.#model();
    return html`<div part="base" class="base" dir=${this.direction ?? nothing}>
      ${returnView(this.returnPage, words, problem)}
      <slot name="label"
        >${
          label ? html`<label class="label" for=${isEmpty ? nothing : 'input'} part="label">${label}</label>` : nothing
        }</slot
      >
      ${this.problemView ?? (isEmpty ? emptyView(model) : controlView(model, popupView(model)))}
      ${options ? chosenView(model) : nothing}
      <slot name="help-text">${helpText ? html`<span class="muted" id="help">${helpText}</span>` : nothing}</slot>
      ${this.#editor.view}
    </div>`;
  }

  #model(): SelectorModel {
    const { words, label, placeholder, plugin, required, readonly, noCreate, noEdit, value, options } = this;
    const { isOff, isOpen, opensUp, active, wanted, selected, flaw } = this;
    return {
      ...{ words, label, placeholder, plugin, required, readonly, noCreate, noEdit, value, options },
      ...{ isOff, isOpen, opensUp, active, wanted, selected, flaw },
      isLocked: this.#isLocked,
      candidates: this.#candidates,
      typed: (text) => this.#typed(text),
      pressed: this.#pressed,
      left: this.#focusLeft,
      open: () => this.open(),
      toggle: () => this.#toggle(),
      choose: (id) => this.#choose(id),
      create: () => this.create(),
      edit: () => this.edit(),
      reconnect: () => this.edit(true),
    };
  }

  #toggle(): void {
    if (this.isOpen) return this.close();
    this.focus();
    this.open();
  }

  get #input(): HTMLInputElement | null {
    return this.renderRoot.querySelector('#input');
  }

  #move(event: KeyboardEvent, move: NonNullable<ReturnType<typeof moveOf>>): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const wasOpen = this.isOpen;
    this.open();
    if (wasOpen || this.active === -1) this.active = moved(this.active, this.#candidates.length, move);
  }

  async #look(client: Client, signal: AbortSignal): Promise<Credential | null> {
    try {
      return await client.credential(this.value, signal);
    } catch (caught) {
      const { code, status } = asProblem(caught);
      if (code === 'not-found' || status === 400 || status === 404) return null;
      throw caught;
    }
  }

  #edit(editing: Editing): void {
    const from = this.isOpen ? this.#input : null;
    this.close();
    void this.#editor.open(editing, from);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'sr-credential-selector': SrCredentialSelector;
  }
}
