// The shared styles: tokens that the host may set (`--sr-…`), and the common components. They are constructable style
// sheets, so a page's Content-Security-Policy needs no entry for them. Logical properties support right-to-left text.
import { css } from 'lit';

export const tokens = css`
  :host {
    --_font: var(--sr-font-family, system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Noto Sans Arabic', sans-serif);
    --_size: var(--sr-font-size, 0.9375rem);
    --_primary: var(--sr-color-primary, light-dark(#2c56c9, #9db8ff));
    --_on-primary: var(--sr-color-on-primary, light-dark(#ffffff, #0d1a3d));
    --_surface: var(--sr-color-surface, light-dark(#ffffff, #16181d));
    --_text: var(--sr-color-text, light-dark(#191c22, #e9ebf0));
    --_muted: var(--sr-color-text-muted, light-dark(#565d6b, #a5adbb));
    --_border: var(--sr-color-border, light-dark(#d9dde4, #343943));
    --_edge: var(--sr-color-control-border, light-dark(#868e9c, #737c8b));
    --_danger: var(--sr-color-danger, light-dark(#b3261e, #ff9c93));
    --_success: var(--sr-color-success, light-dark(#17693f, #79d6a3));
    --_warning: var(--sr-color-warning, light-dark(#8a4b00, #f3bd6c));
    --_radius: var(--sr-radius, 0.5rem);
    --_space: var(--sr-spacing, 0.25rem);
    --_ring: var(--sr-focus-ring, 0 0 0 2px var(--_surface), 0 0 0 4px var(--_primary));
    --_height: var(--sr-control-height, 2.375rem);
    --_motion: var(--sr-transition, 120ms ease-out);
    --_hover: color-mix(in srgb, var(--_text) 6%, var(--_surface));
    display: block;
    container-type: inline-size;
    color: var(--_text);
    font: 400 var(--_size) / 1.45 var(--_font);
    text-align: start;
    text-wrap: pretty;
    overflow-wrap: anywhere;
  }
  :host([density='compact']) {
    --sr-font-size: 0.8125rem;
    --sr-spacing: 0.1875rem;
    --sr-control-height: 1.875rem;
  }
  :host([hidden]) {
    display: none;
  }
  :host([theme='light']) {
    color-scheme: light;
  }
  :host([theme='dark']) {
    color-scheme: dark;
  }
  :host([theme='auto']) {
    color-scheme: light dark;
  }
  *,
  ::before,
  ::after {
    box-sizing: border-box;
  }
  [hidden] {
    display: none !important;
  }
  .hush {
    position: absolute;
    inline-size: 1px;
    block-size: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  @media (prefers-reduced-motion: reduce) {
    *,
    ::before,
    ::after {
      animation-duration: 0s !important;
      animation-iteration-count: 1 !important;
      transition-duration: 0s !important;
    }
  }
`;

export const controls = css`
  button,
  .button,
  input,
  select,
  textarea {
    font: inherit;
    color: inherit;
    letter-spacing: inherit;
  }
  .button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: calc(var(--_space) * 1.5);
    min-block-size: var(--_height);
    padding: calc(var(--_space) * 1.25) calc(var(--_space) * 3.5);
    border: 1px solid var(--_edge);
    border-radius: var(--_radius);
    background: var(--_surface);
    font-weight: 550;
    line-height: 1.25;
    overflow-wrap: normal;
    text-align: center;
    text-decoration: none;
    cursor: pointer;
    transition:
      background var(--_motion),
      border-color var(--_motion);
  }
  .button:hover {
    background: var(--_hover);
  }
  .button.primary {
    border-color: transparent;
    background: var(--_primary);
    color: var(--_on-primary);
  }
  .button.primary:hover {
    background: color-mix(in srgb, var(--_primary) 88%, var(--_text));
  }
  .button.danger {
    border-color: currentColor;
    color: var(--_danger);
  }
  .button.quiet {
    border-color: transparent;
    background: transparent;
    color: var(--_primary);
  }
  .button.quiet:hover {
    background: var(--_hover);
  }
  .button.small {
    min-block-size: 1.875rem;
    padding: calc(var(--_space) * 0.75) calc(var(--_space) * 2);
    font-size: 0.9em;
  }
  .button:disabled,
  .button[aria-disabled='true'] {
    cursor: not-allowed;
    opacity: 0.55;
  }
  input:not([type='checkbox'], [type='radio']),
  select,
  textarea {
    inline-size: 100%;
    min-inline-size: 0;
    min-block-size: var(--_height);
    padding: calc(var(--_space) * 1.5) calc(var(--_space) * 2.5);
    border: 1px solid var(--_edge);
    border-radius: var(--_radius);
    background: var(--_surface);
  }
  textarea {
    min-block-size: 6.5rem;
    resize: vertical;
    font-family: ui-monospace, 'SF Mono', Menlo, Consolas, monospace;
    font-size: 0.92em;
  }
  input::placeholder,
  textarea::placeholder {
    color: var(--_muted);
    opacity: 1;
  }
  input[type='checkbox'],
  input[type='radio'] {
    inline-size: 1.125rem;
    block-size: 1.125rem;
    margin: 0;
    accent-color: var(--_primary);
  }
  [aria-invalid='true']:not(:focus-visible) {
    border-color: var(--_danger);
  }
  :disabled {
    cursor: not-allowed;
  }
  :is(button, .button, a, input, select, textarea, summary, [tabindex]):focus-visible {
    outline: 2px solid transparent;
    outline-offset: 2px;
    box-shadow: var(--_ring);
  }
  a {
    color: var(--_primary);
    text-underline-offset: 0.15em;
  }
  @media (forced-colors: active) {
    .button,
    input,
    select,
    textarea {
      border-color: ButtonBorder;
    }
    .button.primary {
      forced-color-adjust: none;
      background: Highlight;
      color: HighlightText;
    }
  }
`;

