// Views of a pending or failed connection, with the possible actions. A provider's error code is shown as a code. A
// provider's error text is never shown.
import { html, nothing, type TemplateResult } from 'lit';
import type { Connect, Pending } from './states.js';
import type { Words } from '../i18n/messages.js';
import { banner, icon, outwards, sayCause, sayProblem } from '../base/view.js';

export interface Ways {
  again?: () => void;
  reopen?: () => void;
  cancel?: () => void;
  here?: () => void;
  ask?: () => void;
}

export function connectionView(
  state: Connect,
  provider: string,
  words: Words,
  ways: Ways,
): TemplateResult | typeof nothing {
  const say = words.say.bind(words);
  const way = (text: string, go: (() => void) | undefined, kind = '') =>
    go ? html`<button type="button" class="button small ${kind}" @click=${go}>${text}</button>` : nothing;
  const cancel = way(say('cancel'), ways.cancel);
  switch (state.at) {
    case 'idle':
    case 'key-file':
    case 'connected':
      return nothing;
    case 'preparing':
      return banner('calm', 'spin', html`<p>${say('connect.preparing')}</p>`, cancel);
    case 'blocked': {
      const here = way(say('connect.here'), ways.here, 'primary');
      return banner('warn', 'alert', html`<p>${say('connect.blocked')}</p>`, html`${here}${cancel}`);
    }
    case 'waiting': {
      const text = say(state.closed ? 'connect.closed' : 'connect.waiting', { provider });
      const reopen = way(say('connect.reopen'), ways.reopen, state.closed ? 'primary' : '');
      const shape = state.closed ? 'alert' : 'spin';
      return banner(
        state.closed ? 'warn' : 'calm',
        shape,
        html`<p>${text}</p>${trouble(state, words, ways)}`,
        html`${reopen}${cancel}`,
      );
    }
    case 'device':
      return banner('calm', 'key', deviceView(state, words, ways), cancel);
    case 'verifying':
      return banner('calm', 'spin', html`<p>${say('connect.verifying')}</p>${trouble(state, words, ways)}`, cancel);
    case 'failed': {
      const again = way(
        say(state.reason === 'unregistered' ? 'connect.check' : 'connect.again'),
        ways.again,
        'primary',
      );
      return banner(
        state.reason === 'denied' ? 'warn' : 'bad',
        'alert',
        failureView(state, provider, words),
        html`${again}${cancel}`,
      );
    }
  }
}

function failureView(state: Extract<Connect, { at: 'failed' }>, provider: string, words: Words): TemplateResult {
  const { reason, cause, problem } = state;
  const text =
    reason === 'problem' && problem
      ? sayProblem(problem, words)
      : words.say(`connect.${reason === 'problem' ? 'failed' : reason}`, { provider });
  const code = reason === 'failed' && cause ? sayCause(cause, words) : '';
  const number = problem?.requestId ? words.say('problem.number', { id: problem.requestId }) : '';
  return html`<p>${text}${code ? ` ${code}` : nothing}</p>
    ${number ? html`<p><small>${number}</small></p>` : nothing}`;
}

function deviceView(state: Extract<Connect, { at: 'device' }>, words: Words, ways: Ways): TemplateResult {
  const { code, address } = state.device;
  const link = outwards(address, address);
  return html`<p>${words.say('connect.device')}</p>
    <p><bdi>${link === nothing ? address : link}</bdi></p>
    <p><bdi class="code" dir="ltr">${code}</bdi></p>
    <p class="muted">${icon('spin')} ${words.say('connect.device.waiting', { ago: words.ago(new Date(state.expires).toISOString()) })}</p>
    ${trouble(state, words, ways)}`;
}

function trouble({ trouble: problem }: Pending, words: Words, ways: Ways): TemplateResult | typeof nothing {
  if (!problem) return nothing;
  return html`<p>${icon('alert')} ${sayProblem(problem, words)}
    ${ways.ask ? html`<button type="button" class="button quiet small" @click=${ways.ask}>${words.say('retry')}</button>` : nothing}
  </p>`;
}
