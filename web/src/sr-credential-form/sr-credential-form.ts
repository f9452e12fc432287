// <sr-credential-form>: creates a credential from a plugin's schema, or changes one. Secrets are sent to the vault and
// never returned. A stored secret is shown as "configured". A typed secret is dropped when it is sent, reset or
// abandoned.
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { keyed } from 'lit/directives/keyed.js';
import type { Change } from '../api/changes.js';
import type { Client } from '../api/client.js';
import type { Problem } from '../api/problem.js';
import type { Credential, CredentialType, FieldProblem, Plugin, Verdict } from '../api/types.js';
import { Confirm } from '../base/confirm.js';
import { loadingView } from '../base/view.js';
import { returnView } from '../connection/return.view.js';
import { StrongroomElement } from '../element.js';
import type { ConnectDetail } from '../connection/detail.js';
import { conflictQuestion } from './conflict.view.js';
import { Draft } from './draft.js';
import { Entry, type EntryHost } from './entry.js';
import { faultSentence } from './fault-sentence.js';
import { fieldsOf, furtherField, isFieldName, type Field } from './fields.js';
import { freeName, IdempotencyKey, save, Stopped } from './save.js';
import { formStyles } from './sr-credential-form.styles.js';
import { formView, type FormModel, type Said } from './sr-credential-form.view.js';

const ORDER: CredentialType[] = ['oauth2', 'api-key', 'custom'];

/**
 * Creates a credential for a plugin, or changes one. Its form value is the credential's id.
 *
 * @tag sr-credential-form
 * @fires sr-submit - Before saving. Cancelable. `{plugin, type, name}`
 * @fires sr-save - `{credential}`: the saved credential, without secrets
 * @fires sr-test - `{status, cause}`: `accepted`, `rejected` or `unverified`
 * @fires sr-cancel - The user left the form.
 * @fires sr-dirty-change - `{dirty}`
 * @fires sr-validate - `{valid, fields}`: the names of the invalid fields
 * @slot header - Above the form, instead of the plugin's title and description.
 * @slot before-fields
 * @slot after-fields
 * @slot actions - Next to the buttons.
 * @slot field-NAME - Under the field of that name.
 * @csspart base - The whole element.
 * @csspart field
 * @csspart label
 * @csspart input
 * @csspart secret-set - The mark of a stored secret.
 * @csspart replace-button
 * @csspart clear-button
 * @csspart undo-button
 * @csspart reveal-button
 * @csspart test-banner
 * @csspart error-summary
 * @csspart error
 * @csspart actions
 * @csspart dialog
 */
export class SrCredentialForm extends StrongroomElement {
  static formAssociated = true;
  static override styles = [...StrongroomElement.styles, formStyles];

  /** `api-key`, `custom` or `oauth2`. The default is the plugin's first type. */
  @property() type = '';
  /** The credential to change. Empty to create one. */
  @property({ attribute: 'credential-id' }) credentialId = '';
  /** `manual` shows a button, `auto` tests before saving, `off` does neither. */
  @property({ attribute: 'test' }) testing: 'manual' | 'auto' | 'off' = 'manual';
  @property({ attribute: 'submit-label' }) submitLabel = '';
  @property({ type: Boolean, attribute: 'hide-header' }) hideHeader = false;
  @property({ type: Boolean, attribute: 'no-actions' }) noActions = false;
  @property({ reflect: true }) name = '';

  @state() private registered: Plugin | null = null;
  /** The present type: the value of `type`, or the user's choice. */
  @state() private kind: CredentialType = 'api-key';
  @state() private busy: 'saving' | 'testing' | null = null;
  @state() private verdict: Verdict | null = null;
  @state() private trouble: Problem | null = null;
  @state() private said: Said | null = null;
  #entry: Entry | null = null;
  #names: string[] = [];
  #generation = 0;
  #wasDirty = false;
  #typeRead = '';
  readonly #fieldsOf = new Map<string, Field[]>();
  readonly #key = new IdempotencyKey();
  readonly #confirm = new Confirm(this);

  protected override get sources(): readonly unknown[] {
    return [...super.sources, this.credentialId, this.type];
  }

