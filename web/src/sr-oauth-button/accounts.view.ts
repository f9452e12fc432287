// The connected accounts of a plugin, each with its name, its state, its missing scopes and its actions.
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { Credential } from '../api/types.js';
import { ailment, badge, banner, icon, type Tone } from '../base/view.js';
import { missingScopes } from '../connection/states.js';
import type { Words } from '../i18n/messages.js';

export interface AccountsModel {
  words: Words;
  accounts: readonly Credential[];
  /** The current credential. */
  current: Credential | null;
  /** The scopes that a connection requests. */
  asked: readonly string[];
  /** Whether the user can choose between several accounts. */
  canChoose: boolean;
  canChange: boolean;
  isOff: boolean;
  isBusy: boolean;
  choose(credential: Credential): void;
  reconnect(credential: Credential): void;
  disconnect(credential: Credential): void;
}

const TONES: Record<string, Tone> = { active: 'warn', degraded: 'warn', ambiguous: 'warn' };

export function accountsView(model: AccountsModel): TemplateResult {
  const { accounts, canChoose, words } = model;
  const [only] = accounts;
  if (only && accounts.length === 1 && !canChoose) return html`<div class="stack">${accountView(only, model)}</div>`;
  return html`<ul
    class="accounts"
    role=${canChoose ? 'radiogroup' : 'list'}
    aria-label=${words.say(canChoose ? 'connect.choose' : 'connect.accounts')}
  >
    ${accounts.map(
      (account) =>
        html`<li role=${canChoose ? 'presentation' : 'listitem'}>
          ${canChoose ? choiceView(account, model) : nothing}
          <div class="stack">${accountView(account, model)}</div>
        </li>`,
    )}
  </ul>`;
}

/** The account's name. If two credentials are of one account, the credential's name is added. */
export function accountName(credential: Credential, accounts: readonly Credential[] = []): string {
  const { account, name } = credential;
  if (!account) return name;
  const isShared = accounts.some((other) => other.id !== credential.id && other.account === account);
  return isShared && name !== account ? `${account} (${name})` : account;
}

function choiceView(account: Credential, { accounts, current, isOff, choose }: AccountsModel): TemplateResult {
  return html`<label class="target"
    ><input
      type="radio"
      name="account"
      part="choice"
      .checked=${live(account.id === current?.id)}
      aria-label=${accountName(account, accounts)}
      ?disabled=${isOff}
      @change=${() => choose(account)}
  /></label>`;
}

function accountView(credential: Credential, model: AccountsModel): TemplateResult {
  const { words, asked, accounts } = model;
  const missing = missingScopes(asked, credential.scopes);
  const why = ailment(credential, words);
  const works = credential.state !== 'reauth-required' && credential.state !== 'undecryptable';
  const said = words.say(works ? 'connected.as' : 'connected.was');
  return html`
    <div class="account" part="account">
      ${badge(credential.state, words)}
      <span>${said} <b><bdi>${accountName(credential, accounts)}</bdi></b></span>
    </div>
    ${why ? banner(TONES[credential.state] ?? 'bad', 'alert', html`<p>${why}</p>`) : nothing}
    ${
      missing.length
        ? banner(
            'warn',
            'alert',
            html`<p>${words.say('connected.partial', { n: missing.length })}</p>
            <ul class="scopes">
              ${missing.map((scope) => html`<li><bdi>${scope}</bdi></li>`)}
            </ul>`,
          )
        : nothing
    }
    ${model.canChange ? actionsView(credential, model) : nothing}
  `;
}

function actionsView(credential: Credential, { words, accounts, isOff, isBusy, reconnect, disconnect }: AccountsModel) {
  const urgent = credential.state === 'reauth-required' ? 'primary' : '';
  const of = { field: accountName(credential, accounts) };
  return html`<div class="row">
    <button
      type="button"
      part="reconnect"
      class="button small ${urgent}"
      aria-label=${words.say('reconnect.of', of)}
      ?disabled=${isOff}
      @click=${() => reconnect(credential)}
    >
      ${icon('turn')}${words.say('reconnect')}
    </button>
    <button
      type="button"
      part="disconnect"
      class="button small"
      aria-label=${words.say('disconnect.of', of)}
      ?disabled=${isOff || isBusy}
      @click=${() => disconnect(credential)}
    >
      ${words.say('disconnect')}
    </button>
  </div>`;
}
