import { css } from 'lit';

export const listStyles = css`
  .title {
    margin: 0;
    font-size: 1.15em;
  }
  .toolbar {
    display: flex;
    flex-wrap: wrap;
    gap: calc(var(--_space) * 2);
  }
  .search {
    flex: 3 1 12rem;
  }
  .filter {
    flex: 1 1 8.5rem;
    max-inline-size: 13rem;
  }
  .bulk {
    padding: calc(var(--_space) * 2) calc(var(--_space) * 3);
    border-radius: var(--_radius);
    background: var(--_hover);
  }
  .bulk b {
    margin-inline-end: auto;
  }
  progress {
    flex: 1;
    min-inline-size: 8rem;
    accent-color: var(--_primary);
  }
  table {
    inline-size: 100%;
    border: 1px solid var(--_border);
    border-collapse: separate;
    border-spacing: 0;
    border-radius: var(--_radius);
    background: var(--_surface);
  }
  table:focus {
    outline: none;
  }
  th,
  td {
    padding: calc(var(--_space) * 2) calc(var(--_space) * 2.5);
    border-block-start: 1px solid var(--_border);
    text-align: start;
    vertical-align: middle;
    font-weight: 400;
    overflow-wrap: break-word;
  }
  .name {
    min-inline-size: 8rem;
    overflow-wrap: anywhere;
  }
  .tested {
    display: inline-flex;
    flex-wrap: wrap;
    align-items: center;
    gap: var(--_space) calc(var(--_space) * 2);
  }
  .state {
    overflow-wrap: anywhere;
  }
  thead :is(th, td) {
    padding-block: var(--_space);
    border: 0;
  }
  tbody tr:hover {
    background: color-mix(in srgb, var(--_text) 3%, transparent);
  }
  .tick {
    inline-size: 1px;
    padding-inline-end: 0;
  }
  .target {
    display: grid;
    place-items: center;
    min-inline-size: 1.5rem;
    min-block-size: 1.5rem;
  }
  .sort {
    display: inline-flex;
    align-items: center;
    gap: var(--_space);
    min-block-size: 1.75rem;
    margin-inline: calc(var(--_space) * -1);
    padding: 0 var(--_space);
    border: 0;
    border-radius: calc(var(--_radius) / 2);
    background: none;
    color: var(--_muted);
    font-size: 0.88em;
    font-weight: 600;
    white-space: nowrap;
    cursor: pointer;
  }
  [aria-sort='none'] .icon {
    opacity: 0.6;
  }
  .name {
    font-weight: 600;
  }
  .name .muted,
  .plugin .muted,
  .state > .muted {
    display: block;
    font-weight: 400;
  }
  .used {
    white-space: nowrap;
  }
  .acts .row {
    flex-wrap: nowrap;
    justify-content: flex-end;
    gap: var(--_space);
  }
  .pages ul {
    margin: 0;
    margin-inline-start: auto;
    padding: 0;
    list-style: none;
    gap: var(--_space);
  }
  .nothing {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: center;
    gap: calc(var(--_space) * 3);
    padding: calc(var(--_space) * 8) calc(var(--_space) * 4);
    border: 1px dashed var(--_edge);
    border-radius: var(--_radius);
    color: var(--_muted);
    text-align: center;
  }
  @container (inline-size < 44rem) {
    table,
    thead,
    tbody,
    tr,
    :is(th, td) {
      display: block;
    }
    thead tr {
      display: flex;
      flex-wrap: wrap;
      align-items: center;
      gap: 0 calc(var(--_space) * 3);
      padding-inline: calc(var(--_space) * 3);
    }
    thead :is(th, td) {
      inline-size: auto;
      padding: var(--_space) 0;
      border: 0;
      background: none;
    }
    table {
      border: 0;
      background: none;
    }
    tbody {
      display: grid;
      grid-template-columns: minmax(0, 1fr);
      gap: calc(var(--_space) * 2);
    }
    tbody tr {
      display: grid;
      grid-template-columns: auto minmax(0, 1fr);
      gap: 0 calc(var(--_space) * 2);
      padding: calc(var(--_space) * 3);
      border: 1px solid var(--_border);
      border-radius: var(--_radius);
      background: var(--_surface);
    }
    tbody :is(th, td) {
      grid-column: 2;
      padding: calc(var(--_space) * 0.5) 0;
      border: 0;
      inline-size: auto;
    }
    .filter {
      max-inline-size: none;
    }
    .tick {
      inline-size: auto;
    }
    tbody .tick {
      grid-column: 1;
      grid-row: 1;
    }
    .acts .row {
      flex-wrap: wrap;
      justify-content: flex-start;
      margin-block-start: var(--_space);
    }
  }
`;
