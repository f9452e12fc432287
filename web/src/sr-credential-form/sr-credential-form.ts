// <sr-credential-form>: creates a credential from a plugin's schema, or changes one. Secrets go from here to the vault and
// never come back: what is stored is "configured", what was typed is forgotten once it was sent, reset or left.
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { keyed } from 'lit/directives/keyed.js';
import { asProblem, type Problem } from '../api/problem.js';
import type { Client } from '../api/client.js';
import type { Credential, CredentialType, FieldProblem, Plugin, Verdict } from '../api/types.js';
import { Confirm } from '../base/confirm.js';
import { StrongroomElement, inherits } from '../element.js';
import { fieldsOf, furtherField, isFieldName, type Field } from './fields.js';
import { conflictQuestion } from './conflict.view.js';
import { Draft } from './draft.js';
import { Entry, type EntryHost } from './entry.js';
import { faultSentence } from './fault-sentence.js';
import { formStyles } from './sr-credential-form.styles.js';
import { formView } from './sr-credential-form.view.js';
import type { ConnectDetail } from '../sr-oauth-button/sr-oauth-button.js';
import { arrivalView } from '../connection/return.view.js';
import type { Key } from '../i18n/messages.js';

const ORDER: CredentialType[] = ['oauth2', 'api-key', 'custom'];