  get #isLocked(): boolean {
    return this.isOff || this.busy !== null;
  }

  /** Whether the form has unsaved input. */
  get isDirty(): boolean {
    return this.#entry?.draft.isDirty ?? false;
  }

  get #kinds(): CredentialType[] {
    const takes = this.registered?.manifest.credentials;
    return ORDER.filter((kind) => takes?.[kind]);
  }

  get #canTest(): boolean {
    if (this.testing === 'off') return false;
    // The provider's catalogue file may define a test that the manifest lacks. Only the vault knows.
    return this.kind === 'oauth2' || Boolean(this.registered?.manifest.credentials[this.kind]?.test);
  }

  get #isNameTaken(): boolean {
    const draft = this.#entry?.draft;
    return draft !== undefined && draft.name.trim() !== draft.stored?.name && this.#names.includes(draft.name.trim());
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener('beforeunload', this.#leaving);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener('beforeunload', this.#leaving);
    this.forget();
  }

  protected override forget(): void {
    this.#entry?.draft.wipe();
    this.#entry = null;
    this.#names = [];
    this.busy = null;
    this.#confirm.close();
    this.#generation += 1;
    this.#calm();
  }

  /** Checks, tests if required, and saves. */
  async submit(options: { anyway?: boolean } = {}): Promise<void> {
    const { client, registered } = this;
    const entry = this.#entry;
    if (!client || !entry || !registered || this.#isLocked || this.readonly) return;
    this.#calm();
    if (!this.#check(entry)) return;
    if (entry.draft.stored && !entry.draft.isDirty) return void (this.said = 'form.unchanged');
    const { plugin, kind } = this;
    if (!this.emit('sr-submit', { plugin, type: kind, name: entry.draft.name.trim() }, true)) return;
    if (this.testing === 'auto' && this.#canTest && !options.anyway) {
      const verdict = await this.#tested();
      if (verdict?.status !== 'accepted' || this.#entry !== entry) return;
    }
    const reconcile = (mine: Draft, theirs: Credential) => this.#reconcile(mine, theirs);
    const saving = { client, plugin: registered.name, type: kind, key: this.#key, reconcile };
    const user = this.userCount;
    await this.#while('saving', async () => {
      const saved = await save(entry.draft, saving);
      if (user === this.userCount) this.#saved(saved, entry);
    });
  }

  /** Tests the draft together with the stored values at the plugin's service. */
  async test(): Promise<void> {
    await this.#tested();
  }

  async #tested(): Promise<Verdict | null> {
    const { client } = this;
    const entry = this.#entry;
    if (!client || !entry || this.#isLocked || !this.#canTest) return null;
    this.#calm();
    if (!this.#check(entry)) return null;
    let verdict: Verdict | null = null;
    await this.#while('testing', async () => {
      const { draft } = entry;
      const stored = draft.stored?.id;
      const change = { plugin: this.registered!.name, type: this.kind, fields: draft.changes() };
      verdict =
        stored && !draft.isDirty
          ? await client.testStored(stored)
          : await client.testDraft(stored ? { ...change, credential: stored } : change);
      if (this.#entry !== entry) return;
      this.verdict = verdict;
      this.emit('sr-test', verdict);
    });
    return verdict;
  }

  /** Discards the input. */
  reset(): void {
    if (!this.registered) return;
    this.#calm();
    this.#begin(this.#entry?.draft.stored ?? null);
  }

  /** Leaves the form. Asks first if it has unsaved input. */
  async cancel(): Promise<void> {
    const question = { title: this.say('leave.title'), content: html`<p>${this.say('leave.text')}</p>` };
    const answer = { yes: this.say('leave.yes'), no: this.say('leave.no'), danger: true };
    if (this.isDirty && !(await this.#confirm.ask({ ...question, ...answer }))) return;
    this.reset();
    this.emit('sr-cancel');
  }

  /** @internal */
  formResetCallback(): void {
    this.reset();
  }

  protected override async load(client: Client, signal: AbortSignal): Promise<void> {
    const credential = this.credentialId ? await client.credential(this.credentialId, signal) : null;
    const kept = this.#entry?.draft;
    const registered = await client.plugin(this.plugin || (credential?.plugin ?? ''), signal);
    this.registered = registered;
    if (!kept || credential || this.type !== this.#typeRead) this.kind = this.#firstKind(credential);
    this.#typeRead = this.type;
    const isSame = kept && kept.stored?.id === credential?.id;
    // Input stays when a newer revision arrives. Saving then asks the user.
    const same = isSame && (kept.isDirty || kept.stored?.revision === credential?.revision);
    if (!same || kept.fields !== this.#fieldsOf.get(this.kind)) this.#begin(credential);
    void client.allCredentials(registered.name, '', signal).then(
      (found) => signal.aborted || this.#learnNames(found.map(({ name }) => name)),
      // Without the names, only the hint is missing. The server still refuses a taken name.
      () => undefined,
    );
  }

  /** Applies a change of another page, unless that would lose input. Saving then asks the user. */
  protected override credentialChanged({ id, credential }: Change): void {
    const draft = this.#entry?.draft;
    if (!draft || this.busy) return;
    if (credential && credential.plugin === this.registered?.name) this.#learnNames([...this.#names, credential.name]);
    const { stored } = draft;
    if (stored?.id !== id || draft.isDirty) return;
    if (!credential) return void this.refresh();
    if (credential.revision > stored.revision) this.#begin(credential);
  }

  protected override get states(): Record<string, boolean> {
    return { ...super.states, loading: !this.registered && !this.problem, dirty: this.isDirty };
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    this.internals.setFormValue(this.credentialId || null);
  }

  protected override render(): TemplateResult {
    const { registered, words, problem } = this;
    const entry = this.#entry;
    const content = () => (entry && registered ? formView(this.#model(entry, registered)) : loadingView(words, 3));
    return html`<div part="base" class="stack" dir=${this.direction ?? nothing}>
      ${returnView(this.returnPage, words, problem)} ${this.problemView}
      ${problem && !entry ? nothing : keyed(this.#generation, content())} ${this.#confirm.view}
    </div>`;
  }

  #model(entry: Entry, registered: Plugin): FormModel {
    const { words, label, kind, busy, verdict, trouble, said, testing, readonly, context } = this;
    const { helpText, hideHeader, noActions, submitLabel } = this;
    return {
      ...{ entry, registered, words, label, kind, busy, verdict, trouble, said, testing, readonly, context },
      ...{ helpText, hideHeader, noActions, submitLabel },
      kinds: this.#kinds,
      isLocked: this.#isLocked,
      canTest: this.#canTest,
      isNameTaken: this.#isNameTaken,
      submit: (options) => void this.submit(options),
      test: () => void this.test(),
      cancel: () => void this.cancel(),
      rename: (name) => this.#rename(name),
      switchTo: (to) => this.#switchTo(to),
      addField: (name) => this.#addField(name),
      focusField: (id) => void this.#focusField(id),
      connected: (detail) => void this.#connectedAccount(detail),
      disconnected: () => this.#disconnected(),
    };
  }

  #rename(name: string): void {
    this.#entry?.draft.rename(name);
    this.#changed();
  }

  #switchTo(kind: CredentialType): void {
    this.kind = kind;
    this.#calm();
    this.#begin(null);
  }

  /** Adds a field with its own name, if the plugin accepts further fields. */
  #addField(name: string): boolean {
    const entry = this.#entry;
    if (!entry || !isFieldName(name) || entry.draft.fields.some((field) => field.name === name)) return false;
    entry.draft.fields.push(furtherField(name));
    this.requestUpdate();
    void this.#focusField(`field-${name}`);
    return true;
  }

  async #focusField(id: string): Promise<void> {
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>(`#${CSS.escape(id)}`)?.focus();
  }

  async #connectedAccount({ credentialId, renewed }: ConnectDetail): Promise<void> {
    const { client } = this;
    if (!client) return;
    const wasThere = !this.credentialId && renewed;
    const entry = this.#entry;
    await this.#while('saving', async () => {
      this.#saved(await client.credential(credentialId), entry);
      if (wasThere && this.said) this.said = 'form.renewed';
    });
  }

  /** The account was disconnected, so the form has nothing to change. */
  #disconnected(): void {
    this.credentialId = '';
    this.#begin(null);
  }

  #begin(stored: Credential | null): void {
    this.#entry?.draft.wipe();
    this.#key.reset();
    const form = this.registered?.manifest.credentials[this.kind];
    const fields = form && 'schema' in form ? fieldsOf(form.schema) : [];
    if (stored) fields.push(...this.#further(stored, fields));
    this.#fieldsOf.set(this.kind, fields);
    const name = freeName(this.registered?.manifest.title ?? '', this.#names);
    this.#entry = new Entry(this.#entryHost(), new Draft(fields, stored, name));
    this.#entry.fill = (field, text) => {
      const input = this.renderRoot.querySelector<HTMLTextAreaElement>(`#${CSS.escape(`field-${field.name}`)}`);
      if (input) input.value = text;
    };
    this.#generation += 1;
    this.#changed();
  }

  #entryHost(): EntryHost {
    return {
      words: () => this.words,
      isLocked: () => this.#isLocked,
      changed: () => this.#changed(),
      focusField: (id) => void this.#focusField(id),
    };
  }

  #firstKind(credential: Credential | null): CredentialType {
    const wanted = (credential?.type ?? this.type) as CredentialType;
    const works = (kind: CredentialType) => kind !== 'oauth2' || this.registered?.connect?.registered !== false;
    return this.#kinds.includes(wanted) ? wanted : (this.#kinds.find(works) ?? this.#kinds[0] ?? 'api-key');
  }

  #further(stored: Credential, known: Field[]): Field[] {
    const form = this.registered?.manifest.credentials[this.kind];
    if (!form || !('schema' in form) || !form.schema.additionalProperties) return [];
    return stored.configured.filter((name) => !known.some((field) => field.name === name)).map(furtherField);
  }

  /** Stores the taken names. An untouched draft gets a free name. */
  #learnNames(names: string[]): void {
    const draft = this.#entry?.draft;
    this.#names = names;
    if (draft && !draft.stored && !draft.isDirty && draft.edition === 0) {
      draft.name = freeName(this.registered?.manifest.title ?? '', names);
    }
    this.requestUpdate();
  }

  async #reconcile(mine: Draft, theirs: Credential): Promise<Draft | null> {
    const chosen = new Set<string>();
    const isAnswered = await this.#confirm.ask(conflictQuestion(mine, theirs, chosen, this.words));
    return isAnswered ? mine.over(theirs, chosen) : null;
  }

  #saved(credential: Credential, entry: Entry | null): void {
    // Otherwise the form has another credential, or another user's.
    if (entry && this.#entry === entry) {
      this.#names = [...this.#names.filter((name) => name !== entry?.draft.stored?.name), credential.name];
      this.#begin(credential);
      this.said = 'form.saved';
      this.credentialId = credential.id;
    }
    this.emit('sr-save', { credential });
  }

  #check(entry: Entry): boolean {
    const { draft } = entry;
    const faults: FieldProblem[] = this.kind === 'oauth2' ? [] : draft.faults();
    if (draft.name.trim() === '') faults.unshift({ field: '', code: 'required', message: '' });
    this.#blame(faults);
    return faults.length === 0;
  }

  /** Shows faults at their fields, and focuses the summary. */
  #blame(faults: FieldProblem[]): void {
    const { draft } = this.#entry!;
    this.#entry!.blame(faults.map((fault) => [fault.field, faultSentence(fault, draft, this.words)]));
    this.emit('sr-validate', { valid: faults.length === 0, fields: faults.map(({ field }) => field || 'name') });
    this.requestUpdate();
    if (faults.length) void this.#focusField('summary');
  }

  async #while(busy: 'saving' | 'testing', work: () => Promise<void>): Promise<void> {
    const user = this.userCount;
    this.busy = busy;
    try {
      await work();
      this.problem = null;
    } catch (caught) {
      if (!(caught instanceof Stopped) && user === this.userCount) this.#failed(this.fail(caught));
    } finally {
      if (user === this.userCount) this.busy = null;
    }
  }

  #failed(problem: Problem): void {
    if (!this.#entry) return;
    const { fields } = this.#entry.draft;
    const known = (name: string) => fields.some((field) => field.name === name);
    if (problem.code === 'name-taken') return this.#blame([{ field: '', code: 'taken', message: '' }]);
    const own = problem.fields.map((fault) =>
      fault.field === 'name' && !known('name') ? { ...fault, field: '' } : fault,
    );
    if (own.length) this.#blame(own);
    else this.trouble = problem;
  }

  #calm(): void {
    this.said = this.verdict = this.trouble = null;
  }

  #changed(): void {
    this.said = this.verdict = null;
    if (this.isDirty !== this.#wasDirty) this.emit('sr-dirty-change', { dirty: (this.#wasDirty = this.isDirty) });
    this.requestUpdate();
  }

  readonly #leaving = (event: BeforeUnloadEvent): void => {
    if (this.isDirty) event.preventDefault();
  };
}

declare global {
  interface HTMLElementTagNameMap {
    'sr-credential-form': SrCredentialForm;
  }
}
