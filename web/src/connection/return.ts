// The page that a finished connection returns to. It first removes the connection id and the code from its URL. It
// holds the code in memory until it is used. Other windows of the host receive only the status.
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { clientOf, type Client } from '../api/client.js';
import { asProblem, type Problem } from '../api/problem.js';
import type { Credential } from '../api/types.js';
import type { TokenSource } from '../api/session.js';

export interface Finished {
  connection: string;
  status: 'connected' | 'failed';
  credential: Credential | null;
  /** The provider's error code. */
  cause: string;
  problem: Problem | null;
  /** Whether the vault has recorded the end. Otherwise the page that started it does not know about the failure. */
  isDecided: boolean;
  /** Whether the page that started it has confirmed. Then this window may close. */
  seen: boolean;
}

/** A message of the channel. */
export interface Announcement {
  connection: string;
  status: 'connected' | 'failed' | 'seen';
}

interface ReturnParameters {
  connection: string;
  code: string;
  error: string;
}

const CONNECTION = /^conn_[0-9a-f]{32}$/;
const MEMBERS = ['connection', 'code', 'error', 'error_description'];

export function channelOf(connection: string): BroadcastChannel {
  return new BroadcastChannel(`strongroom:${connection}`);
}

/**
 * Removes the parameters of the provider's answer from the URL, so that no history, referrer or script contains them.
 */
export function takeReturnParameters(): ReturnParameters | null {
  const address = new URL(location.href);
  const [connection, code, error] = MEMBERS.map((name) => address.searchParams.get(name) ?? '');
  if (!CONNECTION.test(connection!) || !(code || error)) return null;
  for (const name of MEMBERS) address.searchParams.delete(name);
  history.replaceState(history.state, '', address);
  return { connection: connection!, code: code!, error: error! };
}

/** Repeats the status until another page confirms it, or until the timeout. */
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

async function complete({ connection, code, error }: ReturnParameters, client: Client): Promise<Finished> {
  const open = { connection, credential: null, cause: error, problem: null, isDecided: true, seen: false };
  if (!code) return { ...open, status: 'failed' };
  try {
    return { ...open, status: 'connected', credential: await client.complete(connection, code) };
  } catch (caught) {
    // A timeout may hide a success, so the server's status decides.
    const progress = await client.progress(connection).catch(() => null);
    const failed = (problem: Problem): Finished => ({
      ...open,
      status: 'failed',
      problem,
      isDecided: progress?.status === 'failed',
    });
    if (progress?.status !== 'connected' || !progress.credential) return failed(asProblem(caught));
    return client.credential(progress.credential).then(
      (credential) => ({ ...open, status: 'connected', credential }),
      (unread: unknown) => failed(asProblem(unread)),
    );
  }
}

/** For a return page without elements: completes the connection of the page's URL. Returns null if the URL has none. */
export async function finishConnection(access: {
  endpoint?: string;
  getSessionToken?: TokenSource;
}): Promise<Finished | null> {
  const parameters = takeReturnParameters();
  if (!parameters) return null;
  const finished = await complete(parameters, clientOf(access.endpoint ?? '', access.getSessionToken));
  return { ...finished, seen: await announce(finished.connection, finished.status) };
}

export interface ReturnPageHost extends ReactiveControllerHost {
  readonly client: Client | null;
  /** Called once, when this page has completed a connection. */
  returned(finished: Finished): void;
}

/** The state of a return page: `completing`, `done`, `closing`, or `closable` if no script may close the window. */
export class ReturnPage implements ReactiveController {
  state: 'none' | 'completing' | 'done' | 'closing' | 'closable' = 'none';
  finished: Finished | null = null;
  #parameters: ReturnParameters | null = null;

  constructor(private readonly host: ReturnPageHost) {
    host.addController(this);
  }

  hostConnected(): void {
    const parameters = takeReturnParameters();
    if (!parameters) return;
    this.#parameters = parameters;
    this.state = 'completing';
  }

  /** Continues as soon as the element has a session, and again after a temporary failure. */
  async proceed(): Promise<void> {
    const { client } = this.host;
    const parameters = this.#parameters;
    if (!parameters || !client) return;
    this.#parameters = null;
    this.#become('completing');
    const finished = await complete(parameters, client);
    if (this.state === 'none') return;
    this.finished = finished;
    if (finished.problem?.retryable) {
      this.#parameters = parameters;
      return this.#become('done');
    }
    this.#become('done');
    this.host.returned(finished);
    const seen = await announce(finished.connection, finished.status);
    this.finished = { ...finished, seen };
    this.host.requestUpdate();
    // The page that started it shows the end, unless only this page knows it.
    if (seen && finished.isDecided) this.close();
  }

  /** After a change of user, drops the completed connection. A connection that waits for a sign-in stays. */
  forget(): void {
    if (!this.#parameters) this.#become('none');
  }

  get canRetry(): boolean {
    return this.#parameters !== null && this.state === 'done';
  }

  close(): void {
    this.#become('closing');
    window.close();
    setTimeout(() => this.#become('closable'), 400);
  }

  #become(state: ReturnPage['state']): void {
    this.state = state;
    this.host.requestUpdate();
  }
}
