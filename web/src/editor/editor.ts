// The dialog that creates, changes or reconnects a credential, for the elements that list credentials. It returns the
// focus when it closes. The element receives the saved credential as a change of the session.
import { html, nothing, type LitElement, type ReactiveController, type TemplateResult } from 'lit';
import type { Credential } from '../api/types.js';
import { isShut } from '../base/view.js';
import { inherits, type Context } from '../base/context.js';
import type { ConnectDetail } from '../connection/detail.js';
import type { Words } from '../i18n/messages.js';

interface EditingOne {
  is: 'edit' | 'reconnect';
  credential: Pick<Credential, 'id' | 'name' | 'plugin'>;
}

export type Editing = { is: 'create' } | EditingOne;

/** What the dialog needs from the element around it. */
export interface EditorSettings {
  context: Context;
  words: Words;
  plugin: string;
  type: string;
}

export interface EditorOutcome {
  saved(id: string, editing: Editing): void;
  removed(id: string): void;
}

export class Editor implements ReactiveController {
  #editing: Editing | null = null;
  #from: HTMLElement | null = null;

  constructor(
    private readonly host: LitElement,
    private readonly settings: () => EditorSettings,
    private readonly outcome: EditorOutcome,
  ) {
    host.addController(this);
  }

  hostDisconnected(): void {
    this.#editing = null;
  }

  /** `from` gets the focus when the dialog closes. The default is the focused element. */
  async open(editing: Editing, from?: HTMLElement | null): Promise<void> {
    this.#from = from ?? (this.host.shadowRoot?.activeElement as HTMLElement | null);
    this.#editing = editing;
    this.host.requestUpdate();
    await this.host.updateComplete;
    this.#dialog?.showModal();
  }

  close(): void {
    if (!this.#editing) return;
    this.#dialog?.close();
    this.#editing = null;
    const from = this.#from;
    this.#from = null;
    this.host.requestUpdate();
    void this.host.updateComplete.then(() => from?.focus());
  }

  get view(): TemplateResult | typeof nothing {
    const editing = this.#editing;
    if (!editing) return nothing;
    const settings = this.settings();
    return html`<dialog
      id="editor"
      part="dialog"
      aria-label=${settings.words.say('select.dialog')}
      @cancel=${this.#escaped}
      @close=${(event: Event) => isShut(event) && this.close()}
    >
      ${editing.is === 'reconnect' ? this.#reconnect(editing, settings) : this.#form(editing, settings)}
    </dialog>`;
  }

  #reconnect(editing: EditingOne, settings: EditorSettings) {
    const { id, name, plugin } = editing.credential;
    const { context, words } = settings;
    return html`<div class="stack">
      <h2>${words.say('reconnect.of', { field: name })}</h2>
      <sr-oauth-button
        ${inherits(context)}
        .plugin=${plugin}
        .credentialId=${id}
        .single=${true}
        @sr-connect=${({ detail }: CustomEvent<ConnectDetail>) => this.#end(editing, detail.credentialId)}
        @sr-disconnect=${() => this.#removed(editing, id)}
      ></sr-oauth-button>
      <div><button type="button" class="button" @click=${() => this.close()}>${words.say('close')}</button></div>
    </div>`;
  }

  #form(editing: Editing, { context, plugin, type }: EditorSettings) {
    const stored = editing.is === 'create' ? null : editing.credential;
    return html`<sr-credential-form
      ${inherits(context)}
      .plugin=${stored?.plugin ?? plugin}
      .type=${type}
      .credentialId=${stored?.id ?? ''}
      @sr-save=${({ detail }: CustomEvent<{ credential: Credential }>) => this.#end(editing, detail.credential.id)}
      @sr-disconnect=${() => stored && this.#removed(editing, stored.id)}
      @sr-cancel=${() => editing === this.#editing && this.close()}
    ></sr-credential-form>`;
  }

  /** A late event of an earlier dialog must not close the open one. */
  #end(editing: Editing, id: string): void {
    if (editing !== this.#editing) return;
    this.close();
    this.outcome.saved(id, editing);
  }

  #removed(editing: Editing, id: string): void {
    if (editing !== this.#editing) return;
    this.close();
    this.outcome.removed(id);
  }

  get #dialog(): HTMLDialogElement | null {
    return this.host.shadowRoot?.querySelector<HTMLDialogElement>('#editor') ?? null;
  }

  /** Escape asks the form, which asks before it discards input. */
  readonly #escaped = (event: Event): void => {
    if (event.target !== this.#dialog) return;
    const form = this.#dialog?.querySelector('sr-credential-form') as { isDirty?: boolean; cancel?(): void } | null;
    if (!form?.isDirty) return;
    event.preventDefault();
    form.cancel?.();
  };
}
