// <sr-credential-list>: all of a user's credentials, or those for a plugin: to find, test, change, connect again and delete,
// one at a time or several. The first rows are shown as soon as they are there; the others follow page by page.
import { html, nothing, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import type { Client } from '../api/client.js';
import { Problem } from '../api/problem.js';
import type { Credential, Plugin, Verdict } from '../api/types.js';
import { Confirm } from '../base/confirm.js';
import { StrongroomElement } from '../element.js';
import { runBatch, type Progress } from './batch.js';
import { listStyles } from './sr-credential-list.styles.js';
import { filtered, noFilter, sliced, sorted, type Column, type Filter, type Slice, type Sort } from './rows.js';
import { editorView, emptyView, listView } from './sr-credential-list.view.js';
import { arrivalView } from '../connection/return.view.js';
import { remove, removalQuestion } from '../base/removal.js';
import { isShut } from '../base/view.js';

export type ListEditor = { at: 'create' } | { at: 'edit' | 'reconnect'; credential: Credential };

/**
 * Lists credentials.
 *
 * @tag sr-credential-list
 * @fires sr-load - `{count}`: all rows are there.
 * @fires sr-select - `{ids}`: what is ticked.
 * @fires sr-create-request - Cancelable. `{plugin}`
 * @fires sr-edit-request - Cancelable. `{id, reconnect}`
 * @fires sr-delete-request - Cancelable. `{ids}`
 * @fires sr-delete - `{ids}`: what is gone.
 * @fires sr-test - `{id, status, cause}`
 * @slot toolbar - Beside the search.
 * @slot empty - Instead of the words for "none yet".
 * @csspart base - Everything.
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

  /** Only credentials of this type. */
  @property() type = '';
  @property({ type: Number, attribute: 'page-size' }) pageSize = 50;
  @property({ type: Boolean, attribute: 'no-create' }) noCreate = false;
  @property() flow: 'popup' | 'redirect' | 'device' = 'popup';
  @property({ attribute: 'return-address' }) returnAddress = '';

  @state() rows: Credential[] | null = null;
  @state() isComplete = false;
  @state() filter: Filter = noFilter;
  @state() sort: Sort = { by: 'name', down: false };
  @state() page = 0;
  @state() ticked: ReadonlySet<string> = new Set();
  @state() progress: Progress | null = null;
  @state() editor: ListEditor | null = null;
  @state() verdicts: ReadonlyMap<string, Verdict | 'testing'> = new Map();
  @state() said = '';
  plugins: ReadonlyMap<string, Plugin> = new Map();
  readonly #confirm = new Confirm(this);
  #from: HTMLElement | null = null;

  get dialog(): HTMLDialogElement | null {
    return this.renderRoot.querySelector('#editor');
  }

  protected override get sources(): readonly string[] {
    return [...super.sources, 'type'];
  }

  get isLocked(): boolean {
    return this.isOff || this.readonly || (this.progress !== null && !this.progress.over);
  }

  get shown(): Slice {
    const rows = sorted(filtered(this.rows ?? [], this.filter, this.words.locale), this.sort, this.words.locale);
    return sliced(rows, this.page, Math.max(1, this.pageSize || 50));
  }

  titleOf(plugin: string): string {
    return this.plugins.get(plugin)?.manifest.title ?? plugin;
  }

  canTest({ plugin, type, state }: Credential): boolean {
    const takes = this.plugins.get(plugin)?.manifest.credentials;
    return state !== 'undecryptable' && (type === 'oauth2' || Boolean(takes?.[type as 'api-key']?.test));
  }

  narrow(filter: Partial<Filter>): void {
    this.filter = { ...this.filter, ...filter };
    this.page = 0;
  }

  order(by: Column): void {
    this.sort = { by, down: this.sort.by === by && !this.sort.down };
  }

  turn(page: number): void {
    this.page = page;
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>('table')?.focus());
  }

  tick(ids: string[], on: boolean): void {
    const ticked = new Set(this.ticked);
    for (const id of ids)
      if (on) ticked.add(id);
      else ticked.delete(id);
    this.ticked = ticked;
    this.tell('sr-select', { ids: [...ticked] });
  }

  create(): void {
    if (this.tell('sr-create-request', { plugin: this.plugin }, true)) void this.#edit({ at: 'create' });
  }

  edit(credential: Credential, reconnect = false): void {
    if (!this.tell('sr-edit-request', { id: credential.id, reconnect }, true)) return;
    void this.#edit({ at: reconnect ? 'reconnect' : 'edit', credential });
  }

  async delete(credential: Credential): Promise<void> {
    const { client } = this;
    if (!client || !this.tell('sr-delete-request', { ids: [credential.id] }, true)) return;
    try {
      const ask = (present: Credential) =>
        this.#confirm.ask(removalQuestion(present, this.titleOf(present.plugin), this.words));
      if (!(await remove(client, credential, ask))) return;
      this.#dropped([credential.id]);
      this.said = this.say('list.deleted', { n: 1 });
    } catch (caught) {
      this.problem = this.fail(caught);
    }
  }

  async test(credential: Credential): Promise<void> {
    try {
      await this.#test(credential);
    } catch (caught) {
      this.problem = this.fail(caught);
    }
  }

  async deleteTicked(): Promise<void> {
    const { client } = this;
    const chosen = this.#chosen;
    if (!client || !this.tell('sr-delete-request', { ids: chosen.map(({ id }) => id) }, true)) return;
    if (!(await this.#confirm.ask(this.#question(chosen)))) return;
    const deleted: string[] = [];
    const act = async (credential: Credential) => {
      const gone = await remove(client, credential, async (present) => present.revision === credential.revision);
      if (!gone) throw new Problem('stale');
      deleted.push(credential.id);
    };
    await runBatch('delete', chosen, act, (progress) => (this.progress = progress));
    this.#dropped(deleted);
    this.said = this.say('list.deleted', { n: deleted.length });
  }

  async testTicked(): Promise<void> {
    const chosen = this.#chosen.filter((credential) => this.canTest(credential));
    await runBatch(
      'test',
      chosen,
      (credential) => this.#test(credential),
      (progress) => (this.progress = progress),
    );
  }

  saved(credential: Credential): void {
    const others = (this.rows ?? []).filter(({ id }) => id !== credential.id);
    this.rows = [...others, credential];
    this.endEdit();
    this.said = this.say('form.saved');
  }

  async reconnected(id: string): Promise<void> {
    try {
      if (this.client) this.saved(await this.client.credential(id));
    } catch (caught) {
      this.problem = this.fail(caught);
    }
  }

  removed(id: string): void {
    this.#dropped([id]);
    this.endEdit();
  }

  endEdit(): void {
    this.dialog?.close();
    this.editor = null;
    const from = this.#from;
    this.#from = null;
    void this.updateComplete.then(() => from?.focus());
  }

  protected override forget(): void {
    this.rows = this.editor = null;
    this.ticked = new Set();
    this.verdicts = new Map();
  }

  protected override get states(): Record<string, boolean> {
    return { ...super.states, loading: !this.rows && !this.problem };
  }

  protected override async load(client: Client, signal: AbortSignal): Promise<void> {
    this.isComplete = false;
    const known = client.plugins(signal).then(({ items }) => {
      this.plugins = new Map(items.map((plugin) => [plugin.name, plugin]));
      this.requestUpdate();
    });
    // Whatever fails first is what is shown; the other must not be left unheard.
    known.catch(() => undefined);
    const rows: Credential[] = [];
    for await (const page of client.credentials(this.plugin, this.type, 100, signal)) {
      rows.push(...page);
      this.rows = [...rows];
    }
    await known;
    this.isComplete = true;
    this.tell('sr-load', { count: rows.length });
  }

  protected override render(): TemplateResult {
    const isEmpty = this.rows?.length === 0 && this.isComplete;
    return html`<div part="base" class="stack" dir=${this.direction ?? nothing}>
      ${arrivalView(this.arrival, this.words, this.problem)} ${this.problemView} ${isEmpty ? emptyView(this) : this.problem && !this.rows ? nothing : listView(this)}
      <div role="status" class="hush" aria-live="polite">${this.said}</div>
      ${this.#confirm.view}
      ${this.editor ? html`<dialog id="editor" part="dialog" aria-label=${this.say('select.dialog')} @cancel=${this.#escaped} @close=${(event: Event) => isShut(event) && this.editor && this.endEdit()}>${editorView(this, this.editor)}</dialog>` : nothing}
    </div>`;
  }

  get #chosen(): Credential[] {
    return (this.rows ?? []).filter(({ id }) => this.ticked.has(id));
  }

  #question(chosen: Credential[]) {
    const first = chosen.slice(0, 5);
    const more = chosen.length - first.length;
    return {
      title: this.say('delete.several', { n: chosen.length }),
      content: html`<ul>
          ${first.map(({ name, plugin }) => html`<li><bdi>${name}</bdi> <span class="muted">${this.titleOf(plugin)}</span></li>`)}
          ${more > 0 ? html`<li>${this.say('delete.more', { n: more })}</li>` : nothing}
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
    this.verdicts = new Map(this.verdicts).set(id, 'testing');
    try {
      const verdict = await client.testStored(id);
      this.verdicts = new Map(this.verdicts).set(id, verdict);
      this.tell('sr-test', { id, ...verdict });
    } catch (caught) {
      const verdicts = new Map(this.verdicts);
      verdicts.delete(id);
      this.verdicts = verdicts;
      throw caught;
    }
  }

  #dropped(ids: string[]): void {
    const gone = new Set(ids);
    this.rows = (this.rows ?? []).filter(({ id }) => !gone.has(id));
    this.tick(ids, false);
    this.tell('sr-delete', { ids });
  }

  async #edit(editor: ListEditor): Promise<void> {
    this.#from = (this.renderRoot as ShadowRoot).activeElement as HTMLElement | null;
    this.editor = editor;
    await this.updateComplete;
    this.dialog?.showModal();
  }

  readonly #escaped = (event: Event): void => {
    const form = this.renderRoot.querySelector('sr-credential-form');
    if (event.target !== this.dialog || !form?.isDirty) return;
    event.preventDefault();
    void form.cancel();
  };
}

declare global {
  interface HTMLElementTagNameMap {
    'sr-credential-list': SrCredentialList;
  }
}
