// Merges simultaneous reads of several elements into one request. Each caller can abort on its own. The request is
// aborted when all callers have aborted.
interface Open {
  answer: Promise<unknown>;
  stop: AbortController;
  callers: number;
}

export class SharedRequests {
  readonly #open = new Map<string, Open>();

  /** Joins the open request of this key, or starts one. */
  join<Body>(
    key: string,
    signal: AbortSignal | undefined,
    start: (signal: AbortSignal) => Promise<Body>,
  ): Promise<Body> {
    const open = this.#open.get(key) ?? this.#start(key, start);
    open.callers += 1;
    return new Promise<Body>((resolve, reject) => {
      const leave = (): void => {
        open.callers -= 1;
        if (open.callers === 0) {
          this.#drop(key, open);
          open.stop.abort();
        }
        reject(signal?.reason as Error);
      };
      if (signal?.aborted) return leave();
      signal?.addEventListener('abort', leave, { once: true });
      open.answer
        .finally(() => signal?.removeEventListener('abort', leave))
        .then((body) => resolve(body as Body), reject);
    });
  }

  /** Call this after a write. A later read must not join a request that began before the write. */
  clear(): void {
    this.#open.clear();
  }

  #start(key: string, start: (signal: AbortSignal) => Promise<unknown>): Open {
    const stop = new AbortController();
    const open: Open = { answer: start(stop.signal), stop, callers: 0 };
    this.#open.set(key, open);
    open.answer.finally(() => this.#drop(key, open)).catch(() => undefined);
    return open;
  }

  #drop(key: string, open: Open): void {
    if (this.#open.get(key) === open) this.#open.delete(key);
  }
}
