// Publishes changed credentials to the elements of a session on this page, and to pages of the same origin in other
// tabs. A message contains only an id. The receiving page reads the credential from the vault, so a forged message
// changes nothing.
import type { Credential } from './types.js';

/** The present state of a credential. Null if it is deleted or belongs to another user. */
export interface Change {
  id: string;
  credential: Credential | null;
}

const ID = /^cred_[0-9a-f]{32}$/;
/** Several messages about one change are answered with one request. */
const DEBOUNCE_MS = 100;

export class Changes {
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #due = new Map<string, number>();
  /** The latest operation of each credential. Results of earlier operations are outdated and are dropped. */
  readonly #latest = new Map<string, symbol>();
  readonly #name: string;
  #channel: BroadcastChannel | null = null;

  /** `read` throws if the state cannot be read at the moment. */
  constructor(
    endpoint: URL,
    private readonly read: (id: string) => Promise<Credential | null>,
  ) {
    this.#name = `strongroom:changes:${endpoint.href}`;
  }

  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    this.#listen();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size) return;
      this.#channel?.close();
      this.#channel = null;
    };
  }

  /** Publishes a change of this page. Elements of this page get the credential, other pages get the id. */
  publish(change: Change): void {
    this.#latest.set(change.id, Symbol());
    for (const listener of [...this.#listeners]) listener(change);
    const channel = this.#channel ?? new BroadcastChannel(this.#name);
    channel.postMessage(change.id);
    if (channel !== this.#channel) channel.close();
  }

  #listen(): void {
    if (this.#channel) return;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (typeof data !== 'string' || !ID.test(data) || this.#due.has(data)) return;
      this.#due.set(
        data,
        window.setTimeout(() => void this.#fetch(data), DEBOUNCE_MS),
      );
    };
  }

  async #fetch(id: string): Promise<void> {
    this.#due.delete(id);
    if (!this.#listeners.size) return;
    const begun = Symbol();
    this.#latest.set(id, begun);
    const credential = await this.read(id).catch(() => undefined);
    if (credential === undefined || this.#latest.get(id) !== begun) return;
    for (const listener of [...this.#listeners]) listener({ id, credential });
  }
}