/**
 * Creates a credential for a plugin, or changes one. Its form value is the credential's id.
 *
 * @tag sr-credential-form
 * @fires sr-submit - Before saving; cancelable. `{plugin, type, name}`
 * @fires sr-save - `{credential}`: what was saved, without secrets
 * @fires sr-test - `{status, cause}`: `accepted`, `rejected` or `unverified`
 * @fires sr-cancel - Somebody left the form.
 * @fires sr-dirty-change - `{dirty}`
 * @fires sr-validate - `{valid, fields}`: the names of the fields at fault
 * @slot header - Over the form, instead of the plugin's title and description.
 * @slot before-fields
 * @slot after-fields
 * @slot actions - Beside the buttons.
 * @slot field-NAME - Under the field of that name.
 * @csspart base - Everything.
 * @csspart field
 * @csspart label
 * @csspart input
 * @csspart secret-set - A stored secret: configured.
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
export class SrCredentialForm extends StrongroomElement implements EntryHost {
  static formAssociated = true;
  static override styles = [...StrongroomElement.styles, formStyles];

  /** `api-key`, `custom` or `oauth2`; the first that the plugin takes unless told. */
  @property() type = '';
  /** The credential to change; none to create one. */
  @property({ attribute: 'credential-id' }) credentialId = '';
  /** `manual` shows a button, `auto` tests before saving, `off` does neither. */
  @property({ attribute: 'test' }) testing: 'manual' | 'auto' | 'off' = 'manual';
  @property({ attribute: 'submit-label' }) submitLabel = '';
  @property({ type: Boolean, attribute: 'hide-header' }) hideHeader = false;
  @property({ type: Boolean, attribute: 'no-actions' }) noActions = false;
  @property({ reflect: true }) name = '';
  /** How an account is connected: `popup`, `redirect` or `device`. */
  @property() flow: 'popup' | 'redirect' | 'device' = 'popup';
  @property({ attribute: 'return-address' }) returnAddress = '';

  @state() registered: Plugin | null = null;
  /** The type in hand: as `type` says, or as somebody has chosen. */
  @state() kind: CredentialType = 'api-key';
  @state() busy: 'saving' | 'testing' | null = null;
  @state() verdict: Verdict | null = null;
  @state() trouble: Problem | null = null;
  @state() said: Key | null = null;
  #entry: Entry | null = null;
  #names: string[] = [];
  #once = { edition: -1, key: '' };
  #generation = 0;
  #wasDirty = false;
  #typeRead = '';
  readonly #confirm = new Confirm(this);

  protected override get sources(): readonly string[] {
    return [...super.sources, 'credentialId', 'type'];
  }

  get entry(): Entry | null {
    return this.#entry;
  }

  get isLocked(): boolean {
    return this.isOff || this.busy !== null;
  }

  /** Whether leaving would lose something. */
  get isDirty(): boolean {
    return this.#entry?.draft.isDirty ?? false;
  }

  get kinds(): CredentialType[] {
    const takes = this.registered?.manifest.credentials;
    return ORDER.filter((kind) => takes?.[kind]);
  }

  get canTest(): boolean {
    if (this.testing === 'off') return false;
    // A provider's own file may have a test where the manifest has none; only the vault knows.
    return this.kind === 'oauth2' || Boolean(this.registered?.manifest.credentials[this.kind]?.test);
  }

  get isNameTaken(): boolean {
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
    this.#generation += 1;
    this.#calm();
  }

  /** Checks, tests if it is to, and saves. */
  async submit(options: { anyway?: boolean } = {}): Promise<void> {
    const { client } = this;
    const entry = this.#entry;
    if (!client || !entry || this.isLocked || this.readonly) return;
    this.#calm();
    if (!this.#check(entry)) return;
    if (entry.draft.stored && !entry.draft.isDirty) return void (this.said = 'form.unchanged');
    const { plugin, kind } = this;
    if (!this.tell('sr-submit', { plugin, type: kind, name: entry.draft.name.trim() }, true)) return;
    if (this.testing === 'auto' && this.canTest && !options.anyway) {
      await this.test();
      if ((this.verdict as Verdict | null)?.status !== 'accepted') return;
    }
    await this.#while('saving', async () => this.#saved(await this.#send(client, entry.draft), entry));
  }

  /** Tries what is there: the draft laid over what is stored, at the plugin's service. */
  async test(): Promise<void> {
    const { client } = this;
    const entry = this.#entry;
    if (!client || !entry || this.isLocked || !this.canTest) return;
    this.#calm();
    if (!this.#check(entry)) return;
    await this.#while('testing', async () => {
      const { draft } = entry;
      const stored = draft.stored?.id;
      const change = { plugin: this.registered!.name, type: this.kind, fields: draft.changes() };
      const verdict =
        stored && !draft.isDirty
          ? await client.testStored(stored)
          : await client.testDraft(stored ? { ...change, credential: stored } : change);
      if (this.#entry === entry) this.verdict = verdict;
      this.tell('sr-test', verdict);
    });
  }

  /** Forgets what was typed. */
  reset(): void {
    if (!this.registered) return;
    this.#calm();
    this.#begin(this.#entry?.draft.stored ?? null);
  }

  /** Leaves; asks first if something would be lost. */
  async cancel(): Promise<void> {
    const question = { title: this.say('leave.title'), content: html`<p>${this.say('leave.text')}</p>` };
    const answer = { yes: this.say('leave.yes'), no: this.say('leave.no'), danger: true };
    if (this.isDirty && !(await this.#confirm.ask({ ...question, ...answer }))) return;
    this.reset();
    this.tell('sr-cancel');
  }

  formResetCallback(): void {
    this.reset();
  }

  rename(name: string): void {
    this.#entry?.draft.rename(name);
    this.#changed();
  }

  changed(_field: Field): void {
    this.#changed();
  }

  switchTo(kind: CredentialType): void {
    this.kind = kind;
    this.#calm();
    this.#begin(null);
  }

  /** A field of its own name, where the plugin takes further ones. */
  addField(name: string): boolean {
    const entry = this.#entry;
    if (!entry || !isFieldName(name) || entry.draft.fields.some((field) => field.name === name)) return false;
    entry.draft.fields.push(furtherField(name));
    this.requestUpdate();
    this.focusField(`field-${name}`);
    return true;
  }

  async focusField(id: string): Promise<void> {
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>(`#${CSS.escape(id)}`)?.focus();
  }

  async connectedAccount({ detail }: CustomEvent<ConnectDetail>): Promise<void> {
    const { client } = this;
    if (!client) return;
    await this.#while('saving', async () => this.#saved(await client.credential(detail.credentialId)));
  }

  /** The account was disconnected: there is nothing left to change. */
  tellGone(): void {
    this.credentialId = '';
    this.#begin(null);
  }

  protected override async load(client: Client, signal: AbortSignal): Promise<void> {
    const credential = this.credentialId ? await client.credential(this.credentialId, signal) : null;
    const kept = this.#entry?.draft;
    const registered = await client.plugin(this.plugin || (credential?.plugin ?? ''), signal);
    this.registered = registered;
    if (!kept || credential || this.type !== this.#typeRead) this.kind = this.#firstKind(credential);
    this.#typeRead = this.type;
    const same = kept && kept.stored?.id === credential?.id && kept.stored?.revision === credential?.revision;
    if (!same || kept.fields !== this.#fieldsOf.get(this.kind)) this.#begin(credential);
    void this.#learnNames(client, signal);
  }

  protected override get states(): Record<string, boolean> {
    return { ...super.states, loading: !this.registered && !this.problem, dirty: this.isDirty };
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    this.internals.setFormValue(this.credentialId || null);
  }

  protected override render(): TemplateResult {
    return html`<div part="base" class="stack" dir=${this.direction ?? nothing}>
      ${arrivalView(this.arrival, this.words, this.problem)} ${this.problemView}
      ${this.problem && !this.#entry ? nothing : keyed(this.#generation, formView(this))} ${this.#confirm.view}
    </div>`;
  }

  readonly inherits = () => inherits(this);
  readonly #fieldsOf = new Map<string, Field[]>();

  #begin(stored: Credential | null): void {
    this.#entry?.draft.wipe();
    const form = this.registered?.manifest.credentials[this.kind];
    const fields = form && 'schema' in form ? fieldsOf(form.schema) : [];
    if (stored) fields.push(...this.#further(stored, fields));
    this.#fieldsOf.set(this.kind, fields);
    this.#entry = new Entry(this, new Draft(fields, stored, this.#freeName()));
    this.#entry.fill = (field, text) => {
      const input = this.renderRoot.querySelector<HTMLTextAreaElement>(`#${CSS.escape(`field-${field.name}`)}`);
      if (input) input.value = text;
    };
    this.#generation += 1;
    this.#changed();
  }

  #firstKind(credential: Credential | null): CredentialType {
    const wanted = (credential?.type ?? this.type) as CredentialType;
    const works = (kind: CredentialType) => kind !== 'oauth2' || this.registered?.connect?.registered !== false;
    return this.kinds.includes(wanted) ? wanted : (this.kinds.find(works) ?? this.kinds[0] ?? 'api-key');
  }

  #further(stored: Credential, known: Field[]): Field[] {
    const form = this.registered?.manifest.credentials[this.kind];
    if (!form || !('schema' in form) || !form.schema.additionalProperties) return [];
    return stored.configured.filter((name) => !known.some((field) => field.name === name)).map(furtherField);
  }

  #freeName(): string {
    const title = this.registered?.manifest.title ?? '';
    if (!this.#names.includes(title)) return title;
    for (let number = 2; ; number += 1) if (!this.#names.includes(`${title} ${number}`)) return `${title} ${number}`;
  }

  async #learnNames(client: Client, signal: AbortSignal): Promise<void> {
    try {
      const names: string[] = [];
      for await (const page of client.credentials(this.registered!.name, '', 200, signal))
        names.push(...page.map(({ name }) => name));
      const draft = this.#entry?.draft;
      this.#names = names;
      if (draft && !draft.stored && !draft.isDirty && draft.edition === 0) draft.name = this.#freeName();
      this.requestUpdate();
    } catch {
      // Only the hint is missing: the server still refuses a name that is taken.
    }
  }

  async #send(client: Client, draft: Draft): Promise<Credential> {
    const fields = draft.changes();
    const name = draft.name.trim();
    const { stored } = draft;
    if (!stored) {
      if (this.#once.edition !== draft.edition) this.#once = { edition: draft.edition, key: crypto.randomUUID() };
      return client.create({ plugin: this.registered!.name, type: this.kind, name, fields }, this.#once.key);
    }
    const change = { ...(draft.isRenamed ? { name } : {}), ...(Object.keys(fields).length ? { fields } : {}) };
    try {
      return await client.update(stored.id, stored.revision, change);
    } catch (caught) {
      if (asProblem(caught).code !== 'stale') throw caught;
      return this.#reconcile(client, draft, await client.credential(stored.id));
    }
  }

  async #reconcile(client: Client, mine: Draft, theirs: Credential): Promise<Credential> {
    const chosen = new Set<string>();
    if (!(await this.#confirm.ask(conflictQuestion(mine, theirs, chosen, this.words)))) throw new Stopped();
    const next = mine.over(theirs, chosen);
    return next.isDirty ? this.#send(client, next) : theirs;
  }

  #saved(credential: Credential, entry = this.#entry): void {
    this.#once = { edition: -1, key: '' };
    // Else another credential, or somebody else's, is in the form by now.
    if (this.#entry === entry) {
      this.#names = [...this.#names.filter((name) => name !== entry?.draft.stored?.name), credential.name];
      this.#begin(credential);
      this.said = 'form.saved';
      this.credentialId = credential.id;
    }
    this.tell('sr-save', { credential });
  }

  #check(entry: Entry): boolean {
    const { draft } = entry;
    const faults: FieldProblem[] = this.kind === 'oauth2' ? [] : draft.faults();
    if (draft.name.trim() === '') faults.unshift({ field: '', code: 'required', message: '' });
    this.#blame(faults);
    return faults.length === 0;
  }

  /** Puts faults at their fields, and the focus on the summary of them. */
  #blame(faults: FieldProblem[]): void {
    const { draft } = this.#entry!;
    this.#entry!.blame(faults.map((fault) => [fault.field, faultSentence(fault, draft, this.words)]));
    this.tell('sr-validate', { valid: faults.length === 0, fields: faults.map(({ field }) => field || 'name') });
    this.requestUpdate();
    if (faults.length) void this.focusField('summary');
  }

  async #while(busy: 'saving' | 'testing', work: () => Promise<void>): Promise<void> {
    this.busy = busy;
    try {
      await work();
    } catch (caught) {
      if (!(caught instanceof Stopped)) this.#failed(asProblem(caught), caught);
    } finally {
      this.busy = null;
    }
  }

  #failed(problem: Problem, caught: unknown): void {
    this.fail(caught);
    const fields = this.#entry?.draft.fields ?? [];
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
    if (this.isDirty !== this.#wasDirty) this.tell('sr-dirty-change', { dirty: (this.#wasDirty = this.isDirty) });
    this.requestUpdate();
  }

  readonly #leaving = (event: BeforeUnloadEvent): void => {
    if (this.isDirty) event.preventDefault();
  };
}

/** Somebody decided not to go on. */
class Stopped extends Error {}

declare global {
  interface HTMLElementTagNameMap {
    'sr-credential-form': SrCredentialForm;
  }
}
