import { css } from 'lit';

export const selectorStyles = css`
  :host {
    max-inline-size: 36rem;
  }
  .base {
    display: grid;
    grid-template-columns: minmax(0, 1fr) auto;
    gap: calc(var(--_space) * 1.5);
  }
  .base > * {
    grid-column: 1 / -1;
  }
  .anchor {
    position: relative;
    grid-column: 1;
  }
  .edit {
    grid-column: 2;
    grid-row: auto;
    padding-inline: calc(var(--_space) * 2.5);
  }
  .anchor:not(:has(+ .edit)) {
    grid-column: 1 / -1;
  }
  .control {
    display: flex;
    align-items: center;
    min-block-size: var(--_height);
    border: 1px solid var(--_edge);
    border-radius: var(--_radius);
    background: var(--_surface);
  }
  .control:has([aria-invalid='true']) {
    border-color: var(--_danger);
  }
  .control:focus-within {
    outline: 2px solid transparent;
    box-shadow: var(--_ring);
  }
  .control input#input {
    flex: 1;
    inline-size: 0;
    border: 0;
    background: transparent;
    text-overflow: ellipsis;
  }
  .control input#input:focus-visible {
    outline: none;
    box-shadow: none;
  }
  .lead {
    display: flex;
    padding-inline-start: calc(var(--_space) * 2.5);
    color: var(--_muted);
  }
  .meta {
    white-space: nowrap;
  }
  .chevron {
    margin-inline: var(--_space);
    padding-inline: var(--_space);
    color: var(--_muted);
  }
  .popup {
    position: absolute;
    z-index: 10;
    inset-block-start: calc(100% + var(--_space));
    inset-inline: 0;
    overflow: hidden;
    border: 1px solid var(--_border);
    border-radius: var(--_radius);
    background: var(--_surface);
    box-shadow: 0 0.5rem 1.75rem rgb(10 14 22 / 18%);
  }
  .popup.up {
    inset-block: auto calc(100% + var(--_space));
  }
  [role='listbox'] {
    max-block-size: 17rem;
    overflow-y: auto;
    padding: var(--_space);
  }
  [role='listbox']:empty {
    display: none;
  }
  .option {
    display: flex;
    align-items: center;
    gap: calc(var(--_space) * 2);
    min-block-size: 2.75rem;
    padding: var(--_space) calc(var(--_space) * 2);
    border-radius: calc(var(--_radius) * 0.75);
    cursor: pointer;
  }
  .option:hover,
  .option[data-active] {
    background: var(--_hover);
  }
  .option[data-active] {
    outline: 2px solid var(--_primary);
    outline-offset: -2px;
  }
  .tick {
    flex: none;
    inline-size: 1.1em;
    color: var(--_primary);
  }
  .words {
    display: grid;
    flex: 1;
    min-inline-size: 0;
    line-height: 1.3;
  }
  .none {
    padding: calc(var(--_space) * 3);
  }
  .footer {
    padding: var(--_space);
    border-block-start: 1px solid var(--_border);
  }
  .chosen:empty {
    display: none;
  }
  .empty {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: space-between;
    gap: calc(var(--_space) * 3);
    padding: calc(var(--_space) * 3);
    border: 1px dashed var(--_edge);
    border-radius: var(--_radius);
  }
  @container (inline-size < 24rem) {
    .meta {
      display: none;
    }
    .option {
      flex-wrap: wrap;
    }
    .option [part='option-badge'] {
      margin-inline-start: calc(1.1em + var(--_space) * 2);
    }
  }
`;
