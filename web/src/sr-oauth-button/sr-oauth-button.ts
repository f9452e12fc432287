// <sr-oauth-button>: shows the connected accounts of a plugin, and connects, reconnects and disconnects them by OAuth
// 2. The view depends on the connection's state (states.ts) and the accounts. flow.ts runs a connection.
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import type { Change } from '../api/changes.js';
import type { Client } from '../api/client.js';
import { asProblem, type Problem } from '../api/problem.js';
import type { ConnectionInput, Credential, Plugin } from '../api/types.js';
import { Confirm } from '../base/confirm.js';
import { withChange } from '../base/credentials.js';
import { remove, removalQuestion } from '../base/removal.js';
import { banner, problemBanner } from '../base/view.js';
import type { ConnectDetail } from '../connection/detail.js';
import { Flow } from '../connection/flow.js';
import { connectionView } from '../connection/pending.view.js';
import { returnAddress } from '../connection/return-address.js';
import type { Finished } from '../connection/return.js';
import { returnView } from '../connection/return.view.js';
import * as connection from '../connection/states.js';
import { StrongroomElement } from '../element.js';
import { accountName, accountsView } from './accounts.view.js';
import { keyFileView } from './key-file.view.js';
import { oauthStyles } from './sr-oauth-button.styles.js';
import { connectView, renewedView } from './sr-oauth-button.view.js';

/**
 * The purpose of a connection: a new credential unless the account has one, a second credential of the account, or a
 * renewal.
 */
type Purpose = { is: 'new' } | { is: 'second' } | { is: 'renewal'; credential: Credential };

