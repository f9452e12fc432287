// Runs a connection: opens the window, starts it at the server, and polls until it is decided. It owns the window, the
// channel and the timers, and releases them at the end. A closed window neither creates nor deletes anything.
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { Client } from '../api/client.js';
import { asProblem, Problem } from '../api/problem.js';
import type { Begun, ConnectFlow, ConnectionInput } from '../api/types.js';
import * as connect from './states.js';
import { channelOf, type Announcement } from './return.js';

export interface FlowHost extends ReactiveControllerHost {
  readonly client: Client | null;
  /** The state of the connection changed. */
  moved(from: connect.Connect, to: connect.Connect): void;
}

const FEATURES = 'popup,width=520,height=720';

export class Flow implements ReactiveController {
  state: connect.Connect = connect.idle;
  #popup: Window | null = null;
  #channel: BroadcastChannel | null = null;
  #timer = 0;
  #watch = 0;
  #asked = 0;
  #run = 0;
  #wanted: ConnectionInput | null = null;

  constructor(private readonly host: FlowHost) {
    host.addController(this);
  }

  hostDisconnected(): void {
    this.#release();
    this.#channel?.close();
  }

  hostConnected(): void {
    if (connect.isPending(this.state)) this.#follow(this.state.id);
  }

  /** Call this inside the click handler. Browsers block windows that are opened later. */
  async begin(mode: ConnectFlow, wanted: ConnectionInput): Promise<void> {
    const { client } = this.host;
    if (!client) return;
    this.#release();
    const run = (this.#run += 1);
    // The key file is sent once and not stored.
    const { key_file: _, ...kept } = wanted;
    this.#wanted = kept;
    this.#popup = mode === 'popup' ? window.open('about:blank', '', FEATURES) : null;
    // The provider's page could navigate this page through its opener (reverse tabnabbing). As a consequence, only the
    // window can close itself after it has left this origin.
    if (this.#popup) this.#popup.opener = null;
    this.#become(connect.preparing);
    try {
      const answer = await client.begin(mode === 'device' ? { ...wanted, flow: 'device' } : wanted);
      if (run === this.#run) this.#go(mode, answer);
    } catch (caught) {
      if (run === this.#run) this.#end(connect.refused(asProblem(caught)));
    }
  }

  /** Starts the same connection again in a new window. A start address works once. */
  async reopen(): Promise<void> {
    if (this.#wanted) await this.begin('popup', this.#wanted);
  }

  continueHere(): void {
    if (this.state.at === 'blocked') location.assign(this.state.address);
  }

  cancel(): void {
    this.#run += 1;
    this.#channel?.close();
    this.#end(connect.idle);
  }

  /** Applies a state that another page of the host, or this page after its return, has determined. */
  settle(state: connect.Connect): void {
    this.#run += 1;
    this.#end(state);
  }

  /** Polls immediately. */
  ask(): void {
    if (!connect.isPending(this.state)) return;
    clearTimeout(this.#timer);
    void this.#question(this.state.id);
  }

  #go(mode: ConnectFlow, answer: Begun): void {
    if (mode === 'redirect' && answer.start_address) return location.assign(answer.start_address);
    const state = connect.begun(answer, this.#popup !== null, Date.now());
    if (state.at === 'connected') return this.#end(state);
    if (state.at === 'waiting') this.#navigate(answer.start_address ?? '');
    this.#become(state);
    if (connect.isPending(state)) this.#follow(state.id);
  }

  #navigate(address: string): void {
    const popup = this.#popup!;
    popup.location.replace(address);
    this.#watch = window.setInterval(() => {
      if (!popup.closed) return;
      clearInterval(this.#watch);
      this.#become(connect.windowGone(this.state));
    }, 500);
  }

  #follow(id: string): void {
    this.#asked = 0;
    this.#channel?.close();
    // The channel stays open after the end. The vault may answer this page before the window announces the end, and the
    // window closes only after a confirmation.
    const channel = (this.#channel = channelOf(id));
    channel.onmessage = ({ data }: MessageEvent<Announcement>) => {
      if (data?.connection !== id || data.status === 'seen') return;
      channel.postMessage({ connection: id, status: 'seen' } satisfies Announcement);
      this.ask();
    };
    this.#later(id);
  }

  #later(id: string): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#question(id), connect.pause(this.#asked++));
  }

  async #question(id: string): Promise<void> {
    const { client } = this.host;
    const run = this.#run;
    if (!client) return;
    try {
      const progress = await client.progress(id);
      const done = progress.status === 'connected' && progress.credential;
      const next = done ? connect.arrived(await client.connected(done)) : connect.observed(this.state, progress);
      // Two polls may run at the same time. The first final answer counts.
      if (run !== this.#run || !connect.isPending(this.state) || this.state.id !== id) return;
      if (connect.isPending(next)) this.#become(next);
      else return this.#end(next);
    } catch (caught) {
      if (run !== this.#run) return;
      this.#trouble(asProblem(caught));
    }
    if (connect.isPending(this.state)) this.#later(id);
  }

  #trouble(problem: Problem): void {
    if (!connect.isPending(this.state)) return;
    if (Date.now() > this.state.expires) return this.#end(connect.expired);
    // The connection is missing because it expired, or because another replica has not stored it yet. The clock above
    // handles expiry.
    if (problem.code !== 'not-found') this.#become(connect.troubled(this.state, problem));
  }

  #end(state: connect.Connect): void {
    const popup = this.#popup;
    this.#release();
    // This page shows the result. A window at the provider can only close itself, after its return.
    popup?.close();
    this.#become(state);
  }

  #release(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    this.#popup = null;
  }

  #become(state: connect.Connect): void {
    const from = this.state;
    if (from === state) return;
    this.state = state;
    this.host.moved(from, state);
    this.host.requestUpdate();
  }
}
