// <sr-oauth-button>: connects an account by OAuth 2, connects it again, and disconnects it. What is shown is a function of
// the connection's state (connect.ts) and of the credential; the running of it is flow.ts.
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import type { Client } from '../api/client.js';
import type { Problem } from '../api/problem.js';
import type { Credential, Plugin } from '../api/types.js';
import { Confirm } from '../base/confirm.js';
import * as connect from '../connection/states.js';
import { StrongroomElement } from '../element.js';
import { Flow, type Mode } from '../connection/flow.js';
import type { Finished } from '../connection/return.js';
import { connectionView } from '../connection/pending.view.js';
import { connectedView } from './account.view.js';
import { keyFileView } from './key-file.view.js';
import { arrivalView } from '../connection/return.view.js';
import { oauthStyles } from './sr-oauth-button.styles.js';
import { remove, removalQuestion } from '../base/removal.js';
import { banner, icon, sayProblem } from '../base/view.js';

/** `sr-connect`: what was connected. */
export interface ConnectDetail {
  credentialId: string;
  account: string | null;
  scopes: string[];
  revision: number;
}

/**
 * Connects an account by OAuth 2. Its form value is the credential's id.
 *
 * @tag sr-oauth-button
 * @fires sr-connect-start - Somebody began to connect.
 * @fires sr-connect - `{credentialId, account, scopes, revision}`
 * @fires sr-connect-error - `{code}`: `denied`, `expired`, `failed`, `unregistered`, `other-account`, `blocked`, or a problem's code
 * @fires sr-disconnect - `{credentialId}`
 * @fires sr-delete-request - Before disconnecting; cancelable. `{ids}`
 * @slot - The button's text.
 * @slot icon - In front of it.
 * @csspart base - Everything.
 * @csspart button - The button that connects.
 * @csspart input - For a key file.
 * @csspart status - What is going on.
 * @csspart account - Whose account is connected.
 * @csspart reconnect
 * @csspart disconnect
 * @csspart error
 * @csspart banner
 * @csspart badge
 * @csspart dialog
 */
export class SrOauthButton extends StrongroomElement {
  static formAssociated = true;
  static override styles = [...StrongroomElement.styles, oauthStyles];

  /** The credential to show, and to connect again. */
  @property({ attribute: 'credential-id' }) credentialId = '';
  /** What a new credential will be called; the plugin's title unless told. */
  @property({ attribute: 'credential-name' }) credentialName = '';
  /** `popup`, `redirect` (in this tab) or `device` (a code for another device). */
  @property() flow: Mode = 'popup';
  /** One of the manifest's return addresses; this page unless told. */
  @property({ attribute: 'return-address' }) returnAddress = '';
  /** The OAuth app, where there are several for the provider. */
  @property() app = '';
  /** Scopes beside the plugin's own, separated by spaces. */
  @property() scopes = '';
  @property({ reflect: true }) name = '';
  @property({ type: Boolean }) required = false;

  @state() private registered: Plugin | null = null;
  @state() private credential: Credential | null = null;
  @state() private busy = false;
  @state() private trouble: Problem | null = null;
  readonly #flow = new Flow(this);
  readonly #confirm = new Confirm(this);

  protected override get sources(): readonly string[] {
    return [...super.sources, 'credentialId'];
  }

  /** The connected credential's id; empty if there is none. */
  get value(): string {
    return this.credential?.id ?? this.credentialId;
  }

  /** How far it is: `idle`, `preparing`, `waiting`, `device`, `blocked`, `key-file`, `verifying`, `connected` or `failed`. */
  get status(): connect.Connect['at'] {
    return this.#flow.state.at;
  }

  /** Begins to connect. For a popup, call it in the handler of a click. */
  connect(): void {
    this.#begin();
  }

