// Dialogs: forms whose faults stand beside their fields, and questions that first say what will happen. Closing a dialog
// changes nothing else on the page; the browser gives the focus back to the element that had it before.
import { Problem, fault } from './console-api.js';
import { button, code, find, make, problemView, sentence, stored } from './console-view.js';
/** @import { Choice, Content, Control, Deed, Fault, FormLook, Members, Piece } from './pages.js' */

let numbers = 0;

/**
 * Opens a dialog. `lastly` runs after every close, by a button or by Escape.
 * @param {string} title
 * @param {Content} content
 * @param {() => void} [lastly]
 */
export function openDialog(title, content, lastly = () => undefined) {
  const id = `dialog-${(numbers += 1)}`;
  const dialog = make('dialog', { 'aria-labelledby': id }, make('h2', { id }, title), content);
  dialog.addEventListener('close', () => {
    dialog.remove();
    dialog.replaceChildren();
    lastly();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * A labelled control with its help and a place for its faults. A `rest` field takes the faults that no other field names.
 * @param {string} name
 * @param {Content} label
 * @param {Control} control
 * @param {{ help?: string | undefined, rest?: boolean }} [more]
 */
export function field(name, label, control, { help, rest = false } = {}) {
  const id = `field-${(numbers += 1)}`;
  Object.assign(control, { id, name });
  control.setAttribute('aria-describedby', `${id}-help ${id}-fault`);
  return make(
    'div',
    { class: 'field', 'data-field': name, 'data-rest': rest },
    make('label', { for: id }, label),
    help && make('p', { class: 'soft', id: `${id}-help` }, help),
    control,
    make('div', { class: 'fault', id: `${id}-fault` }),
  );
}

/** @param {Members} [members] */
export const input = (members = {}) =>
  make('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', ...members });

/**
 * @param {readonly Choice[]} options
 * @param {Members} [members]
 */
export const select = (options, members = {}) =>
  make(
    'select',
    members,
    options.map(([value, text, selected = false]) => make('option', { value, selected }, text)),
  );

/**
 * The control of a form that has this name. Throws if there is none.
 * @param {HTMLFormControlsCollection} elements
 * @param {string} name
 * @returns {Control}
 */
export function controlOf(elements, name) {
  const found = elements.namedItem(name);
  if (found instanceof HTMLInputElement || found instanceof HTMLSelectElement || found instanceof HTMLTextAreaElement)
    return found;
  throw new TypeError(`the form has no control ${name}`);
}

/**
 * What a fault says beside a field. A fault of a place inside the field names that place.
 * @param {string | undefined} field
 * @returns {(fault: Fault) => string | (Node | string)[]}
 */
const saying =
  (field) =>
  ({ field: at, message }) =>
    !at || at === field ? sentence(message) : [code(at), ` ${message}`];

/**
 * Shows faults beside their fields, and returns those that have no field.
 * @param {HTMLFormElement} form
 * @param {readonly Fault[]} faults
 */
export function showFaults(form, faults) {
  /** @type {NodeListOf<HTMLElement>} */
  const found = form.querySelectorAll('[data-field]');
  const fields = [...found];
  const rest = fields.find((each) => 'rest' in each.dataset);
  const left = [...faults];
  for (const each of fields) {
    const name = each.dataset['field'];
    const isElsewhere = (/** @type {Fault} */ fault) => fields.some((other) => other.dataset['field'] === fault.field);
    const mine = left.filter((fault) => fault.field === name || (each === rest && !isElsewhere(fault)));
    for (const fault of mine) left.splice(left.indexOf(fault), 1);
    const place = find(each, '.fault', HTMLElement);
    const says = mine.map(saying(name));
    place.replaceChildren(
      ...(says.length > 1
        ? [
            make(
              'ul',
              {},
              says.map((text) => make('li', {}, text)),
            ),
          ]
        : says.flat()),
    );
    const control = find(each, 'input, select, textarea', HTMLElement);
    if (mine.length) control.setAttribute('aria-invalid', 'true');
    else control.removeAttribute('aria-invalid');
  }
  /** @type {HTMLElement | null} */
  const wrong = form.querySelector('[aria-invalid]');
  wrong?.focus();
  return left;
}

/**
 * A form with two buttons. `act` does the work with the form's elements. The form shows a Problem that `act` throws; otherwise
 * `done` gets the outcome. A `guarded` form has the focus on its second button, so that Enter means no.
 * @template Outcome
 * @param {FormLook & Deed<Outcome> & { cancel: () => void }} how
 */
export function formView({ fields, yes, no = 'Cancel', danger = false, guarded = danger, act, done, cancel }) {
  const trouble = make('div', { 'aria-live': 'assertive' });
  const doing = make('button', { class: `button ${danger ? 'danger' : 'primary'}` }, yes);
  const form = make(
    'form',
    { novalidate: true, autocomplete: 'off' },
    fields,
    trouble,
    make('div', { class: 'actions' }, doing, button(no, cancel, '', { autofocus: guarded })),
  );
  let isBusy = false;
  const submit = async () => {
    if (isBusy) return;
    isBusy = true;
    form.setAttribute('aria-busy', 'true');
    doing.setAttribute('aria-disabled', 'true');
    trouble.replaceChildren();
    try {
      done(await act(form.elements));
    } catch (problem) {
      const faults = problem instanceof Problem ? problem.faults : [];
      const left = showFaults(form, faults);
      if (problem instanceof Problem) problem.faults = left;
      if (left.length || !faults.length) trouble.replaceChildren(problemView(problem));
    }
    isBusy = false;
    form.removeAttribute('aria-busy');
    doing.removeAttribute('aria-disabled');
  };
  form.addEventListener('submit', (event) => (event.preventDefault(), void submit()));
  return form;
}

/**
 * Asks with a form in a dialog, which closes when `act` has succeeded.
 * @template Outcome
 * @param {{ title: string } & FormLook & Deed<Outcome>} how
 */
export function askWithForm({ title, fields, done, ...how }) {
  const form = formView({
    ...how,
    fields,
    done: (/** @type {Outcome} */ outcome) => (dialog.close(), done(outcome)),
    cancel: () => dialog.close(),
  });
  const dialog = openDialog(title, form);
  return dialog;
}

/**
 * Asks before an action that nothing can undo. `consequences` are sentences. With a `word`, people must type it, so that they do
 * not confirm by habit. `more` are further fields.
 * @template Outcome
 * @param {{ title: string, consequences: readonly string[], word?: string, more?: readonly Piece[] } & Deed<Outcome>} how
 */
export function confirm({ title, consequences, word, more = [], yes, act, done }) {
  const typed = word === undefined ? null : input({ autofocus: true });
  const fields = [
    consequences.map((text) => make('p', {}, text)),
    more,
    typed && field('word', ['To go on, type ', stored(word)], typed),
  ].flat();
  return askWithForm({
    title,
    fields: fields.filter(Boolean),
    yes,
    danger: true,
    guarded: !typed,
    done,
    act: (/** @type {HTMLFormControlsCollection} */ elements) => {
      if (typed && typed.value !== word) throw fault('word', 'this is not what has to be typed');
      return act(elements);
    },
  });
}
