// Which credentials changed, for all elements of a session on this page, and for the pages of the same origin in other tabs.
// A message names an id and nothing else. The page that hears it asks the vault, so a forged message changes nothing.
import type { Credential } from './types.js';

/** A credential as it is now; null if it is gone, or not this user's. */
export interface Change {
  id: string;
  credential: Credential | null;
}

const ID = /^cred_[0-9a-f]{32}$/;
/** Two pages may tell of one change: one request answers both. */
const DEBOUNCE_MS = 100;

export class Changes {
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #due = new Map<string, number>();
  /** Per credential, the last thing that was begun: an answer to something earlier is older than what is shown. */
  readonly #latest = new Map<string, symbol>();
  readonly #name: string;
  #channel: BroadcastChannel | null = null;

  /** `read` throws if it cannot be known at the moment. */
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

  /** A change that this page made: its own elements get it as it is, the other pages ask for it. */
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
