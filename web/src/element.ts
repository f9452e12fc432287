// The base class of all elements: endpoint, session, language, direction, theme, loading, errors and events. Only the
// client holds the session's token. It is never a property, an attribute or part of an event.
import { Task, TaskStatus, initialState } from '@lit/task';
import { LitElement, type PropertyValues } from 'lit';
import { property, state } from 'lit/decorators.js';
import type { Change } from './api/changes.js';
import { clientOf, type Client } from './api/client.js';
import { asProblem, misconfigured, type Mistake, type Problem } from './api/problem.js';
import { generationOf, forgetListeners, type TokenSource } from './api/session.js';
import type { ConnectFlow } from './api/types.js';
import type { Context } from './base/context.js';
import { LanguageObserver, nearest } from './base/language.js';
import { shared } from './base/styles.js';
import { problemBanner } from './base/view.js';
import { ReturnPage, type Finished } from './connection/return.js';
import { Words, learn, type Key, type Overrides, type Parameters } from './i18n/messages.js';

export type Theme = 'light' | 'dark' | 'auto';

/** The detail of `sr-error`. */
export interface ErrorDetail {
  code: string;
  message: string;
  retryable: boolean;
  requestId: string | null;
}

/** A page may set `getSessionToken` after the markup. After this time, it counts as missing. */
const SETUP_MS = 3000;

/**
 * @fires sr-error - `{code, message, retryable, requestId}`
 * @fires sr-session-expired - The session is missing or has ended. Provide a new token and retry.
 */
export abstract class StrongroomElement extends LitElement {
  static override styles = shared;

  /** The vault's URL. The default is the page's own origin. */
  @property() endpoint = '';
  /** Returns a session token, minted by the host's backend. Called once, and again after a 401. */
  @property({ attribute: false }) getSessionToken: TokenSource | undefined;
  /** A language. The default is the page's language. English, German and Arabic are built in. */
  @property() locale = '';
  /** `light`, `dark` or `auto` (the system's setting). The default is the page's `color-scheme`. */
  @property({ reflect: true }) theme: Theme | undefined;
  /** `compact`: smaller text and controls, less space. */
  @property({ reflect: true }) density: 'compact' | undefined;
  /** The custom properties, set by script: `{ colorPrimary: '#0a7a4b' }` is `--sr-color-primary`. */
  @property({ attribute: false }) appearance: Readonly<Record<string, string>> | undefined = {};
  /** The host's own texts, by key. */
  @property({ attribute: false }) messages: Overrides = {};
  /** Disables the element. A `<fieldset disabled>` has the same effect. */
  @property({ type: Boolean, reflect: true }) disabled = false;
  /** Shows the values but accepts no changes. */
  @property({ type: Boolean, reflect: true }) readonly = false;
  /** A label, or a heading. */
  @property() label = '';
  /** A sentence under the element. */
  @property({ attribute: 'help-text' }) helpText = '';
  /** The name of the plugin whose credentials are shown. */
  @property() plugin = '';
  /** How an account is connected: `popup`, `redirect` (in this tab) or `device` (a code for another device). */
  @property() flow: ConnectFlow = 'popup';
  /** One of the manifest's return addresses. The default is this page. */
  @property({ attribute: 'return-address' }) returnAddress = '';

  @state() protected problem: Problem | null = null;
  @state() protected formDisabled = false;
  protected words = new Words('en');
  protected readonly returnPage = new ReturnPage(this);
  protected readonly internals = this.attachInternals();
  readonly #task: Task<readonly unknown[], void>;
  readonly #warned = new Set<string>();
  #client: Client | null = null;
  #language = 'en';
  /** Changes that arrive during a load. The loaded answer may be older than they are. */
  #changesWhileLoading: Change[] = [];
  #unsubscribe: (() => void) | null = null;
  /** The token functions of the shown data, each with the generation of its user. */
  readonly #shownFor = new Map<TokenSource, number>();
  /** Counts the users. A late result of one user must not reach the next user. */
  protected userCount = 0;
  #setup = 0;