/**
 * Connects accounts by OAuth 2. Its form value is the id of the current account's credential.
 *
 * @tag sr-oauth-button
 * @fires sr-connect-start - The user started a connection.
 * @fires sr-connect - `{credentialId, account, scopes, revision, renewed}`: renewed means that the credential existed before.
 * @fires sr-connect-error - `{code}`: `denied`, `expired`, `failed`, `unregistered`, `other-account`, `blocked`, or a problem's code
 * @fires sr-disconnect - `{credentialId}`
 * @fires sr-delete-request - Before disconnecting. Cancelable. `{ids}`
 * @fires change - The user chose another connected account.
 * @slot - The button's text.
 * @slot icon - Before the text.
 * @csspart base - The whole element.
 * @csspart button - The button that connects.
 * @csspart another - The button that connects another account.
 * @csspart second - The button that creates a second credential of one account.
 * @csspart elsewhere - The note about a return address of another origin.
 * @csspart input - The input for a key file.
 * @csspart status - The progress of the connection.
 * @csspart account - The name of the connected account.
 * @csspart choice - The choice between several accounts.
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

  /** The id of the current credential, as the page has stored it. */
  @property({ attribute: 'credential-id' }) credentialId = '';
  /** Shows only the credential of `credential-id`. Without one, it connects a first account. */
  @property({ type: Boolean }) single = false;
  /** The name of a new credential. The default is the plugin's title. */
  @property({ attribute: 'credential-name' }) credentialName = '';
  /** The OAuth app, if the provider has several. */
  @property() app = '';
  /** Scopes in addition to the plugin's own, separated by spaces. */
  @property() scopes = '';
  /** The name in a form. */
  @property({ reflect: true }) name = '';
  /** The form is invalid without a current account. */
  @property({ type: Boolean }) required = false;

  @state() private registered: Plugin | null = null;
  @state() private accounts: Credential[] | null = null;
  @state() private chosen = '';
  /** The chosen credential is deleted. The element does not choose another one in its place. */
  @state() private isGone = false;
  /** The account that was connected again, until the user has confirmed it. */
  @state() private renewed: Credential | null = null;
  @state() private isBusy = false;
  @state() private trouble: Problem | null = null;
  #purpose: Purpose | null = null;
  readonly #flow = new Flow(this);
  readonly #confirm = new Confirm(this);

  protected override get sources(): readonly unknown[] {
    return [...super.sources, this.credentialId, this.single];
  }

  /** The current account's credential id. Empty without an account. */
  get value(): string {
    return this.#current?.id ?? (this.accounts ? '' : this.credentialId);
  }

  /**
   * The state: `idle`, `preparing`, `waiting`, `device`, `blocked`, `key-file`, `verifying`, `connected` or `failed`.
   */
  get status(): connection.Connect['at'] {
    return this.#flow.state.at;
  }

  /** Reconnects the current account, or connects a new one. For a popup, call it in the handler of a click. */
  connect(): void {
    const credential = this.#current;
    this.#begin(credential ? { is: 'renewal', credential } : { is: 'new' });
  }

  /** Connects another account. For a popup, call it in the handler of a click. */
  connectAnother(): void {
    this.#begin({ is: 'new' });
  }

  /** Stops waiting. The connection at the server expires by itself. */
  cancel(): void {
    this.#flow.cancel();
  }

  /** Deletes the current account's credential after a confirmation, and revokes the grant at the provider. */
  async disconnect(): Promise<void> {
    if (this.#current) await this.#disconnect(this.#current);
  }

  /** The current account: the chosen one, or the only one. */
  get #current(): Credential | null {
    const accounts = this.accounts ?? [];
    const only = accounts.length === 1 && !this.isGone ? accounts[0]! : null;
    return accounts.find(({ id }) => id === this.chosen) ?? only;
  }

  #begin(purpose: Purpose, more: Pick<ConnectionInput, 'key_file'> = {}): void {
    if (this.isOff || this.readonly || !this.client) return;
    this.trouble = this.renewed = null;
    this.#purpose = purpose;
    this.emit('sr-connect-start', { plugin: this.plugin });
    const unattended = this.registered?.connect?.unattended === true;
    void this.#flow.begin(unattended ? 'redirect' : (this.flow ?? 'popup'), { ...this.#wanted(purpose), ...more });
  }

  async #disconnect(credential: Credential): Promise<void> {
    const { client } = this;
    if (!client || !this.emit('sr-delete-request', { ids: [credential.id] }, true)) return;
    const user = this.userCount;
    try {
      const ask = async (present: Credential) => {
        // A disabled button cannot receive the focus, so it is disabled after the answer.
        this.isBusy = false;
        return (this.isBusy = await this.#confirm.ask(removalQuestion(present, this.#title, this.words)));
      };
      if (!(await remove(client, credential, ask)) || user !== this.userCount) return;
      this.trouble = null;
      this.credentialChanged({ id: credential.id, credential: null });
      this.#flow.settle(connection.idle);
      this.emit('sr-disconnect', { credentialId: credential.id });
    } catch (caught) {
      if (user === this.userCount) this.trouble = this.fail(caught);
    } finally {
      this.isBusy = false;
    }
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    // An abandoned key file is dropped, like other form input.
    const input = this.renderRoot.querySelector('textarea');
    if (input) input.value = '';
  }

  /** As in a form control. */
  checkValidity(): boolean {
    return this.internals.checkValidity();
  }

  /** As in a form control. */
  reportValidity(): boolean {
    return this.internals.reportValidity();
  }

  /** @internal */
  formResetCallback(): void {
    this.cancel();
  }

  /** @internal */
  moved(_from: connection.Connect, to: connection.Connect): void {
    if (to.at === 'connected') this.#connected(to.credential);
    if (to.at === 'key-file') void this.#focusKeyFile();
    if (to.at === 'blocked') this.emit('sr-connect-error', { code: 'blocked' });
    if (to.at !== 'failed') return;
    this.emit('sr-connect-error', { code: to.reason === 'problem' ? to.cause : to.reason });
    if (to.problem) this.fail(to.problem);
  }

  /** @internal */
  override returned(finished: Finished): void {
    const matches = !this.plugin || finished.credential?.plugin === this.plugin;
    if (finished.credential && matches) this.#flow.settle(connection.arrived(finished.credential));
    else if (finished.credential) void this.refresh();
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    if (changed.has('credentialId') || changed.has('plugin')) this.#choose(this.credentialId);
  }

  protected override async load(client: Client, signal: AbortSignal): Promise<void> {
    const wanted = this.chosen;
    const found = wanted ? await this.#look(client, wanted, signal) : null;
    const registered = await client.plugin(this.plugin || (found?.plugin ?? ''), signal);
    const stored = found?.plugin === registered.name ? found : null;
    const hasOthers = !this.single && registered.manifest.credentials.oauth2;
    const listed = hasOthers ? await this.#list(client, registered, signal) : [];
    this.registered = registered;
    this.accounts = stored && !listed.some(({ id }) => id === stored.id) ? [stored, ...listed] : listed;
    if (wanted && !stored && this.chosen === wanted) this.#dropChoice();
    this.#flow.ask();
  }

  async #list(client: Client, { name }: Plugin, signal: AbortSignal): Promise<Credential[]> {
    return this.#sorted(await client.allCredentials(name, 'oauth2', signal));
  }

  #sorted(accounts: Credential[]): Credential[] {
    const { locale } = this.words;
    return accounts.sort((a, b) => accountName(a).localeCompare(accountName(b), locale) || (a.id < b.id ? -1 : 1));
  }

  /** Reads the stored credential. Null if it is deleted and only the plugin can be shown. */
  async #look(client: Client, id: string, signal: AbortSignal): Promise<Credential | null> {
    try {
      return await client.credential(id, signal);
    } catch (caught) {
      if (!this.plugin || this.single || asProblem(caught).code !== 'not-found') throw caught;
      return null;
    }
  }

  protected override credentialChanged(change: Change): void {
    if (!this.accounts || !this.registered) return;
    const { name } = this.registered;
    const fits = ({ id, plugin, type }: Credential) =>
      this.single ? id === this.chosen : plugin === name && type === 'oauth2';
    this.accounts = this.#sorted(withChange(this.accounts, change, fits));
    if (change.credential) return;
    if (this.chosen === change.id) this.#dropChoice();
    if (this.renewed?.id === change.id) this.renewed = null;
    const { state } = this.#flow;
    if (state.at === 'connected' && state.credential.id === change.id) this.#flow.settle(connection.idle);
  }

  #dropChoice(): void {
    this.chosen = '';
    this.isGone = true;
  }

  protected override forget(): void {
    this.#confirm.close();
    this.accounts = this.renewed = this.trouble = null;
    this.#choose(this.credentialId);
    this.cancel();
  }

  protected override get states(): Record<string, boolean> {
    return {
      ...super.states,
      loading: !this.accounts && !this.problem,
      connected: this.#current !== null,
      expired: this.#current?.state === 'reauth-required',
    };
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    this.internals.setFormValue(this.value || null);
    const anchor = this.renderRoot.querySelector<HTMLElement>('button, input') ?? undefined;
    if (!this.required || this.value) this.internals.setValidity({});
    else if (anchor) {
      const missing = this.accounts?.length ? 'connect.choose' : 'connect.required';
      this.internals.setValidity({ valueMissing: true }, this.say(missing), anchor);
    }
  }

  protected override render(): TemplateResult {
    const { state } = this.#flow;
    // The page that started the connection shows the accounts. This window only shows the result.
    const isBeside = this.returnPage.finished?.seen === true;
    return html`<div part="base" class="stack" dir=${this.direction ?? nothing}>
      ${this.label ? html`<span class="label">${this.label}</span>` : nothing}
      ${returnView(this.returnPage, this.words, this.problem)}
      ${this.problem || isBeside ? nothing : this.#accounts(state)}
      <div part="status" class="stack" role="status" aria-live="polite">
        ${this.problem || isBeside ? nothing : this.#status(state)}
      </div>
      ${this.problemView ?? (isBeside ? nothing : this.#action(state))}
      ${this.trouble ? problemBanner(this.trouble, this.words, null) : nothing}
      ${this.helpText ? html`<span class="muted">${this.helpText}</span>` : nothing} ${this.#confirm.view}
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

  #status(state: connection.Connect): unknown {
    const { words } = this;
    if (state.at !== 'idle' && state.at !== 'connected') {
      return connectionView(state, this.#provider, words, {
        again: () => this.#begin(this.#purpose ?? { is: 'new' }),
        reopen: () => void this.#flow.reopen(),
        cancel: () => this.cancel(),
        here: () => this.#flow.continueHere(),
        ask: () => this.#flow.ask(),
      });
    }
    if (!this.renewed) return nothing;
    return renewedView({
      words,
      account: accountName(this.renewed),
      isOff: this.isOff || this.readonly,
      createSecond: () => this.#begin({ is: 'second' }),
      dismiss: () => (this.renewed = null),
    });
  }

  /** Outside the live region, so that a change does not announce all accounts. */
  #accounts(state: connection.Connect): TemplateResult | typeof nothing {
    const { words, accounts } = this;
    if (!accounts?.length || (state.at !== 'idle' && state.at !== 'connected')) return nothing;
    return accountsView({
      words,
      accounts,
      current: this.#current,
      asked: this.#asked,
      canChoose: Boolean(this.name) && !this.readonly && (accounts.length > 1 || this.isGone),
      canChange: !this.readonly,
      isOff: this.isOff,
      isBusy: this.isBusy,
      choose: (credential) => this.#chosen(credential),
      reconnect: (credential) => this.#begin({ is: 'renewal', credential }),
      disconnect: (credential) => void this.#disconnect(credential),
    });
  }

  #action(state: connection.Connect): TemplateResult | typeof nothing {
    const { words, accounts, registered } = this;
    if (!registered || !accounts) return html`<div class="skeleton" role="presentation"></div>`;
    if (!registered.manifest.credentials.oauth2) {
      return banner('bad', 'cross', html`<p>${this.say('connect.none')}</p>`);
    }
    if (state.at === 'key-file') {
      const take = (text: string) => this.#begin(this.#purpose ?? { is: 'new' }, { key_file: text });
      return keyFileView({ words, isOff: this.isOff, wrong: state.wrong, take, cancel: () => this.cancel() });
    }
    if (state.at !== 'idle' && state.at !== 'connected') return nothing;
    if (this.readonly) return accounts.length ? nothing : html`<p class="muted">${this.say('connect.not')}</p>`;
    if (this.single && accounts.length) return nothing;
    if (registered.connect?.registered === false) return accounts.length ? nothing : this.#unregistered();
    return connectView({
      words,
      provider: this.#provider,
      isAnother: accounts.length > 0,
      isOff: this.isOff,
      elsewhere: this.#returns.elsewhere,
      connect: () => this.#begin({ is: 'new' }),
    });
  }

  #unregistered() {
    return connectionView(connection.unregistered, this.#provider, this.words, { again: () => void this.refresh() });
  }

  #choose(id: string): void {
    this.chosen = id;
    this.isGone = false;
  }

  #chosen(credential: Credential): void {
    this.#choose(credential.id);
    this.dispatchEvent(new Event('change', { bubbles: true, composed: true }));
  }

  get #asked(): string[] {
    return [...(this.registered?.manifest.credentials.oauth2?.scopes ?? []), ...this.#more];
  }

  get #more(): string[] {
    return (this.scopes ?? '').split(/\s+/).filter(Boolean);
  }

  get #returns() {
    const isNeeded = this.flow !== 'device' && this.registered?.connect?.unattended !== true;
    const found = returnAddress(this.returnAddress, (isNeeded && this.registered?.manifest.return_addresses) || []);
    if (found.mistake) this.warn(found.mistake);
    return found;
  }

  #wanted(purpose: Purpose): ConnectionInput {
    const renewal = purpose.is === 'renewal' ? purpose.credential : null;
    const name = renewal?.name || this.credentialName?.trim() || this.#title;
    const { address } = this.#returns;
    const wanted: ConnectionInput = {
      plugin: this.plugin || (this.registered?.name ?? ''),
      name: name.slice(0, 100).trim(),
      scopes: this.#more,
      if_connected: purpose.is === 'new' ? 'reconnect' : 'create',
    };
    if (renewal) wanted.credential = renewal.id;
    if (this.app) wanted.app = this.app;
    if (address && this.flow !== 'device') wanted.return_address = address;
    return wanted;
  }

  #connected(credential: Credential): void {
    const renewed = credential.revision > 1;
    // A return does not name the purpose of the connection.
    if (this.#purpose?.is === 'new' && renewed) this.renewed = credential;
    this.#purpose = null;
    this.accounts = this.#sorted(withChange(this.accounts ?? [], { id: credential.id, credential }, () => true));
    this.#choose(credential.id);
    this.trouble = null;
    const { id: credentialId, scopes, revision } = credential;
    const account = credential.account ?? null;
    this.emit('sr-connect', { credentialId, account, scopes, revision, renewed } satisfies ConnectDetail);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'sr-oauth-button': SrOauthButton;
  }
}
