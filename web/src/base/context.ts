// The context that an element passes to the elements inside it. CSS inherits theme and direction.
import { nothing } from 'lit';
import { Directive, directive, type ElementPart } from 'lit/directive.js';
import type { TokenSource } from '../api/session.js';
import type { ConnectFlow } from '../api/types.js';
import type { Overrides } from '../i18n/messages.js';

export interface Context {
  endpoint: string;
  getSessionToken: TokenSource | undefined;
  locale: string;
  messages: Overrides;
  flow: ConnectFlow;
  returnAddress: string;
}

class Inherit extends Directive {
  override update({ element }: ElementPart, [context]: [Context]) {
    Object.assign(element, context);
    return nothing;
  }

  override render(_context: Context) {
    return nothing;
  }
}

/** Sets the context on an element of a template. */
export const inherits = directive(Inherit);
