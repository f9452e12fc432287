// A question in a native modal dialog. The dialog is drawn when it opens, and it is answered once. Then the focus
// returns to the element that had it. The browser makes the rest of the page inert. Escape answers no.
import { html, nothing, type LitElement, type ReactiveController, type TemplateResult } from 'lit';
import { isShut } from './view.js';

export interface Question {
  title: string;
  content: unknown;
  yes: string;
  no: string;
  danger?: boolean;
}

export class Confirm implements ReactiveController {
  #question: Question | null = null;
  #answer: ((yes: boolean) => void) | null = null;

  constructor(private readonly host: LitElement) {
    host.addController(this);
  }

  hostDisconnected(): void {
    this.close();
  }

  /** Closes the question. The answer is no. */
  close(): void {
    this.#settle(false);
  }

  async ask(question: Question): Promise<boolean> {
    this.#settle(false);
    this.#question = question;
    const answered = new Promise<boolean>((resolve) => (this.#answer = resolve));
    this.host.requestUpdate();
    await this.host.updateComplete;
    this.#dialog?.showModal();
    return answered;
  }

  get #dialog(): HTMLDialogElement | null {
    return this.host.shadowRoot?.querySelector<HTMLDialogElement>('#confirm') ?? null;
  }

  get view(): TemplateResult | typeof nothing {
    const question = this.#question;
    if (!question) return nothing;
    return html`<dialog id="confirm" part="dialog" aria-labelledby="question" @close=${(event: Event) => isShut(event) && this.#settle(false)}>
      <h2 id="question">${question.title}</h2>
      ${question.content}
      <div class="actions">
        <button type="button" class="button ${question.danger ? 'danger' : 'primary'}" @click=${() => this.#settle(true)}>
          ${question.yes}
        </button>
        <button type="button" class="button" autofocus @click=${() => this.#settle(false)}>${question.no}</button>
      </div>
    </dialog>`;
  }

  #settle(yes: boolean): void {
    const answer = this.#answer;
    this.#answer = null;
    if (this.#dialog?.open) this.#dialog.close();
    this.#question = null;
    this.host.requestUpdate();
    answer?.(yes);
  }
}