export const pieces = css`
  .icon {
    flex: none;
    inline-size: 1.1em;
    block-size: 1.1em;
    fill: none;
    stroke: currentColor;
    stroke-width: 2;
    stroke-linecap: round;
    stroke-linejoin: round;
    vertical-align: -0.16em;
  }
  .icon.spin {
    animation: spin 0.9s linear infinite;
  }
  @keyframes spin {
    to {
      rotate: 1turn;
    }
  }
  :dir(rtl) .icon.turns {
    scale: -1 1;
  }
  .badge {
    display: inline-flex;
    align-items: center;
    gap: var(--_space);
    padding: 0.1em calc(var(--_space) * 2);
    border: 1px solid color-mix(in srgb, currentColor 35%, transparent);
    border-radius: 99px;
    font-size: 0.84em;
    font-weight: 550;
    white-space: nowrap;
  }
  .good {
    --_tone: var(--_success);
  }
  .warn {
    --_tone: var(--_warning);
  }
  .bad {
    --_tone: var(--_danger);
  }
  .calm {
    --_tone: var(--_muted);
  }
  .badge,
  .banner > .icon {
    color: var(--_tone);
  }
  .banner {
    display: flex;
    gap: calc(var(--_space) * 2.5);
    padding: calc(var(--_space) * 3);
    border: 1px solid color-mix(in srgb, var(--_tone) 38%, var(--_border));
    border-radius: var(--_radius);
    background: color-mix(in srgb, var(--_tone) 7%, var(--_surface));
  }
  .banner > .icon {
    margin-block-start: 0.15em;
  }
  .banner > div {
    flex: 1;
    min-inline-size: 0;
  }
  .banner p,
  .banner ul {
    margin: 0;
  }
  .banner ul {
    padding-inline-start: 1.2em;
  }
  .banner p + p {
    margin-block-start: calc(var(--_space) * 1.5);
  }
  .stack > p {
    margin: 0;
  }
  .banner small,
  .muted {
    color: var(--_muted);
    font-size: 0.88em;
  }
  .row {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: calc(var(--_space) * 2);
  }
  .banner .row {
    margin-block-start: calc(var(--_space) * 2);
  }
  .stack {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: calc(var(--_space) * 4);
  }
  .label {
    display: block;
    font-weight: 600;
  }
  .skeleton {
    block-size: var(--_height);
    border-radius: var(--_radius);
    background: linear-gradient(90deg, var(--_border), var(--_hover), var(--_border)) 0 0 / 200% 100%;
    animation: shimmer 1.4s linear infinite;
  }
  .skeleton.line {
    inline-size: 7rem;
    block-size: 0.9rem;
  }
  @keyframes shimmer {
    to {
      background-position: -200% 0;
    }
  }
  dialog {
    inline-size: min(34rem, calc(100vw - 2rem));
    max-block-size: calc(100dvh - 2rem);
    padding: calc(var(--_space) * 5);
    border: 1px solid var(--_border);
    border-radius: calc(var(--_radius) * 1.5);
    background: var(--_surface);
    color: var(--_text);
    box-shadow: 0 1rem 3rem rgb(0 0 0 / 25%);
  }
  dialog::backdrop {
    background: rgb(10 14 22 / 50%);
  }
  dialog h2 {
    margin: 0 0 calc(var(--_space) * 3);
    font-size: 1.2em;
    line-height: 1.3;
  }
  .actions {
    display: flex;
    flex-wrap: wrap;
    gap: calc(var(--_space) * 2);
    margin-block-start: calc(var(--_space) * 5);
  }
`;

export const shared = [tokens, controls, pieces];
