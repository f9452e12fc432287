// What every element is: which vault it speaks to and for whom, in which language, direction and theme; how it loads, fails
// and tells. The session's token passes through the client and is never a property, an attribute or part of an event.
import { Task, TaskStatus, initialState } from '@lit/task';
import { LitElement, nothing, type PropertyValues } from 'lit';
import { property, state } from 'lit/decorators.js';
import { Directive, directive, type ElementPart } from 'lit/directive.js';
import type { Change } from './api/changes.js';
import { clientOf, type Client } from './api/client.js';
import { asProblem, misconfigured, type Mistake, type Problem } from './api/problem.js';
import { generationOf, holders, type TokenSource } from './api/session.js';
import { LanguageObserver, nearest } from './base/language.js';
import { shared } from './base/styles.js';
import { problemBanner } from './base/view.js';
import { Return, type Finished } from './connection/return.js';
import { Words, learn, type Key, type Overrides, type Parameters } from './i18n/messages.js';

export type Theme = 'light' | 'dark' | 'auto';

/** `sr-error`: what went wrong, for programs. */
export interface ErrorDetail {
  code: string;
  message: string;
  retryable: boolean;
  requestId: string | null;
}

/** What an element needs of the one around it. */
export interface Context {
  endpoint: string;
  getSessionToken: TokenSource | undefined;
  locale: string;
  messages: Overrides;
}

/** A page may set `getSessionToken` later than the markup: only then is it missing. */
const SETUP_MS = 3000;

/**
 * @fires sr-error - `{code, message, retryable, requestId}`
 * @fires sr-session-expired - There is no session, or it has ended: give a new token, and retry.
 */
export abstract class StrongroomElement extends LitElement {
  static override styles = shared;

  /** The vault's address; the page's own origin unless told. */
  @property() endpoint = '';
  /** Gives a session token, minted by the host's backend. Asked for once, and again after a 401. */
  @property({ attribute: false }) getSessionToken: TokenSource | undefined;
  /** A language; the page's unless told. English, German and Arabic are built in. */
  @property() locale = '';
  /** `light`, `dark` or `auto` (as the system); as the page's `color-scheme` unless told. */
  @property({ reflect: true }) theme: Theme | undefined;
  /** `compact`: smaller text and controls, closer together. */
  @property({ reflect: true }) density: 'compact' | undefined;
  /** The custom properties, set in script: `{ colorPrimary: '#0a7a4b' }` is `--sr-color-primary`. */
  @property({ attribute: false }) appearance: Readonly<Record<string, string>> = {};
  /** Words of the host's own, by key. */
  @property({ attribute: false }) messages: Overrides = {};
  @property({ type: Boolean, reflect: true }) disabled = false;
  @property({ type: Boolean, reflect: true }) readonly = false;
  @property() label = '';
  @property({ attribute: 'help-text' }) helpText = '';
  /** The plugin whose credentials these are. */
  @property() plugin = '';

  @state() protected problem: Problem | null = null;
  @state() protected formDisabled = false;
  protected words = new Words('en');
  protected readonly arrival = new Return(this);
  protected readonly internals = this.attachInternals();
  readonly #task: Task<readonly unknown[], void>;
  readonly #warned = new Set<string>();
  #client: Client | null = null;
  #language = 'en';
  /** Changes that came while loading: the answer may be older than they are. */
  #late: Change[] = [];
  #unsubscribe: (() => void) | null = null;
  /** Which user behind the function this shows; an element outside of the page is not told of another one. */
  #generation = 0;
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

  /** The client that speaks for the user; null as long as there is no session. @internal */
  get client(): Client | null {
    return this.#client?.isSignedIn ? this.#client : null;
  }

  protected get isOff(): boolean {
    return this.disabled || this.formDisabled;
  }

  protected get isLoading(): boolean {
    return this.#task.status === TaskStatus.PENDING;
  }

  /** Another user is there now: drops everything of the user before. */
  protected abstract forget(): void;

  /** Loads what the element shows. Throws a problem. */
  protected abstract load(client: Client, signal: AbortSignal): Promise<void>;

  /** A credential of the user changed: by another element, on this page or in another tab. */
  protected abstract credentialChanged(change: Change): void;

  /** What a style sheet may ask for by `:state()`. */
  protected get states(): Record<string, boolean> {
    return { failed: this.problem !== null };
  }

  /** Values that, when they change, need loading again. */
  protected get sources(): readonly unknown[] {
    return [this.endpoint, this.getSessionToken, this.plugin];
  }

