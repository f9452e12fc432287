// The language and direction of an element, inherited as in HTML, also across shadow roots. A controller reports
// changes.
import type { ReactiveController, ReactiveControllerHost } from 'lit';

/** The value of an attribute on the nearest element that has it. */
export function nearest(from: Element, attribute: string): string | null {
  for (let at: Element | null = from; at;) {
    const found: Element | null = at.closest(`[${attribute}]`);
    if (found) return found.getAttribute(attribute);
    const root = at.getRootNode();
    at = root instanceof ShadowRoot ? root.host : null;
  }
  return null;
}

export class LanguageObserver implements ReactiveController {
  #observer: MutationObserver | null = null;

  constructor(private readonly host: ReactiveControllerHost & Element) {
    host.addController(this);
  }

  hostConnected(): void {
    this.#observer = new MutationObserver(() => this.host.requestUpdate());
    for (let root = this.host.getRootNode(); ; root = root.host.getRootNode()) {
      this.#observer.observe(root, { attributes: true, attributeFilter: ['lang', 'dir'], subtree: true });
      if (!(root instanceof ShadowRoot)) return;
    }
  }

  hostDisconnected(): void {
    this.#observer?.disconnect();
    this.#observer = null;
  }
}
