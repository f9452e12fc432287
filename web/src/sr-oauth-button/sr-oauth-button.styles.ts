import { css } from 'lit';

export const oauthStyles = css`
  :host {
    max-inline-size: 36rem;
  }
  [part='status']:empty {
    display: none;
  }
  .code {
    display: inline-block;
    padding: 0.15em 0.5em;
    border: 1px solid var(--_edge);
    border-radius: var(--_radius);
    background: var(--_surface);
    font:
      600 1.5em/1.4 ui-monospace,
      'SF Mono',
      Menlo,
      Consolas,
      monospace;
    letter-spacing: 0.08em;
    user-select: all;
  }
  .masked {
    -webkit-text-security: disc;
  }
  .key-file {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: var(--_space);
  }
  .note:empty {
    display: none;
  }
  .file {
    position: relative;
  }
  .file:focus-within {
    box-shadow: var(--_ring);
  }
  .fault {
    color: var(--_danger);
  }
  .account {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: calc(var(--_space) * 2);
  }
  .account b {
    font-weight: 600;
  }
  ul.accounts {
    display: grid;
    gap: calc(var(--_space) * 4);
    margin: 0;
    padding: 0;
    list-style: none;
  }
  ul.accounts > li {
    display: flex;
    gap: calc(var(--_space) * 2);
  }
  ul.accounts .target {
    display: grid;
    place-items: start center;
    min-inline-size: 1.5rem;
    padding-block-start: 0.15em;
  }
  ul.scopes {
    margin: var(--_space) 0 0;
    padding-inline-start: 1.2em;
  }
`;