  constructor() {
    super();
    new LanguageObserver(this);
    this.#task = new Task(this, {
      autoRun: 'afterUpdate',
      args: () => this.sources,
      task: (_, { signal }) => this.#load(signal),
      onError: (caught) => {
        if (!isAbort(caught)) this.problem = this.fail(caught);
      },
    });
  }

  /** The user's client. Null without a session. @internal */
  get client(): Client | null {
    return this.#client?.isSignedIn ? this.#client : null;
  }

  protected get isOff(): boolean {
    return this.disabled || this.formDisabled;
  }

  protected get isLoading(): boolean {
    return this.#task.status === TaskStatus.PENDING;
  }

  /** Drops all data of the former user. */
  protected abstract forget(): void;

  /** Loads what the element shows. Throws a problem. */
  protected abstract load(client: Client, signal: AbortSignal): Promise<void>;

  /** Handles a change of a credential by another element, on this page or in another tab. */
  protected abstract credentialChanged(change: Change): void;

  /** The custom states for `:state()`. */
  protected get states(): Record<string, boolean> {
    return { failed: this.problem !== null };
  }

  /** The values whose change requires a new load. */
  protected get sources(): readonly unknown[] {
    return [this.endpoint, this.getSessionToken, this.plugin];
  }

  /** @internal */
  formDisabledCallback(disabled: boolean): void {
    this.formDisabled = disabled;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    forgetListeners.add(this.#sessionForgotten);
    this.#subscribe();
    this.#setup = window.setTimeout(() => this.#judgeSetup(), SETUP_MS);
    if (!this.hasUpdated) return;
    // A detached element is not notified of a new user, so it checks when it is attached.
    if ([...this.#shownFor].some(([source, generation]) => generation !== generationOf(source))) this.#forgetUser();
    void this.refresh();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#setup);
    this.#task.abort();
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    forgetListeners.delete(this.#sessionForgotten);
  }

  readonly #sessionForgotten = (source: TokenSource): void => {
    if (!this.#shownFor.has(source)) return;
    this.#forgetUser();
    void this.refresh();
  };

  #forgetUser(): void {
    this.returnPage.forget();
    this.#changesWhileLoading = [];
    this.userCount += 1;
    this.#shownFor.clear();
    this.#noteUser();
    this.forget();
  }

  protected override async scheduleUpdate(): Promise<void> {
    await learn(this.#wantedLanguage);
    await super.scheduleUpdate();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!this.hasUpdated || changed.has('messages') || this.#language !== this.#wantedLanguage) {
      this.#language = this.#wantedLanguage;
      this.words = new Words(this.#language, this.messages);
    }
    const isLeft = changed.has('endpoint') || (changed.has('getSessionToken') && !this.getSessionToken);
    if (isLeft && this.hasUpdated) this.#forgetUser();
    if (changed.has('endpoint') || changed.has('getSessionToken') || !this.hasUpdated) this.#connectClient();
    if (changed.has('appearance')) {
      this.#applyAppearance({ ...(changed.get('appearance') as Record<string, string>), ...this.appearance });
    }
  }

  #noteUser(): void {
    const source = this.getSessionToken;
    if (source) this.#shownFor.set(source, generationOf(source));
  }

  #connectClient(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    this.#client = null;
    this.#noteUser();
    try {
      this.#client = clientOf(this.endpoint, this.getSessionToken);
      this.#subscribe();
    } catch (caught) {
      this.problem = this.fail(caught);
    }
  }

  #subscribe(): void {
    if (!this.isConnected) return;
    this.#unsubscribe ??= this.client?.changes.subscribe(this.#changeReceived) ?? null;
  }

  readonly #changeReceived = (change: Change): void => {
    if (this.isLoading) this.#changesWhileLoading.push(change);
    else this.credentialChanged(change);
  };

  protected override updated(_changed: PropertyValues): void {
    for (const [name, is] of Object.entries(this.states)) this.internals.states[is ? 'add' : 'delete'](name);
  }

  async #load(signal: AbortSignal): Promise<void | typeof initialState> {
    if (!this.client || !this.isConnected) return initialState;
    if (this.problem) this.problem = null;
    void this.returnPage.proceed();
    this.#changesWhileLoading = [];
    await this.load(this.client, signal);
    signal.throwIfAborted();
    for (const change of this.#changesWhileLoading.splice(0)) this.credentialChanged(change);
  }

  /** Loads the shown data again. */
  async refresh(): Promise<void> {
    await this.#task.run();
  }

  /** Handles a connection that returned to this page. @internal */
  returned(_finished: Finished): void {
    void this.refresh();
  }

  /** The element's direction. Undefined if the page sets it. */
  protected get direction(): 'rtl' | undefined {
    return this.locale && this.words.isRightToLeft && !nearest(this, 'dir') ? 'rtl' : undefined;
  }

  /** Sets the given custom properties and removes former ones. */
  #applyAppearance(any: Record<string, string>): void {
    for (const name in any) {
      const dashed = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      this.style.setProperty(`--sr-${dashed}`, this.appearance?.[name] ?? '');
    }
  }

  get #wantedLanguage(): string {
    return this.locale || nearest(this, 'lang') || navigator.language || 'en';
  }

  protected say(key: Key, parameters?: Parameters): string {
    return this.words.say(key, parameters);
  }

  /** Dispatches an event that bubbles out of every shadow tree. Returns false if a listener cancelled it. */
  protected emit(name: string, detail: unknown = null, cancelable = false): boolean {
    return this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable }));
  }

  /** Dispatches a problem and returns it. */
  protected fail(caught: unknown): Problem {
    const problem = asProblem(caught);
    if (problem !== caught) console.error(caught);
    if (problem.mistake) this.warn(problem.mistake);
    const { code, detail, mistake, retryable, requestId } = problem;
    if (code === 'session-expired' || code === 'no-session') this.emit('sr-session-expired');
    const message = detail || (mistake?.remedy ?? '');
    this.emit('sr-error', { code, message, retryable, requestId } satisfies ErrorDetail);
    return problem;
  }

  /** Writes a mistake to the browser's console, once. */
  protected warn({ attribute, value, remedy }: Mistake): void {
    const text = `<${this.localName}> ${attribute}: ${value === '' ? 'not set' : value}. ${remedy}`;
    if (this.#warned.has(text)) return;
    this.#warned.add(text);
    console.warn(text);
  }

  #judgeSetup(): void {
    if (this.client || this.problem) return;
    const misspelled = this.getAttributeNames().find((name) => /^(get-?)?session-?token$/.test(name));
    const remedy = 'Set the property in script, to the function that gets a session token from your backend.';
    const value = misspelled ? `given as the attribute "${misspelled}"` : '';
    this.problem = this.fail(misconfigured('getSessionToken', value, remedy));
  }

  protected get problemView() {
    return this.problem ? problemBanner(this.problem, this.words, () => void this.refresh()) : null;
  }

  /** The context of elements inside this one. CSS inherits theme and direction. */
  protected get context(): Context {
    const { endpoint, getSessionToken, messages, flow, returnAddress } = this;
    return { endpoint, getSessionToken, locale: this.words.locale, messages, flow, returnAddress };
  }
}

function isAbort(caught: unknown): boolean {
  return caught instanceof DOMException && caught.name === 'AbortError';
}
