// <sr-credential-selector>: chooses one of the user's credentials for a plugin, as an editable combobox with a listbox
// (ARIA APG). It never chooses by itself, and a choice that is gone stays, with the reason.
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { asProblem } from '../api/problem.js';
import type { Client } from '../api/client.js';
import type { Credential } from '../api/types.js';
import { StrongroomElement } from '../element.js';
import type { ConnectDetail } from '../sr-oauth-button/sr-oauth-button.js';
import { arrivalView } from '../connection/return.view.js';
import { flawOf, isUnusable, matching, moved, moveOf, type Flaw } from './choice.js';
import { selectorStyles } from './sr-credential-selector.styles.js';
import { chosenView, controlView, editorView, emptyView, popupView } from './sr-credential-selector.view.js';
import { isShut } from '../base/view.js';

/** What the dialog shows. */
export type Editor = { at: 'create' } | { at: 'edit'; id: string } | { at: 'reconnect'; id: string };

/**
 * Chooses a credential. Its form value is the credential's id.
 *
 * @tag sr-credential-selector
 * @fires input - The choice changed.
 * @fires change - The choice changed.
 * @fires sr-load - `{count}`: the options are there.
 * @fires sr-create-request - Somebody wants a new one; cancelable. `{plugin}`
 * @fires sr-edit-request - Somebody wants to change one, or connect it again; cancelable. `{id, reconnect}`
 * @slot label
 * @slot help-text
 * @slot empty - Instead of the words for "none yet".
 * @slot footer - Under the options.
 * @csspart base - Everything.
 * @csspart combobox - The input and what is around it.
 * @csspart listbox
 * @csspart option
 * @csspart option-badge
 * @csspart badge
 * @csspart footer
 * @csspart create-button
 * @csspart edit-button
 * @csspart warning - What is wrong with the choice.
 * @csspart dialog
 */
export class SrCredentialSelector extends StrongroomElement {
  static formAssociated = true;
  static override styles = [...StrongroomElement.styles, selectorStyles];

  /** The chosen credential's id. */
  @property() value = '';
  @property({ reflect: true }) name = '';
  /** Only credentials of this type: `api-key`, `custom` or `oauth2`. */
  @property() type = '';
  @property() placeholder = '';
  @property({ type: Boolean, reflect: true }) required = false;
  @property({ type: Boolean, attribute: 'no-create' }) noCreate = false;
  @property({ type: Boolean, attribute: 'no-edit' }) noEdit = false;
  @property() flow: 'popup' | 'redirect' | 'device' = 'popup';
  @property({ attribute: 'return-address' }) returnAddress = '';

  @state() options: Credential[] | null = null;
  @state() isOpen = false;
  @state() opensUp = false;
  @state() active = -1;
  @state() wanted: string | null = null;
  @state() editor: Editor | null = null;
  /** The chosen credential as the vault has it, where it is not among the options. */
  @state() apart: Credential | null = null;
  #initial = '';
  /** Where the focus returns to when the dialog closes. */
  #from: HTMLElement | null = null;

  get dialog(): HTMLDialogElement | null {
    return this.renderRoot.querySelector('#editor');
  }

  protected override get sources(): readonly string[] {
    return [...super.sources, 'type'];
  }

  /** The chosen credential, as far as it is known. */
  get selected(): Credential | null {
    return this.options?.find(({ id }) => id === this.value) ?? (this.apart?.id === this.value ? this.apart : null);
  }

  /** Why the choice cannot simply be used; null if it can, or is not known yet. */
  get flaw(): Flaw | null {
    return this.value && this.options ? flawOf(this.selected, this.plugin, this.type) : null;
  }

  get candidates(): Credential[] {
    return matching(this.options ?? [], this.wanted ?? '', this.words.locale);
  }

  get isLocked(): boolean {
    return this.isOff || this.readonly;
  }

  open(): void {
    if (this.isLocked || this.isOpen || !this.options) return;
    const { bottom, top } = this.getBoundingClientRect();
    this.opensUp = innerHeight - bottom < 320 && top > innerHeight - bottom;
    this.isOpen = true;
    this.active = this.candidates.findIndex(({ id }) => id === this.value);
  }

  close(): void {
    this.isOpen = false;
    this.wanted = null;
    this.active = -1;
  }

  override focus(options?: FocusOptions): void {
    this.#input?.focus(options);
  }

  checkValidity(): boolean {
    return this.internals.checkValidity();
  }

  reportValidity(): boolean {
    return this.internals.reportValidity();
  }

  get validity(): ValidityState {
    return this.internals.validity;
  }

  get form(): HTMLFormElement | null {
    return this.internals.form;
  }

  formResetCallback(): void {
    this.value = this.#initial;
    this.close();
  }

  formStateRestoreCallback(value: string): void {
    this.value = value;
  }

  /** What somebody has chosen; the empty id is nothing. */
  choose(id: string): void {
    this.close();
    if (id === this.value) return;
    this.value = id;
    for (const name of ['input', 'change']) this.dispatchEvent(new Event(name, { bubbles: true, composed: true }));
  }

  create(): void {
    if (this.tell('sr-create-request', { plugin: this.plugin }, true)) void this.#edit({ at: 'create' });
  }

