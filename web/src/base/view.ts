// Templates that several elements share: icons, status chips, banners, links. External values are inserted as text
// only.
import { html, nothing, svg, type TemplateResult } from 'lit';
import type { Problem } from '../api/problem.js';
import type { Credential } from '../api/types.js';
import { safeAddress } from './address.js';
import type { Words } from '../i18n/messages.js';

const PATHS = {
  check: svg`<path d="M5 12.5l4.5 4.5L19 7.5"/>`,
  alert: svg`<path d="M12 4L2.8 19.5h18.4L12 4zM12 10v4M12 17v.01"/>`,
  cross: svg`<circle cx="12" cy="12" r="9"/><path d="M15 9l-6 6M9 9l6 6"/>`,
  close: svg`<path d="M18 6L6 18M6 6l12 12"/>`,
  info: svg`<circle cx="12" cy="12" r="9"/><path d="M12 11v5M12 8v.01"/>`,
  key: svg`<circle cx="8" cy="15" r="4"/><path d="M11 12l8-8M16 7l3 3"/>`,
  link: svg`<path d="M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1"/>`,
  plus: svg`<path d="M12 5v14M5 12h14"/>`,
  pencil: svg`<path d="M4 20l1-4L16 5l3 3L8 19l-4 1z"/>`,
  trash: svg`<path d="M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13"/>`,
  eye: svg`<path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z"/><circle cx="12" cy="12" r="2.5"/>`,
  outside: svg`<path d="M14 4h6v6M20 4l-9 9M19 14v6H4V5h6"/>`,
  turn: svg`<path d="M20 11a8 8 0 1 0-2 6M20 5v6h-6"/>`,
  down: svg`<path d="M6 9.5l6 6 6-6"/>`,
  sort: svg`<path d="M8 10l4-4 4 4M8 14l4 4 4-4"/>`,
  up: svg`<path d="M6 14.5l6-6 6 6"/>`,
  spin: svg`<path d="M12 3a9 9 0 1 1-9 9"/>`,
};

export type Icon = keyof typeof PATHS;
export type Tone = 'good' | 'warn' | 'bad' | 'calm';

const TURNS = new Set<Icon>(['outside']);

export function icon(name: Icon): TemplateResult {
  const kind = name === 'spin' ? 'icon spin' : TURNS.has(name) ? 'icon turns' : 'icon';
  return html`<svg class=${kind} viewBox="0 0 24 24" aria-hidden="true">${PATHS[name]}</svg>`;
}

const STATES: Record<string, [Tone, Icon]> = {
  active: ['good', 'check'],
  refreshing: ['good', 'turn'],
  degraded: ['warn', 'alert'],
  ambiguous: ['warn', 'alert'],
  'reauth-required': ['bad', 'link'],
  undecryptable: ['bad', 'cross'],
  accepted: ['good', 'check'],
  rejected: ['bad', 'cross'],
  unverified: ['warn', 'info'],
};

/** The colour and icon of a state or a test result. */
export function markOf(state: string): readonly [Tone, Icon] {
  return STATES[state] ?? ['calm', 'info'];
}

export function badge(state: string, words: Words): TemplateResult {
  const [tone, shape] = markOf(state);
  return html`<span class="badge ${tone}" part="badge">${icon(shape)}${words.sayCode('state', state, state)}</span>`;
}

export function banner(tone: Tone, shape: Icon, content: unknown, actions: unknown = nothing): TemplateResult {
  return html`<div class="banner ${tone}" part="banner">
    ${icon(shape)}
    <div>${content}${actions === nothing ? nothing : html`<div class="row">${actions}</div>`}</div>
  </div>`;
}

/** The sentence for a problem. */
export function sayProblem(problem: Problem, words: Words): string {
  // The page's developer reads about the mistake in the browser's console. Users get a neutral sentence.
  const otherwise = problem.mistake ? words.say('problem.misconfigured') : '';
  const known = words.sayCode('problem', problem.code, otherwise, { n: Math.max(1, problem.retryAfter) });
  return known || problem.detail || words.say('problem.unexpected');
}

export function problemBanner(
  problem: Problem,
  words: Words,
  retry: (() => void) | null,
  part = 'error',
): TemplateResult {
  const number = problem.requestId
    ? html`<p><small>${words.say('problem.number', { id: problem.requestId })}</small></p>`
    : nothing;
  const action = retry
    ? html`<button type="button" class="button small" @click=${retry}>${icon('turn')}${words.say('retry')}</button>`
    : nothing;
  return html`<div part=${part} role="alert">
    ${banner(problem.retryable ? 'warn' : 'bad', 'alert', html`<p>${sayProblem(problem, words)}</p>${number}`, action)}
  </div>`;
}

/** An external link. Returns nothing if the URL is not safe. */
export function outwards(
  address: string | null | undefined,
  text: string,
  label = text,
): TemplateResult | typeof nothing {
  const safe = safeAddress(address);
  if (!safe) return nothing;
  return html`<a href=${safe} target="_blank" rel="noopener noreferrer" aria-label=${label}>${text}&nbsp;${icon('outside')}</a>`;
}

export function typeName(type: string, words: Words): string {
  return words.sayCode('type', type, type);
}

/** The sentence for a code of the vault or a provider. An unknown code is shown as it is. */
export function sayCause(cause: string | null | undefined, words: Words): string {
  if (!cause) return '';
  const status = /^http-(\d{3})$/.exec(cause)?.[1];
  return status
    ? words.say('cause.http', { status })
    : words.sayCode('cause', cause, words.say('cause', { code: cause }));
}

/** One sentence about the fault of a credential. Empty if it has none. */
export function ailment(credential: Credential, words: Words): string {
  const key = `ailment.${credential.state}`;
  const ends = credential.grant_expires_at;
  if (credential.state === 'active' && credential.cause === 'grant-ends-soon' && ends) {
    return words.say('ailment.ending', { name: credential.name, ago: words.ago(ends) });
  }
  if (!words.has(key)) return '';
  const sentence = words.say(key, { name: credential.name });
  return `${sentence} ${sayCause(credential.cause, words)}`.trim();
}

/** A browser sends a dialog's `close` event with its next frame. By then the dialog may be open again. */
export function isShut(closing: Event): boolean {
  const dialog = closing.currentTarget as HTMLDialogElement;
  return dialog.isConnected && !dialog.open;
}

/** A placeholder with the expected number of lines. */
export function loadingView(words: Words, lines: number): TemplateResult {
  return html`<div class="stack" aria-busy="true">
    <span class="hush" role="status">${words.say('loading')}</span>
    ${Array.from({ length: lines }, () => html`<div class="skeleton"></div>`)}
  </div>`;
}
