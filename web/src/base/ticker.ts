// Redraws an element periodically, so that relative times such as "2 minutes ago" stay correct.
import type { ReactiveController, ReactiveControllerHost } from 'lit';

const TICK_MS = 30_000;

export class Ticker implements ReactiveController {
  #timer = 0;

  constructor(private readonly host: ReactiveControllerHost) {
    host.addController(this);
  }

  hostConnected(): void {
    this.#timer = window.setInterval(() => this.host.requestUpdate(), TICK_MS);
  }

  hostDisconnected(): void {
    clearInterval(this.#timer);
  }
}
