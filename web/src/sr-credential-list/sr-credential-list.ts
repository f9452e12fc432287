// <sr-credential-list>: lists a user's credentials, of all plugins or of one. Users find, test, change, reconnect and
// delete them, one at a time or several. The first rows appear when they arrive. The others follow page by page.
import { html, nothing, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import type { Change } from '../api/changes.js';
import type { Client } from '../api/client.js';
import { Problem } from '../api/problem.js';
import type { Credential, Plugin } from '../api/types.js';
import { Confirm, type Question } from '../base/confirm.js';
import { isOf, withChange } from '../base/credentials.js';
import { Ticker } from '../base/ticker.js';
import { remove, removalQuestion } from '../base/removal.js';
import { loadingView } from '../base/view.js';
import { returnView } from '../connection/return.view.js';
import { Editor } from '../editor/editor.js';
import { StrongroomElement } from '../element.js';
import { runBatch, type Batch, type BatchProgress } from './batch.js';
import { filtered, noFilter, sliced, sorted, type Filter, type Sort } from './rows.js';
import { listStyles } from './sr-credential-list.styles.js';
import { emptyView, listView, type ListModel, type Tested } from './sr-credential-list.view.js';

const FIRST_ROWS = 100;
const PAGE_ROWS = 50;

/**
 * Lists credentials.
 *
 * @tag sr-credential-list
 * @fires sr-load - `{count}`: all rows are loaded.
 * @fires sr-select - `{ids}`: the selected credentials.
 * @fires sr-create-request - Cancelable. `{plugin}`
 * @fires sr-edit-request - Cancelable. `{id, reconnect}`
 * @fires sr-delete-request - Cancelable. `{ids}`
 * @fires sr-delete - `{ids}`: the deleted credentials.
 * @fires sr-test - `{id, status, cause}`
 * @slot toolbar - Next to the search.
 * @slot empty - Instead of "No credentials yet".
 * @csspart base - The whole element.
 * @csspart toolbar
 * @csspart filter
 * @csspart table
 * @csspart row
 * @csspart cell
 * @csspart badge
 * @csspart pagination
 * @csspart dialog
 */
export class SrCredentialList extends StrongroomElement {
  static override styles = [...StrongroomElement.styles, listStyles];

  /** Shows only credentials of this type. */
  @property() type = '';
  /** The number of rows on a page of the table. */
  @property({ type: Number, attribute: 'page-size' }) pageSize = PAGE_ROWS;
  /** Hides the button for a new credential. */
  @property({ type: Boolean, attribute: 'no-create' }) noCreate = false;

  @state() private rows: Credential[] | null = null;
  @state() private isComplete = false;
  @state() private filter: Filter = noFilter;
  @state() private sort: Sort = { by: 'name', down: false };
  @state() private page = 0;
  @state() private ticked: ReadonlySet<string> = new Set();
  @state() private progress: BatchProgress | null = null;
  @state() private tested: ReadonlyMap<string, Tested> = new Map();
  @state() private said = '';
  @state() private plugins: ReadonlyMap<string, Plugin> = new Map();
  #stop = new AbortController();
  readonly #confirm = new Confirm(this);
  readonly #editor = new Editor(
    this,
    () => {
      const { context, words, plugin, type } = this;
      return { context, words, plugin, type };
    },
    {
      saved: () => (this.said = this.say('form.saved')),
      removed: (id) => this.#dropped([id]),
    },
  );

  constructor() {
    super();
    new Ticker(this);
  }

  protected override get sources(): readonly unknown[] {
    return [...super.sources, this.type];
  }

  get #isLocked(): boolean {
    return this.isOff || this.readonly || (this.progress !== null && !this.progress.over);
  }

  /** Opens the dialog for a new credential. */
  create(): void {
    if (this.emit('sr-create-request', { plugin: this.plugin }, true)) void this.#editor.open({ is: 'create' });
  }

  /** Opens the dialog to change or reconnect a credential. */
  edit(credential: Credential, reconnect = false): void {
    if (!this.emit('sr-edit-request', { id: credential.id, reconnect }, true)) return;
    void this.#editor.open({ is: reconnect ? 'reconnect' : 'edit', credential });
  }

  /** Deletes a credential after a confirmation. */
  async delete(credential: Credential): Promise<void> {
    const { client } = this;
    const { signal } = this.#stop;
    if (!client || !this.emit('sr-delete-request', { ids: [credential.id] }, true)) return;
    await this.#attempt(async () => {
      const ask = (present: Credential) =>
        this.#confirm.ask(removalQuestion(present, this.#titleOf(present.plugin), this.words));
      if (!(await remove(client, credential, ask)) || signal.aborted) return;
      this.#dropped([credential.id]);
      this.said = this.say('list.deleted', { n: 1 });
    });
  }

  /** Tests a credential at its plugin's service. */
  async test(credential: Credential): Promise<void> {
    await this.#attempt(() => this.#test(credential));
  }

  /** Runs an action of the user. Success clears the error of an earlier attempt. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    const { signal } = this.#stop;
    try {
      await work();
      this.problem = null;
    } catch (caught) {
      if (!signal.aborted) this.problem = this.fail(caught);
    }
  }

  async #deleteTicked(): Promise<void> {
    const { client } = this;
    const chosen = this.#chosen;
    const { signal } = this.#stop;
    if (!client || !this.emit('sr-delete-request', { ids: chosen.map(({ id }) => id) }, true)) return;
    if (!(await this.#confirm.ask(this.#question(chosen)))) return;
    const deleted: string[] = [];
    await this.#run('delete', chosen, async (credential) => {
      const unchanged = (present: Credential) => Promise.resolve(present.revision === credential.revision);
      if (!(await remove(client, credential, unchanged))) throw new Problem('stale');
      deleted.push(credential.id);
    });
    if (signal.aborted) return;
    this.#dropped(deleted);
    this.said = this.say('list.deleted', { n: deleted.length });
  }

  async #testTicked(): Promise<void> {
    const chosen = this.#chosen.filter((credential) => this.#canTest(credential));
    await this.#run('test', chosen, (credential) => this.#test(credential));
  }

  async #run(what: BatchProgress['what'], credentials: Credential[], act: Batch['act']): Promise<void> {
    this.problem = null;
    const { signal } = this.#stop;
    const report = (progress: BatchProgress) => {
      if (!signal.aborted) this.progress = progress;
    };
    await runBatch({ what, credentials, act, report, signal });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stopBatch();
  }

  #stopBatch(): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.progress = null;
  }

  protected override forget(): void {
    this.#stopBatch();
    this.#editor.close();
    this.#confirm.close();
    this.filter = noFilter;
    this.page = 0;
    this.said = '';
    this.rows = null;
    this.ticked = new Set();
    this.tested = new Map();
  }

  protected override get states(): Record<string, boolean> {
    return { ...super.states, loading: !this.rows && !this.problem };
  }

  protected override async load(client: Client, signal: AbortSignal): Promise<void> {
    this.isComplete = false;
    // The list of an unknown plugin is empty, like the list of a user without credentials.
    const asked = this.plugin ? client.plugin(this.plugin, signal).then((one) => [one]) : client.plugins(signal);
    const known = asked.then((plugins) => (this.plugins = new Map(plugins.map((plugin) => [plugin.name, plugin]))));
    // The first failure is shown. The other one must not stay unhandled.
    known.catch(() => undefined);
    const isFirst = this.rows === null;
    const rows: Credential[] = [];
    for await (const page of client.credentials(this.plugin, this.type, signal, FIRST_ROWS)) {
      rows.push(...page);
      if (isFirst) this.rows = [...rows];
    }
    await known;
    this.rows = rows;
    this.isComplete = true;
    this.emit('sr-load', { count: rows.length });
  }

  protected override credentialChanged(change: Change): void {
    if (!this.rows) return;
    const { plugin, type } = this;
    this.rows = withChange(this.rows, change, (credential) => isOf(credential, plugin, type));
    if (!change.credential && this.ticked.has(change.id)) this.#tick([change.id], false);
  }

  protected override render(): TemplateResult {
    return html`<div part="base" class="stack" dir=${this.direction ?? nothing}>
      ${returnView(this.returnPage, this.words, this.problem)} ${this.problemView} ${this.#content()}
      ${this.helpText ? html`<span class="muted">${this.helpText}</span>` : nothing}
      <div role="status" class="hush" aria-live="polite">${this.said}</div>
      ${this.#confirm.view} ${this.#editor.view}
    </div>`;
  }

  #content(): TemplateResult | typeof nothing {
    const { rows, problem, words } = this;
    if (!rows) return problem ? nothing : loadingView(words, 4);
    const model = this.#model(rows);
    return rows.length === 0 && this.isComplete ? emptyView(model) : listView(model);
  }

  #model(rows: Credential[]): ListModel {
    const { words, label, plugin, type, readonly, noCreate, isComplete, filter, sort, ticked, progress, tested } = this;
    const shown = sorted(filtered(rows, filter, words.locale), sort, words.locale);
    return {
      ...{ words, label, plugin, type, readonly, noCreate, isComplete, filter, sort, ticked, progress, tested, rows },
      slice: sliced(shown, this.page, Math.max(1, this.pageSize || PAGE_ROWS)),
      isLocked: this.#isLocked,
      titleOf: (name) => this.#titleOf(name),
      canTest: (credential) => this.#canTest(credential),
      narrow: (more) => this.#narrow(more),
      order: (by) => (this.sort = { by, down: sort.by === by && !sort.down }),
      turn: (page) => this.#turn(page),
      tick: (ids, on) => this.#tick(ids, on),
      create: () => this.create(),
      edit: (credential) => this.edit(credential),
      reconnect: (credential) => this.edit(credential, true),
      test: (credential) => void this.test(credential),
      remove: (credential) => void this.delete(credential),
      testTicked: () => void this.#testTicked(),
      removeTicked: () => void this.#deleteTicked(),
    };
  }

  #titleOf(plugin: string): string {
    return this.plugins.get(plugin)?.manifest.title ?? plugin;
  }

  #canTest({ plugin, type, state }: Credential): boolean {
    const takes = this.plugins.get(plugin)?.manifest.credentials;
    return state !== 'undecryptable' && (type === 'oauth2' || Boolean(takes?.[type as 'api-key']?.test));
  }

  #narrow(filter: Partial<Filter>): void {
    this.filter = { ...this.filter, ...filter };
    this.page = 0;
  }

  #turn(page: number): void {
    this.page = page;
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>('table')?.focus());
  }

  #tick(ids: string[], on: boolean): void {
    const ticked = new Set(this.ticked);
    for (const id of ids) {
      if (on) ticked.add(id);
      else ticked.delete(id);
    }
    this.ticked = ticked;
    this.emit('sr-select', { ids: [...ticked] });
  }

  get #chosen(): Credential[] {
    return (this.rows ?? []).filter(({ id }) => this.ticked.has(id));
  }

  #question(chosen: Credential[]): Question {
    const first = chosen.slice(0, 5);
    const more = chosen.length - first.length;
    const item = ({ name, plugin }: Credential) =>
      html`<li><bdi>${name}</bdi> <span class="muted">${this.#titleOf(plugin)}</span></li>`;
    return {
      title: this.say('delete.several', { n: chosen.length }),
      content: html`<ul>
          ${first.map(item)}${more > 0 ? html`<li>${this.say('delete.more', { n: more })}</li>` : nothing}
        </ul>
        <p>${this.say('delete.final')}</p>`,
      yes: this.say('delete'),
      no: this.say('cancel'),
      danger: true,
    };
  }

  async #test(credential: Credential): Promise<void> {
    const { client } = this;
    if (!client) return;
    const { id } = credential;
    const before = this.tested.get(id);
    const note = (tested: Tested | undefined) => {
      const all = new Map(this.tested);
      if (tested) all.set(id, tested);
      else all.delete(id);
      this.tested = all;
    };
    const { signal } = this.#stop;
    note({ verdict: null, at: '' });
    try {
      const verdict = await client.testStored(id);
      if (signal.aborted) return;
      note({ verdict, at: new Date().toISOString() });
      this.emit('sr-test', { id, ...verdict });
    } catch (caught) {
      if (!signal.aborted) note(before);
      throw caught;
    }
  }

  #dropped(ids: string[]): void {
    for (const id of ids) this.credentialChanged({ id, credential: null });
    this.emit('sr-delete', { ids });
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'sr-credential-list': SrCredentialList;
  }
}
