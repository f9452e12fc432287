// The button itself, and what stands beside it: where the user returns to, an account that was connected already, and why
// nothing can be connected.
import { html, nothing, type TemplateResult } from 'lit';
import { banner, icon } from '../base/view.js';
import type { Words } from '../i18n/messages.js';

export interface ConnectModel {
  words: Words;
  provider: string;
  /** There are accounts already: the button is for another one. */
  isAnother: boolean;
  isOff: boolean;
  /** The return address, where it is of another origin than this page. */
  elsewhere: string;
  connect(): void;
}

export function connectView({ words, provider, isAnother, isOff, elsewhere, connect }: ConnectModel): TemplateResult {
  const text = words.say(isAnother ? 'connect.another' : 'connect.with', { provider });
  const kind = isAnother ? 'small' : 'primary';
  return html`
    <div>
      <button
        type="button"
        part=${isAnother ? 'another' : 'button'}
        class="button ${kind}"
        ?disabled=${isOff}
        @click=${connect}
      >
        ${isAnother ? html`${icon('plus')}${text}` : html`<slot name="icon">${icon('link')}</slot><slot>${text}</slot>`}
      </button>
    </div>
    ${
      elsewhere
        ? html`<p class="muted" part="elsewhere">${words.say('connect.elsewhere', { address: elsewhere })}</p>`
        : nothing
    }
  `;
}

export interface RenewedModel {
  words: Words;
  account: string;
  isOff: boolean;
  createSecond(): void;
  dismiss(): void;
}

/** The same account was connected again: its credential has the new grant, and a second one is made only if wanted. */
export function renewedView({ words, account, isOff, createSecond, dismiss }: RenewedModel): TemplateResult {
  return banner(
    'calm',
    'info',
    html`<p>${words.say('connect.renewed', { account })}</p>`,
    html`<button type="button" class="button small primary" @click=${dismiss}>${words.say('ok')}</button>
      <button type="button" class="button small" part="second" ?disabled=${isOff} @click=${createSecond}>
        ${words.say('connect.second')}
      </button>`,
  );
}
