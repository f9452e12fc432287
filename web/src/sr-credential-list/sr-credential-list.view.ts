// Views of the list: toolbar, table, pages, batch actions and dialogs. On a narrow screen, the rows are cards.
// `display` removes the roles of a table, so the elements name them explicitly.
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { Credential } from '../api/types.js';
import type { Verdict } from '../api/types.js';
import { ailment, badge, banner, icon, sayProblem, typeName } from '../base/view.js';
import type { Key, Words } from '../i18n/messages.js';
import type { BatchProgress } from './batch.js';
import { pageNumbers, type Column, type Filter, type Slice, type Sort } from './rows.js';

/** The result and the time of the last test. Without a verdict, the test is running. */
export type Tested = { verdict: null; at: '' } | { verdict: Verdict; at: string };

/** The data and actions of the list. */
export interface ListModel {
  words: Words;
  label: string;
  plugin: string;
  type: string;
  readonly: boolean;
  noCreate: boolean;
  isLocked: boolean;
  isComplete: boolean;
  rows: readonly Credential[];
  slice: Slice;
  filter: Filter;
  sort: Sort;
  ticked: ReadonlySet<string>;
  progress: BatchProgress | null;
  tested: ReadonlyMap<string, Tested>;
  titleOf(plugin: string): string;
  canTest(credential: Credential): boolean;
  narrow(filter: Partial<Filter>): void;
  order(by: Column): void;
  turn(page: number): void;
  tick(ids: string[], on: boolean): void;
  create(): void;
  edit(credential: Credential): void;
  reconnect(credential: Credential): void;
  test(credential: Credential): void;
  remove(credential: Credential): void;
  testTicked(): void;
  removeTicked(): void;
}

export function listView(list: ListModel): TemplateResult {
  const { words, label, slice } = list;
  return html`
    ${label ? html`<h2 class="title">${label}</h2>` : nothing} ${toolbarView(list)} ${batchView(list)}
    ${
      slice.count
        ? tableView(list, slice)
        : html`<div class="nothing" role="status">${icon('info')} ${words.say('list.nomatch')}
      <button type="button" class="button quiet small" @click=${() => list.narrow({ text: '', plugin: '', type: '', state: '' })}>${words.say('list.reset')}</button></div>`
    }
    ${pagesView(list, slice)}
  `;
}

function toolbarView(list: ListModel): TemplateResult {
  const { words, rows, filter } = list;
  const plugins = [...new Set(rows.map(({ plugin }) => plugin))].sort();
  const select = (
    name: 'plugin' | 'type' | 'state',
    options: [string, string][],
  ) => html`<label class="filter" part="filter">
    <span class="hush">${words.say(`list.by.${name}`)}</span>
    <select @change=${(event: Event) => list.narrow({ [name]: (event.target as HTMLSelectElement).value })}>
      <option value="" ?selected=${filter[name] === ''}>${words.say(`list.all.${name}`)}</option>
      ${options.map(([value, text]) => html`<option value=${value} ?selected=${filter[name] === value}>${text}</option>`)}
    </select>
  </label>`;
  return html`<div class="toolbar" part="toolbar" role="search">
    <label class="search">
      <span class="hush">${words.say('list.search')}</span>
      <input type="search" autocomplete="off" placeholder=${words.say('list.search')} .value=${live(filter.text)}
        @input=${(event: Event) => list.narrow({ text: (event.target as HTMLInputElement).value })} />
    </label>
    ${
      list.plugin
        ? nothing
        : select(
            'plugin',
            plugins.map((name) => [name, list.titleOf(name)]),
          )
    }
    ${
      list.type
        ? nothing
        : select(
            'type',
            (['api-key', 'oauth2', 'custom'] as const).map((type) => [type, typeName(type, words)]),
          )
    }
    ${select(
      'state',
      (['works', 'needs', 'trouble'] as const).map((state) => [state, words.say(`list.state.${state}`)]),
    )}
    <slot name="toolbar"></slot>
    ${
      list.noCreate || !list.plugin || list.readonly
        ? nothing
        : html`<button type="button" class="button primary" ?disabled=${list.isLocked} @click=${() => list.create()}>${icon('plus')}${words.say('select.create')}</button>`
    }
  </div>`;
}

