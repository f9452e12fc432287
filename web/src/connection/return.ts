// The page that a finished connection returns to. Connection and code leave the address before anything else happens; the
// code is kept here until it is spent. Other windows of the host learn how it ended, never with what.
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { clientOf, type Client } from '../api/client.js';
import { asProblem, type Problem } from '../api/problem.js';
import type { Credential } from '../api/types.js';
import type { TokenSource } from '../api/session.js';

export interface Finished {
  connection: string;
  status: 'connected' | 'failed';
  credential: Credential | null;
  /** The provider's code for why not. */
  cause: string;
  problem: Problem | null;
  /** Whether the page that began it heard of it; then this one is a window that may close. */
  seen: boolean;
}

/** What goes over the channel. */
export interface Announcement {
  connection: string;
  status: 'connected' | 'failed' | 'seen';
}

interface Arrival {
  connection: string;
  code: string;
  error: string;
}

const CONNECTION = /^conn_[0-9a-f]{32}$/;
const MEMBERS = ['connection', 'code', 'error', 'error_description'];

export function channelOf(connection: string): BroadcastChannel {
  return new BroadcastChannel(`strongroom:${connection}`);
}

/** Takes what the provider's answer left in the address out of it, so that no history, referrer or script has it. */
export function takeArrival(): Arrival | null {
  const address = new URL(location.href);
  const [connection, code, error] = MEMBERS.map((name) => address.searchParams.get(name) ?? '');
  if (!CONNECTION.test(connection!) || !(code || error)) return null;
  for (const name of MEMBERS) address.searchParams.delete(name);
  history.replaceState(history.state, '', address);
  return { connection: connection!, code: code!, error: error! };
}

/** Says how it ended until somebody has seen it, or for as long as a busy page may take. */
export async function announce(connection: string, status: 'connected' | 'failed', patience = 2000): Promise<boolean> {
  const channel = channelOf(connection);
  let seen = false;
  channel.onmessage = ({ data }: MessageEvent<Announcement>) => {
    if (data?.status === 'seen') seen = true;
  };
  for (const end = Date.now() + patience; !seen && Date.now() < end;) {
    channel.postMessage({ connection, status } satisfies Announcement);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  channel.close();
  return seen;
}

async function complete({ connection, code, error }: Arrival, client: Client): Promise<Finished> {
  const open = { connection, credential: null, cause: error, problem: null, seen: false };
  if (!code) return { ...open, status: 'failed' };
  try {
    return { ...open, status: 'connected', credential: await client.complete(connection, code) };
  } catch (caught) {
    // An answer that came too late for its request may be a success: the server knows.
    const progress = await client.progress(connection).catch(() => null);
    if (progress?.status === 'connected' && progress.credential) {
      return { ...open, status: 'connected', credential: await client.credential(progress.credential) };
    }
    return { ...open, status: 'failed', problem: asProblem(caught) };
  }
}

/** For a return page without elements: completes what the address holds. Null if it holds nothing. */
export async function finishConnection(access: {
  endpoint?: string;
  getSessionToken?: TokenSource;
}): Promise<Finished | null> {
  const arrival = takeArrival();
  if (!arrival) return null;
  const finished = await complete(arrival, clientOf(access.endpoint ?? '', access.getSessionToken));
  return { ...finished, seen: await announce(finished.connection, finished.status) };
}

export interface ReturnHost extends ReactiveControllerHost {
  readonly client: Client | null;
  /** Called once, when a connection was completed by this page. */
  returned(finished: Finished): void;
}

/** A return as an element sees it: `completing`, `done`, `closing` or, where no script may close it, `closable`. */
export class Return implements ReactiveController {
  state: 'none' | 'completing' | 'done' | 'closing' | 'closable' = 'none';
  finished: Finished | null = null;
  #arrival: Arrival | null = null;

  constructor(private readonly host: ReturnHost) {
    host.addController(this);
  }

  hostConnected(): void {
    const arrival = takeArrival();
    if (!arrival) return;
    this.#arrival = arrival;
    this.state = 'completing';
  }

  /** Goes on as soon as the element can speak for the user; again after a failure that may pass. */
  async proceed(): Promise<void> {
    const { client } = this.host;
    const arrival = this.#arrival;
    if (!arrival || !client) return;
    this.#arrival = null;
    this.#become('completing');
    const finished = await complete(arrival, client);
    if (this.state === 'none') return;
    this.finished = finished;
    if (finished.problem?.retryable) {
      this.#arrival = arrival;
      return this.#become('done');
    }
    this.#become('done');
    this.host.returned(finished);
    const seen = await announce(finished.connection, finished.status);
    this.finished = { ...finished, seen };
    this.host.requestUpdate();
    // The page that began shows how it ended, whatever that is.
    if (seen) this.close();
  }

  /** Somebody else is there now: what was completed is not theirs. What still waits for somebody to sign in stays. */
  forget(): void {
    if (!this.#arrival) this.#become('none');
  }

  get canRetry(): boolean {
    return this.#arrival !== null && this.state === 'done';
  }

  close(): void {
    this.#become('closing');
    window.close();
    setTimeout(() => this.#become('closable'), 400);
  }

  #become(state: Return['state']): void {
    this.state = state;
    this.host.requestUpdate();
  }
}
