// The view of a return page: the connection is being completed, the window may close, or the connection failed. Every
// element shows it, because any of them may be the only one on the page.
import { html, nothing, type TemplateResult } from 'lit';
import type { Problem } from '../api/problem.js';
import { failed, refused, type Connect } from './states.js';
import type { ReturnPage } from './return.js';
import type { Words } from '../i18n/messages.js';
import { banner } from '../base/view.js';
import { connectionView } from './pending.view.js';

/** `shown` is a problem that the element already shows with a retry button. That button retries this too. */
export function returnView(page: ReturnPage, words: Words, shown: Problem | null): TemplateResult | typeof nothing {
  const { finished } = page;
  if (page.state === 'none' || (page.canRetry && shown?.code === finished?.problem?.code)) return nothing;
  if (page.state === 'completing' || !finished) {
    return live(banner('calm', 'spin', html`<p>${words.say('connect.verifying')}</p>`));
  }
  if (finished.status === 'connected') {
    if (!finished.seen) return nothing;
    const text = words.say(page.state === 'closable' ? 'connect.closable' : 'connect.closing');
    return live(banner('good', 'check', html`<p>${text}</p>`));
  }
  const state: Connect = finished.problem ? refused(finished.problem) : failed(finished.cause);
  const again = page.canRetry ? { again: () => void page.proceed() } : {};
  const close = finished.seen ? html`<p class="muted">${words.say('connect.closable.failed')}</p>` : nothing;
  return live(html`${connectionView(state, words.say('provider'), words, again)}${close}`);
}

function live(content: TemplateResult): TemplateResult {
  return html`<div role="status" aria-live="polite">${content}</div>`;
}