function batchView(list: ListModel): TemplateResult | typeof nothing {
  const { words, ticked, progress } = list;
  const isRunning = progress && !progress.over;
  const bar = isRunning
    ? html`<label class="row"
        >${words.say(`batch.${progress.what}`, { n: progress.done, total: progress.total })}
        <progress max=${progress.total} value=${progress.done}></progress>
        ${
          progress.waiting
            ? html`<span class="muted" role="status">${words.say('batch.waiting', { n: progress.waiting })}</span>`
            : nothing
        }</label
      >`
    : nothing;
  const failures =
    progress?.over && progress.failures.length
      ? html`<div role="alert">${banner(
          'bad',
          'alert',
          html`<p>${words.say('batch.failed', { n: progress.failures.length })}</p>
          <ul>${progress.failures.map(({ credential, problem }) => html`<li><bdi>${credential.name}</bdi>: ${sayProblem(problem, words)}</li>`)}</ul>`,
        )}</div>`
      : nothing;
  const bulk = ticked.size
    ? html`<div class="bulk row" role="group" aria-label=${words.say('list.several')}>
        <b role="status">${words.say('list.ticked', { n: ticked.size })}</b>
        <button type="button" class="button small" ?disabled=${list.isLocked} @click=${() => list.testTicked()}>${words.say('test')}</button>
        <button type="button" class="button small danger" ?disabled=${list.isLocked} @click=${() => list.removeTicked()}>${icon('trash')}${words.say('delete')}</button>
        <button type="button" class="button quiet small" @click=${() => list.tick([...ticked], false)}>${words.say('list.untick')}</button>
      </div>`
    : nothing;
  return html`${bulk}${bar}${failures}`;
}

function tableView(list: ListModel, { rows }: Slice): TemplateResult {
  const { words, sort } = list;
  const head = (by: Column) => {
    const direction = sort.by === by ? (sort.down ? 'descending' : 'ascending') : 'none';
    const shape = direction === 'none' ? 'sort' : sort.down ? 'down' : 'up';
    return html`<th role="columnheader" scope="col" aria-sort=${direction}>
      <button type="button" class="sort" @click=${() => list.order(by)}>${words.say(`list.${by}`)} ${icon(shape)}</button>
    </th>`;
  };
  const ids = rows.map(({ id }) => id);
  const all = ids.every((id) => list.ticked.has(id));
  return html`<table part="table" role="table" tabindex="-1" aria-label=${list.label || words.say('list.label')}>
    <thead role="rowgroup">
      <tr role="row">
        ${
          list.readonly
            ? nothing
            : html`<td role="cell" class="tick"><label class="target"><input type="checkbox" .checked=${live(all)} .indeterminate=${live(!all && ids.some((id) => list.ticked.has(id)))}
              aria-label=${words.say('list.all')} ?disabled=${list.isLocked} @change=${(event: Event) => list.tick(ids, (event.target as HTMLInputElement).checked)} /></label></td>`
        }
        ${head('name')}${head('plugin')}${head('state')}${head('used')}
        ${list.readonly ? nothing : html`<th role="columnheader" scope="col"><span class="hush">${words.say('list.actions')}</span></th>`}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${rows.map((credential) => rowView(list, credential))}
    </tbody>
  </table>`;
}