  edit(reconnect = false): void {
    const id = this.value;
    if (!this.tell('sr-edit-request', { id, reconnect }, true)) return;
    void this.#edit({ at: reconnect ? 'reconnect' : 'edit', id });
  }

  /** What was created here was asked for here, so it is the choice. */
  saved(credential: Credential): void {
    const others = (this.options ?? []).filter(({ id }) => id !== credential.id);
    this.options = [...others, credential].sort((a, b) => a.name.localeCompare(b.name, this.words.locale));
    const created = this.editor?.at === 'create';
    this.endEdit();
    if (created) this.choose(credential.id);
  }

  async reconnected({ detail }: CustomEvent<ConnectDetail>): Promise<void> {
    if (this.editor?.at !== 'reconnect' || !this.client) return;
    try {
      this.saved(await this.client.credential(detail.credentialId));
    } catch (caught) {
      this.problem = this.fail(caught);
    }
  }

  endEdit(): void {
    this.dialog?.close();
    this.editor = null;
    this.#from?.focus();
    this.#from = null;
  }

  typed(text: string): void {
    this.open();
    this.isOpen = this.options !== null && !this.isLocked;
    this.wanted = text;
    this.active = text && this.candidates.length ? 0 : -1;
  }

  pressed(event: KeyboardEvent): void {
    const move = moveOf(event.key);
    if (event.altKey && event.key === 'ArrowDown') this.open();
    else if (event.altKey && event.key === 'ArrowUp') this.close();
    else if (move && (this.isOpen || move === 'next' || move === 'previous')) this.#move(event, move);
    else if (event.key === 'Enter' && this.isOpen) this.choose(this.candidates[this.active]?.id ?? this.value);
    else if (event.key === 'Escape' && this.isOpen) this.close();
    else return;
    event.preventDefault();
    if (event.key === 'Escape') event.stopPropagation();
  }

  left(event: FocusEvent): void {
    const to = event.relatedTarget;
    if (!(to instanceof Node) || !this.renderRoot.querySelector('.anchor')?.contains(to)) this.close();
  }

  protected override async load(client: Client, signal: AbortSignal): Promise<void> {
    const found: Credential[] = [];
    for await (const page of client.credentials(this.plugin, this.type, 200, signal)) found.push(...page);
    this.apart = null;
    if (this.value && !found.some(({ id }) => id === this.value)) this.apart = await this.#look(client, signal);
    this.options = found.sort((a, b) => a.name.localeCompare(b.name, this.words.locale));
    this.tell('sr-load', { count: found.length });
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    if (!this.hasUpdated) this.#initial = this.value;
    if (changed.has('value') && this.value && this.options && !this.selected) void this.refresh();
  }

  protected override forget(): void {
    this.options = this.apart = this.editor = null;
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
    else if (isUnusable(this.flaw))
      this.internals.setValidity({ customError: true }, this.say(`select.${this.flaw}` as 'select.gone'), anchor);
    else this.internals.setValidity({});
    if (changed.has('active'))
      this.renderRoot.querySelector('[role=option][data-active]')?.scrollIntoView({ block: 'nearest' });
  }

  protected override render(): TemplateResult {
    const isEmpty = this.options?.length === 0 && !this.value;
    return html`<div part="base" class="base" dir=${this.direction ?? nothing}>
      ${arrivalView(this.arrival, this.words, this.problem)}
      <slot name="label">${this.label ? html`<label class="label" for=${isEmpty ? nothing : 'input'} part="label">${this.label}</label>` : nothing}</slot>
      ${this.problemView ?? (isEmpty ? emptyView(this) : controlView(this, popupView(this)))}
      ${this.options ? chosenView(this) : nothing}
      <slot name="help-text">${this.helpText ? html`<span class="muted" id="help">${this.helpText}</span>` : nothing}</slot>
      ${this.editor ? html`<dialog id="editor" part="dialog" aria-label=${this.say('select.dialog')} @cancel=${this.#escaped} @close=${(event: Event) => isShut(event) && this.editor && this.endEdit()}>${editorView(this, this.editor)}</dialog>` : nothing}
    </div>`;
  }

  get #input(): HTMLInputElement | null {
    return this.renderRoot.querySelector('#input');
  }

  #move(event: KeyboardEvent, move: NonNullable<ReturnType<typeof moveOf>>): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const wasOpen = this.isOpen;
    this.open();
    if (wasOpen || this.active === -1) this.active = moved(this.active, this.candidates.length, move);
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

  async #edit(editor: Editor): Promise<void> {
    this.#from = (this.renderRoot as ShadowRoot).activeElement as HTMLElement | null;
    if (this.isOpen) this.#from = this.#input;
    this.close();
    this.editor = editor;
    await this.updateComplete;
    this.dialog?.showModal();
  }

  /** Escape asks the form, which asks whoever has typed something. */
  readonly #escaped = (event: Event): void => {
    if (event.target !== this.dialog) return;
    const form = this.renderRoot.querySelector('sr-credential-form');
    if (!form?.isDirty) return;
    event.preventDefault();
    void form.cancel();
  };
}

declare global {
  interface HTMLElementTagNameMap {
    'sr-credential-selector': SrCredentialSelector;
  }
}
