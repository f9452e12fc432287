// Reads that several elements make at the same time are one request. Each caller can give up on its own; the request is
// aborted when all of them have.
interface Open {
  answer: Promise<unknown>;
  stop: AbortController;
  callers: number;
}

export class SharedRequests {
  readonly #open = new Map<string, Open>();

  /** Joins the open request of this key, or starts it. */
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

  /** Something was written: a read that begins from now on must not join one that began before. */
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