function rowView(list: ListModel, credential: Credential): TemplateResult {
  const { words } = list;
  const { id, name, account, type } = credential;
  const used = credential.last_used_at;
  const why = ailment(credential, words);
  return html`<tr role="row" part="row" data-id=${id}>
    ${
      list.readonly
        ? nothing
        : html`<td role="cell" part="cell" class="tick"><label class="target"><input type="checkbox" .checked=${live(list.ticked.has(id))} aria-label=${words.say('list.tick', { field: name })}
          ?disabled=${list.isLocked} @change=${(event: Event) => list.tick([id], (event.target as HTMLInputElement).checked)} /></label></td>`
    }
    <th role="rowheader" scope="row" part="cell" class="name"><bdi>${name}</bdi>${account && account !== name ? html`<span class="muted"><bdi>${account}</bdi></span>` : nothing}</th>
    <td role="cell" part="cell" class="plugin"><bdi>${list.titleOf(credential.plugin)}</bdi> <span class="muted">${typeName(type, words)}</span></td>
    <td role="cell" part="cell" class="state">
      ${badge(credential.state, words)} ${testedView(list.tested.get(id), words)}
      ${why ? html`<span class="muted">${why}</span>` : nothing}
    </td>
    <td role="cell" part="cell" class="used muted">${used ? html`<time datetime=${used} title=${words.date(used)}>${words.ago(used)}</time>` : words.say('list.unused')}</td>
    ${list.readonly ? nothing : html`<td role="cell" part="cell" class="acts"><div class="row">${actionsView(list, credential)}</div></td>`}
  </tr>`;
}

/** The result of the last test, next to the state. The two can differ. */
function testedView(tested: Tested | undefined, words: Words): TemplateResult | typeof nothing {
  if (!tested) return nothing;
  if (!tested.verdict) {
    return html`<span class="muted" role="status">${icon('spin')} ${words.say('form.testing')}</span>`;
  }
  const { at, verdict } = tested;
  return html`<span role="status" class="tested">
    <time class="muted" datetime=${at} title=${words.date(at)}>${words.say('list.tested', { ago: words.ago(at) })}</time>
    ${badge(verdict.status, words)}
  </span>`;
}

function actionsView(list: ListModel, credential: Credential): TemplateResult {
  const { words } = list;
  const { name } = credential;
  const button = (key: Key, text: unknown, go: () => void, kind = '') =>
    html`<button type="button" class="button small ${kind}" aria-label=${words.say(key, { field: name })} title=${words.say(key, { field: name })} ?disabled=${list.isLocked} @click=${go}>${text}</button>`;
  return html`
    ${credential.type === 'oauth2' && credential.state === 'reauth-required' ? button('reconnect.of', words.say('reconnect'), () => list.reconnect(credential), 'primary') : nothing}
    ${list.canTest(credential) ? button('test.of', words.say('test'), () => list.test(credential)) : nothing}
    ${button('edit.of', icon('pencil'), () => list.edit(credential))}
    ${button('delete.of', icon('trash'), () => list.remove(credential), 'danger')}
  `;
}

function pagesView(list: ListModel, { page, pages, count }: Slice): TemplateResult {
  const { words } = list;
  const text = words.say('list.count', { n: count });
  const loading = list.isComplete
    ? nothing
    : html`<span class="muted">${icon('spin')} ${words.say('list.more')}</span>`;
  if (pages === 1) return html`<div class="row muted"><span role="status">${text}</span>${loading}</div>`;
  const numbers = pageNumbers(page, pages).map((at) =>
    at === null
      ? html`<li aria-hidden="true">…</li>`
      : html`<li><button type="button" class="button small ${at === page ? 'primary' : ''}" aria-current=${at === page ? 'page' : nothing}
          aria-label=${words.say('list.page', { n: at + 1, pages })} @click=${() => list.turn(at)}>${new Intl.NumberFormat(words.locale).format(at + 1)}</button></li>`,
  );
  return html`<nav class="pages row" part="pagination" aria-label=${words.say('list.pages')}>
    <span class="muted" role="status">${text}</span>${loading}<ul class="row">${numbers}</ul>
  </nav>`;
}

export function emptyView(list: ListModel): TemplateResult {
  const { words } = list;
  return html`<div class="nothing">
    <slot name="empty">${words.say(list.plugin ? 'select.empty' : 'list.empty')}</slot>
    ${
      list.noCreate || !list.plugin || list.readonly
        ? nothing
        : html`<button type="button" class="button primary" ?disabled=${list.isLocked} @click=${() => list.create()}>${icon('plus')}${words.say('select.first')}</button>`
    }
  </div>`;
}
