import { css } from 'lit';

export const formStyles = css`
  :host {
    max-inline-size: 40rem;
  }
  form,
  fieldset {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: calc(var(--_space) * 4);
    margin: 0;
  }
  fieldset {
    min-inline-size: 0;
    padding: calc(var(--_space) * 3) calc(var(--_space) * 4) calc(var(--_space) * 4);
    border: 1px solid var(--_border);
    border-radius: var(--_radius);
  }
  legend {
    padding-inline: calc(var(--_space) * 1.5);
    font-weight: 600;
  }
  .field {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: var(--_space);
  }
  .line {
    display: flex;
    flex-wrap: wrap;
    align-items: baseline;
    gap: 0 calc(var(--_space) * 2);
  }
  .docs {
    margin-inline-start: auto;
    font-size: 0.88em;
  }
  .docs a {
    display: inline-block;
    min-block-size: 1.5rem;
    line-height: 1.5rem;
  }
  .around {
    display: flex;
    align-items: stretch;
    gap: var(--_space);
  }
  .around.tall {
    align-items: flex-start;
  }
  .affix {
    align-self: center;
    flex: none;
    max-inline-size: 45%;
    padding-inline: calc(var(--_space) * 1.5);
    color: var(--_muted);
    overflow-wrap: anywhere;
  }
  .masked {
    -webkit-text-security: disc;
  }
  .stored {
    min-block-size: var(--_height);
    padding: var(--_space) calc(var(--_space) * 2);
    border: 1px dashed var(--_edge);
    border-radius: var(--_radius);
  }
  .stored .badge {
    margin-inline-end: auto;
  }
  .flag,
  .choice {
    display: flex;
    align-items: center;
    gap: calc(var(--_space) * 2);
    min-block-size: 1.75rem;
  }
  .note:empty {
    display: none;
  }
  .note {
    color: var(--_muted);
    font-size: 0.9em;
  }
  .fault {
    color: var(--_danger);
    font-size: 0.92em;
  }
  form > .actions {
    margin-block-start: 0;
  }
  .around .button {
    flex: none;
  }
  .file {
    position: relative;
  }
  .file:focus-within {
    box-shadow: var(--_ring);
  }
  .types {
    display: flex;
    flex-wrap: wrap;
    gap: calc(var(--_space) * 1) calc(var(--_space) * 5);
  }
  .summary:focus-visible {
    outline: 2px solid transparent;
    border-radius: var(--_radius);
    box-shadow: var(--_ring);
  }
  .summary button {
    padding: 0;
    border: 0;
    background: none;
    color: inherit;
    min-block-size: 1.5rem;
    text-align: start;
    text-decoration: underline;
    text-underline-offset: 0.15em;
    vertical-align: top;
    cursor: pointer;
  }
  header h2 {
    margin: 0;
    font-size: 1.15em;
    line-height: 1.3;
  }
  header p {
    margin: calc(var(--_space) * 0.5) 0 0;
  }
  dl {
    display: grid;
    gap: calc(var(--_space) * 2);
    margin: 0;
  }
  dt {
    color: var(--_muted);
    font-size: 0.9em;
  }
  dd {
    margin: 0;
  }
`;
