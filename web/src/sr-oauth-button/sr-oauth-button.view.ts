// Views of the button: the button, the note about its return address, an account that was connected before, and
// configuration faults.
import { html, nothing, type TemplateResult } from 'lit';
import { banner, icon } from '../base/view.js';
import type { Words } from '../i18n/messages.js';

export interface ConnectModel {
  words: Words;
  provider: string;
  /** Accounts exist already, so the button connects another one. */
  isAnother: boolean;
  isOff: boolean;
  /** The return address, if its origin differs from this page's origin. */
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

/**
 * The same account was connected again. Its credential has the new grant. A second credential is created only on
 * request.
 */
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
