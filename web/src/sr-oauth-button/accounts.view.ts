// A connected account as people see it: whose it is, whether it works, and what was asked for but not granted.
import { html, nothing, type TemplateResult } from 'lit';
import type { Credential } from '../api/types.js';
import { missingScopes } from '../connection/states.js';
import type { Words } from '../i18n/messages.js';
import { ailment, badge, banner, type Tone } from '../base/view.js';

const TONES: Record<string, Tone> = { active: 'warn', degraded: 'warn', ambiguous: 'warn' };

export function connectedView(credential: Credential, asked: string[], words: Words): TemplateResult {
  const missing = missingScopes(asked, credential.scopes);
  const why = ailment(credential, words);
  const works = credential.state !== 'reauth-required' && credential.state !== 'undecryptable';
  const account = credential.account || credential.name;
  return html`
    <div class="account" part="account">
      ${badge(credential.state, words)}
      <span>${words.say(works ? 'connected.as' : 'connected.was')} <b><bdi>${account}</bdi></b></span>
    </div>
    ${why ? banner(TONES[credential.state] ?? 'bad', 'alert', html`<p>${why}</p>`) : nothing}
    ${
      missing.length
        ? banner(
            'warn',
            'alert',
            html`<p>${words.say('connected.partial', { n: missing.length })}</p>
            <ul class="scopes">${missing.map((scope) => html`<li><bdi>${scope}</bdi></li>`)}</ul>`,
          )
        : nothing
    }
  `;
}