  /** @internal */
  formDisabledCallback(disabled: boolean): void {
    this.formDisabled = disabled;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    holders.add(this.#left);
    this.#subscribe();
    this.#setup = window.setTimeout(() => this.#judgeSetup(), SETUP_MS);
    if (!this.hasUpdated) return;
    if (this.#generation !== generationOf(this.getSessionToken)) this.#leave();
    void this.refresh();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#setup);
    this.#task.abort();
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    holders.delete(this.#left);
    this.#generation = generationOf(this.getSessionToken);
  }

  readonly #left = (source: TokenSource): void => {
    if (source !== this.getSessionToken) return;
    this.#leave();
    void this.refresh();
  };

  #leave(): void {
    this.arrival.forget();
    this.#late = [];
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
    if (isLeft && this.hasUpdated) this.#leave();
    if (changed.has('endpoint') || changed.has('getSessionToken') || !this.hasUpdated) this.#connectClient();
    if (changed.has('appearance')) {
      this.#dress({ ...(changed.get('appearance') as Record<string, string>), ...this.appearance });
    }
  }

  #connectClient(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    this.#client = null;
    try {
      this.#client = clientOf(this.endpoint, this.getSessionToken);
      this.#subscribe();
    } catch (caught) {
      this.problem = this.fail(caught);
    }
  }

  #subscribe(): void {
    this.#unsubscribe ??= this.client?.changes.subscribe(this.#hear) ?? null;
  }

  readonly #hear = (change: Change): void => {
    if (this.isLoading) this.#late.push(change);
    else this.credentialChanged(change);
  };

  protected override updated(_changed: PropertyValues): void {
    for (const [name, is] of Object.entries(this.states)) this.internals.states[is ? 'add' : 'delete'](name);
  }

  async #load(signal: AbortSignal): Promise<void | typeof initialState> {
    if (!this.client) return initialState;
    if (this.problem) this.problem = null;
    void this.arrival.proceed();
    this.#late = [];
    await this.load(this.client, signal);
    signal.throwIfAborted();
    for (const change of this.#late.splice(0)) this.credentialChanged(change);
  }

  /** Loads again what is shown. */
  async refresh(): Promise<void> {
    await this.#task.run();
  }

  /** A connection came back to this page. @internal */
  returned(_finished: Finished): void {
    void this.refresh();
  }

  /** The element's direction, where the page leaves it to us: only if the language alone decides it. */
  protected get direction(): 'rtl' | undefined {
    return this.locale && this.words.isRightToLeft && !nearest(this, 'dir') ? 'rtl' : undefined;
  }

  /** Sets those that are there, and takes back those that were. */
  #dress(any: Record<string, string>): void {
    for (const name in any) {
      const dashed = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      this.style.setProperty(`--sr-${dashed}`, this.appearance[name] ?? '');
    }
  }

  get #wantedLanguage(): string {
    return this.locale || nearest(this, 'lang') || navigator.language || 'en';
  }

  protected say(key: Key, parameters?: Parameters): string {
    return this.words.say(key, parameters);
  }

  /** An event that bubbles out of every shadow tree; false if a listener cancelled a cancelable one. */
  protected tell(name: string, detail: unknown = null, cancelable = false): boolean {
    return this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable }));
  }

  /** Does something for the user. Success clears what an earlier attempt left. */
  protected async attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.problem = null;
    } catch (caught) {
      this.problem = this.fail(caught);
    }
  }

  /** Tells of a problem and gives it back. */
  protected fail(caught: unknown): Problem {
    const problem = asProblem(caught);
    if (problem !== caught) console.error(caught);
    if (problem.mistake) this.warn(problem.mistake);
    const { code, detail, mistake, retryable, requestId } = problem;
    if (code === 'session-expired' || code === 'no-session') this.tell('sr-session-expired');
    const message = detail || (mistake?.remedy ?? '');
    this.tell('sr-error', { code, message, retryable, requestId } satisfies ErrorDetail);
    return problem;
  }

  /** Says to the page's developer, once, what has to be corrected. */
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

  /** What an element inside has to know; theme and direction it inherits by CSS. */
  protected get context(): Context {
    const { endpoint, getSessionToken, messages } = this;
    return { endpoint, getSessionToken, locale: this.words.locale, messages };
  }
}

function isAbort(caught: unknown): boolean {
  return caught instanceof DOMException && caught.name === 'AbortError';
}

class Inherit extends Directive {
  override update({ element }: ElementPart, [from]: [Context]) {
    Object.assign(element, from);
    return nothing;
  }

  override render(_from: Context) {
    return nothing;
  }
}

/** Gives an element inside the context of the one around it. */
export const inherits = directive(Inherit);
