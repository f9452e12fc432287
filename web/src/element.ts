// What every element is: who it speaks to and for whom, in which language, direction and theme; how it loads, fails and
// tells. The session's token passes through the client and is never a property, an attribute or part of an event.
import { LitElement, nothing, type PropertyValues } from 'lit';
import { property, state } from 'lit/decorators.js';
import { Directive, directive, type ElementPart } from 'lit/directive.js';
import { Client } from './api/client.js';
import { asProblem, type Problem } from './api/problem.js';
import { Return, type Finished } from './connection/return.js';
import { Words, learn, type Key, type Overrides, type Parameters } from './i18n/messages.js';
import { holders, type TokenSource } from './api/session.js';
import { shared } from './base/styles.js';
import { problemBanner } from './base/view.js';

export type Theme = 'light' | 'dark' | 'auto';

/** `sr-error`: what went wrong, for programs. */
export interface ErrorDetail {
  code: string;
  message: string;
  retryable: boolean;
  requestId: string | null;
}

/** The nearest value of an attribute, through shadow roots, as languages and directions are inherited. */
function nearest(from: Element, attribute: string): string | null {
  for (let at: Element | null = from; at;) {
    const found: Element | null = at.closest(`[${attribute}]`);
    if (found) return found.getAttribute(attribute);
    const root = at.getRootNode();
    at = root instanceof ShadowRoot ? root.host : null;
  }
  return null;
}

/**
 * @fires sr-error - `{code, message, retryable, requestId}`
 * @fires sr-session-expired - No session, or none any more: give a new token, and retry.
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
  words = new Words('en');
  protected readonly arrival = new Return(this);
  protected readonly internals = this.attachInternals();
  #client: Client | null = null;
  #loading: AbortController | null = null;
  #due = false;

  /** Who to speak to; null as long as nobody is signed in. */
  get client(): Client | null {
    return this.#client?.isSignedIn ? this.#client : null;
  }

  get isOff(): boolean {
    return this.disabled || this.formDisabled;
  }

  /** Somebody else is there now: nothing stays of who was. */
  protected abstract forget(): void;

  /** Loads what the element shows. Throws a problem. */
  protected abstract load(client: Client, signal: AbortSignal): Promise<void>;

  /** What a style sheet may ask for by `:state()`. */
  protected get states(): Record<string, boolean> {
    return { failed: this.problem !== null };
  }

  /** Properties that, when they change, need loading again. */
  protected get sources(): readonly string[] {
    return ['endpoint', 'getSessionToken', 'plugin'];
  }

  formDisabledCallback(disabled: boolean): void {
    this.formDisabled = disabled;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    holders.add(this.#left);
    if (this.hasUpdated) void this.refresh();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#loading?.abort();
    holders.delete(this.#left);
  }

  readonly #left = (source: TokenSource): void => {
    if (source !== this.getSessionToken) return;
    this.#leave();
    void this.refresh();
  };

  #leave(): void {
    this.arrival.forget();
    this.forget();
  }

  protected override async scheduleUpdate(): Promise<unknown> {
    await learn(this.#language);
    return super.scheduleUpdate();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has('locale') || changed.has('messages') || !this.hasUpdated) {
      this.words = new Words(this.#language, this.messages);
    }
    const isLeft = changed.has('endpoint') || (changed.has('getSessionToken') && !this.getSessionToken);
    if (isLeft && this.hasUpdated) this.#leave();
    if (changed.has('endpoint') || changed.has('getSessionToken') || !this.#client) {
      this.#client = new Client(this.endpoint, this.getSessionToken);
    }
    if (changed.has('appearance')) this.#dress({ ...changed.get('appearance'), ...this.appearance });
    this.#due ||= this.sources.some((name) => changed.has(name)) || !this.hasUpdated;
  }

  protected override updated(_changed: PropertyValues): void {
    for (const [name, is] of Object.entries(this.states)) this.internals.states[is ? 'add' : 'delete'](name);
    if (!this.#due) return;
    this.#due = false;
    void this.refresh();
  }

  /** Loads again what is shown. */
  async refresh(): Promise<void> {
    this.#loading?.abort();
    if (!this.client) return;
    const loading = new AbortController();
    this.#loading = loading;
    this.problem = null;
    void this.arrival.proceed();
    try {
      await this.load(this.client, loading.signal);
    } catch (caught) {
      if (loading.signal.aborted) return;
      this.problem = this.fail(caught);
    }
  }

  /** A connection came back to this page. */
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

  get #language(): string {
    return this.locale || nearest(this, 'lang') || navigator.language || 'en';
  }

  protected say(key: Key, parameters?: Parameters): string {
    return this.words.say(key, parameters);
  }

  /** An event that bubbles out of every shadow tree; false if somebody stopped a cancelable one. */
  protected tell(name: string, detail: unknown = null, cancelable = false): boolean {
    return this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable }));
  }

  /** Tells of a problem and gives it back. */
  protected fail(caught: unknown): Problem {
    const problem = asProblem(caught);
    if (!(caught instanceof Error) || problem !== caught) console.error(caught);
    if (problem.code === 'session-expired') this.tell('sr-session-expired');
    const { code, detail: message, retryable, requestId } = problem;
    this.tell('sr-error', { code, message, retryable, requestId } satisfies ErrorDetail);
    return problem;
  }

  protected get problemView() {
    return this.problem ? problemBanner(this.problem, this.words, () => void this.refresh()) : null;
  }

  /** What an element inside has to know; theme and direction it inherits by CSS. */
  get context(): Pick<StrongroomElement, 'endpoint' | 'getSessionToken' | 'locale' | 'messages'> {
    return {
      endpoint: this.endpoint,
      getSessionToken: this.getSessionToken,
      locale: this.words.locale,
      messages: this.messages,
    };
  }
}

class Inherit extends Directive {
  override update({ element }: ElementPart, [from]: [StrongroomElement]) {
    Object.assign(element, from.context);
    return nothing;
  }

  override render(_from: StrongroomElement) {
    return nothing;
  }
}

/** Gives an element inside the context of the one around it. */
export const inherits = directive(Inherit);
