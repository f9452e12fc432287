// Dialogs: forms whose faults stand beside their fields, and questions that say what will happen before it does. A dialog
// that closes leaves the page with everything that was in it; focus goes back to where it came from.
import { button, code, make, problemView, sentence, stored } from './console-view.js';

let numbers = 0;

/** Opens a dialog; `lastly` runs when it has closed, however it did. */
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

/** A labelled control with its help and a place for its faults. A `rest` field takes the faults that no other field names. */
export function field(name, label, control, { help, rest = false } = {}) {
  const id = `field-${(numbers += 1)}`;
  Object.assign(control, { id, name });
  control.setAttribute('aria-describedby', `${id}-help ${id}-fault`);
  return make('div', { class: 'field', 'data-field': name, 'data-rest': rest },
    make('label', { for: id }, label),
    help && make('p', { class: 'soft', id: `${id}-help` }, help),
    control,
    make('div', { class: 'fault', id: `${id}-fault` }),
  );
}

export const input = (members = {}) => make('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', ...members });

export const select = (options, members = {}) =>
  make('select', members, options.map(([value, text, selected = false]) => make('option', { value, selected }, text)));

/** What a fault of a field says; one of a place inside it says where. */
const saying = (field) => ({ field: at, message }) => (!at || at === field ? sentence(message) : [code(at), ` ${message}`]);

/** Shows a problem's faults beside their fields, and gives back those that have none. */
export function showFaults(form, faults) {
  const fields = [...form.querySelectorAll('[data-field]')];
  const rest = fields.find((each) => 'rest' in each.dataset);
  const left = [...faults];
  for (const each of fields) {
    const name = each.dataset.field;
    const mine = left.filter((fault) => fault.field === name || (each === rest && !fields.some((other) => other.dataset.field === fault.field)));
    for (const fault of mine) left.splice(left.indexOf(fault), 1);
    const place = each.querySelector('.fault');
    const says = mine.map(saying(name));
    place.replaceChildren(...(says.length > 1 ? [make('ul', {}, says.map((text) => make('li', {}, text)))] : says.flat()));
    const control = each.querySelector('input, select, textarea');
    if (mine.length) control.setAttribute('aria-invalid', 'true');
    else control.removeAttribute('aria-invalid');
  }
  form.querySelector('[aria-invalid]')?.focus();
  return left;
}

/**
 * A form with two buttons. `act` does it, and may throw a Problem, which is shown; then `done` gets what it gave.
 * What `act` needs, it takes from the form's elements. If `guarded`, Enter by habit means no.
 */
export function formView({ fields, yes, no = 'Cancel', danger = false, guarded = danger, act, done, cancel }) {
  const trouble = make('div', { 'aria-live': 'assertive' });
  const doing = make('button', { class: `button ${danger ? 'danger' : 'primary'}` }, yes);
  const form = make('form', { novalidate: true, autocomplete: 'off' },
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
      const faults = problem.faults ?? [];
      const left = showFaults(form, faults);
      if (left.length || !faults.length) trouble.replaceChildren(problemView(Object.assign(problem, { faults: left })));
    }
    isBusy = false;
    form.removeAttribute('aria-busy');
    doing.removeAttribute('aria-disabled');
  };
  form.addEventListener('submit', (event) => (event.preventDefault(), void submit()));
  return form;
}

/** Asks with a form; when it is done the dialog closes. */
export function askWithForm({ title, fields, done, ...how }) {
  const form = formView({
    ...how,
    fields,
    done: (outcome) => (dialog.close(), done(outcome)),
    cancel: () => dialog.close(),
  });
  const dialog = openDialog(title, form);
  return dialog;
}

/**
 * Asks before something that cannot be undone. `consequences` are sentences; with `word`, somebody has to type it, so that
 * nobody does it by habit. `more` are further fields.
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
    act: (elements) => {
      if (typed && typed.value !== word) throw Object.assign(new Error('word'), { faults: [{ field: 'word', message: 'this is not what has to be typed' }] });
      return act(elements);
    },
  });
}