  #begin(more: Record<string, unknown> = {}): void {
    if (this.isOff || this.readonly || !this.client) return;
    this.trouble = null;
    this.tell('sr-connect-start', { plugin: this.plugin });
    const unattended = this.registered?.connect?.unattended === true;
    void this.#flow.begin(unattended ? 'redirect' : this.flow, { ...this.#wanted(), ...more });
  }

  /** Gives up waiting. What the server has begun expires by itself. */
  cancel(): void {
    this.#flow.cancel();
  }

  /** Asks, deletes the credential, and has the grant revoked at the provider. */
  async disconnect(): Promise<void> {
    const { client, credential } = this;
    if (!client || !credential || !this.tell('sr-delete-request', { ids: [credential.id] }, true)) return;
    try {
      const ask = async (present: Credential) => {
        // Off only once it is answered: the focus cannot go back to a button that is off.
        this.busy = false;
        return (this.busy = await this.#confirm.ask(removalQuestion(present, this.#title, this.words)));
      };
      if (!(await remove(client, credential, ask))) return;
      // Whoever is there now may see another one.
      if (this.credential?.id !== credential.id) return;
      this.credential = null;
      this.credentialId = '';
      this.#flow.settle(connect.idle);
      this.tell('sr-disconnect', { credentialId: credential.id });
    } catch (caught) {
      this.trouble = this.fail(caught);
    } finally {
      this.busy = false;
    }
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    // A key file that was not handed in is forgotten, as what is typed into a form is.
    const input = this.renderRoot.querySelector('textarea');
    if (input) input.value = '';
  }

  checkValidity(): boolean {
    return this.internals.checkValidity();
  }

  reportValidity(): boolean {
    return this.internals.reportValidity();
  }

  formResetCallback(): void {
    this.cancel();
  }

  moved(_from: connect.Connect, to: connect.Connect): void {
    if (to.at === 'connected') this.#connected(to.credential);
    if (to.at === 'key-file') void this.#focusKeyFile();
    if (to.at === 'blocked') this.tell('sr-connect-error', { code: 'blocked' });
    if (to.at !== 'failed') return;
    this.tell('sr-connect-error', { code: to.reason === 'problem' ? to.cause : to.reason });
    if (to.problem) this.fail(to.problem);
  }

  override returned(finished: Finished): void {
    const matches = !this.plugin || finished.credential?.plugin === this.plugin;
    if (finished.credential && matches) this.#flow.settle(connect.arrived(finished.credential));
    else if (finished.credential) void this.refresh();
  }

  protected override async load(client: Client, signal: AbortSignal): Promise<void> {
    const before = this.credential;
    const found = this.credentialId ? await client.credential(this.credentialId, signal) : before;
    this.registered = await client.plugin(this.plugin || (found?.plugin ?? ''), signal);
    // What was connected or disconnected meanwhile is newer, unless another one is asked for.
    if (this.credential === before || (found !== before && found?.id !== this.credential?.id)) this.credential = found;
    this.#flow.ask();
  }

  protected override forget(): void {
    this.credential = null;
    this.cancel();
  }

  protected override get states(): Record<string, boolean> {
    return {
      ...super.states,
      loading: !this.registered && !this.problem,
      connected: this.credential !== null,
      expired: this.credential?.state === 'reauth-required',
    };
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    this.internals.setFormValue(this.value || null);
    const anchor = this.renderRoot.querySelector('button') ?? undefined;
    if (!this.required || this.value) this.internals.setValidity({});
    else if (anchor) this.internals.setValidity({ valueMissing: true }, this.say('connect.required'), anchor);
  }

  protected override render(): TemplateResult {
    const { state } = this.#flow;
    return html`<div part="base" class="stack" dir=${this.direction ?? nothing}>
      ${this.label ? html`<span class="label">${this.label}</span>` : nothing}
      ${arrivalView(this.arrival, this.words, this.problem)}
      <div part="status" class="stack" role="status" aria-live="polite">${this.problem ? nothing : this.#status(state)}</div>
      ${this.problemView ?? this.#action(state)}
      ${this.trouble ? html`<div role="alert" part="error">${banner('bad', 'alert', html`<p>${sayProblem(this.trouble, this.words)}</p>`)}</div>` : nothing}
      ${this.helpText ? html`<span class="muted">${this.helpText}</span>` : nothing}
      ${this.#confirm.view}
    </div>`;
  }

  async #focusKeyFile(): Promise<void> {
    this.requestUpdate();
    await this.updateComplete;
    this.renderRoot.querySelector('textarea')?.focus();
  }

  get #title(): string {
    return this.registered?.manifest.title ?? this.plugin;
  }

  get #provider(): string {
    return this.registered?.connect?.title ?? this.#title;
  }

  #status(state: connect.Connect): TemplateResult | typeof nothing {
    const isOpen = state.at === 'idle' || state.at === 'connected';
    if (isOpen && this.credential) return connectedView(this.credential, this.#asked, this.words);
    return connectionView(state, this.#provider, this.words, {
      again: () => this.connect(),
      reopen: () => void this.#flow.reopen(),
      cancel: () => this.cancel(),
      here: () => this.#flow.continueHere(),
      ask: () => this.#flow.ask(),
    });
  }

  #action(state: connect.Connect): TemplateResult | typeof nothing {
    if (!this.registered) return html`<div class="skeleton" role="presentation"></div>`;
    if (!this.registered.manifest.credentials.oauth2)
      return banner('bad', 'cross', html`<p>${this.say('connect.none')}</p>`);
    if (state.at === 'key-file') {
      const take = (text: string) => this.#begin({ key_file: text });
      return keyFileView({
        words: this.words,
        isOff: this.isOff,
        wrong: state.wrong,
        take,
        cancel: () => this.cancel(),
      });
    }
    if (state.at !== 'idle' && state.at !== 'connected') return nothing;
    if (this.readonly) return this.credential ? nothing : html`<p class="muted">${this.say('connect.not')}</p>`;
    if (this.credential) return this.#connectedActions(this.credential);
    if (this.registered.connect?.registered === false) return this.#unregistered();
    return html`
      <div>
        <button type="button" part="button" class="button primary" ?disabled=${this.isOff} @click=${this.connect}>
          <slot name="icon">${icon('link')}</slot><slot>${this.say('connect.with', { provider: this.#provider })}</slot>
        </button>
      </div>
    `;
  }

  #connectedActions(credential: Credential): TemplateResult {
    const urgent = credential.state === 'reauth-required' ? 'primary' : '';
    return html`<div class="row">
      <button type="button" part="reconnect" class="button small ${urgent}" ?disabled=${this.isOff} @click=${this.connect}>
        ${icon('turn')}${this.say('reconnect')}
      </button>
      <button type="button" part="disconnect" class="button small" ?disabled=${this.isOff || this.busy} @click=${this.disconnect}>
        ${this.say('disconnect')}
      </button>
    </div>`;
  }

  #unregistered() {
    return connectionView(connect.unregistered, this.#provider, this.words, { again: () => void this.refresh() });
  }

  get #asked(): string[] {
    return [...(this.registered?.manifest.credentials.oauth2?.scopes ?? []), ...this.#more];
  }

  get #more(): string[] {
    return this.scopes.split(/\s+/).filter(Boolean);
  }

  #wanted(): Record<string, unknown> {
    const name = this.credential?.name || this.credentialName.trim() || this.#title;
    const wanted: Record<string, unknown> = {
      plugin: this.plugin || this.registered?.name,
      name: name.slice(0, 100).trim(),
    };
    if (this.credential) wanted['credential'] = this.credential.id;
    if (this.app) wanted['app'] = this.app;
    if (this.#more.length) wanted['scopes'] = this.#more;
    const returns = this.registered?.manifest.return_addresses ?? [];
    const here = location.origin + location.pathname;
    const address = this.returnAddress || returns.find((known) => known === here || known === location.href);
    if (address && this.flow !== 'device') wanted['return_address'] = address;
    return wanted;
  }

  #connected(credential: Credential): void {
    this.credential = credential;
    this.trouble = null;
    const { id, account, scopes, revision } = credential;
    this.tell('sr-connect', { credentialId: id, account: account ?? null, scopes, revision } satisfies ConnectDetail);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'sr-oauth-button': SrOauthButton;
  }
}
