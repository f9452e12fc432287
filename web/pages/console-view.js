// The pieces that the console's pages consist of. Texts become text nodes only; no function here makes markup from a string.
// A stored text therefore cannot inject markup.
import { Problem } from './console-api.js';
/** @import { Column, Content, Drawn, Members, Piece, Tone } from './pages.js' */

/**
 * Makes an element. Functions among the members become listeners, all other members become attributes. Members that are
 * false, null or undefined are left out.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Members} [members]
 * @param {...Content} content
 */
export function make(tag, members = {}, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(members)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice('on'.length), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...content.flat().filter((each) => each !== undefined && each !== null && each !== false));
  return element;
}

/**
 * The first element that a selector finds. Throws if there is none of this type.
 * @template {Element} Kind
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => Kind} type
 */
export function find(root, selector, type) {
  const found = root.querySelector(selector);
  if (found instanceof type) return found;
  throw new TypeError(`the page has no ${selector}`);
}

/**
 * @param {Content} text
 * @param {(() => void) | undefined} onclick
 * @param {string} [kind]
 * @param {Members} [members]
 */
export const button = (text, onclick, kind = '', members = {}) =>
  make('button', { type: 'button', class: `button ${kind}`.trim(), onclick, ...members }, text);

/**
 * A button in a row. Screen readers get the name of the row too.
 * @param {string} text
 * @param {string} of
 * @param {() => void} onclick
 * @param {string} [kind]
 */
export const rowButton = (text, of, onclick, kind = '') =>
  button([text, make('span', { class: 'hush' }, ` ${of}`)], onclick, `small ${kind}`);

/** @param {Piece} text */
export const code = (text) => make('code', {}, text);

/**
 * A stored text, which may run in either direction.
 * @param {Piece} text
 */
export const stored = (text) => make('bdi', {}, text);

/**
 * @param {string} text
 * @param {Tone} tone
 */
export const badge = (text, tone) => make('span', { class: `badge ${tone}` }, text);

/**
 * @param {Tone} tone
 * @param {...Content} content
 */
export const banner = (tone, ...content) => make('div', { class: `banner ${tone}` }, ...content);

const moments = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const days = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });
const minutes = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short' });

/**
 * @param {Intl.DateTimeFormat} format
 * @returns {(text: string) => HTMLTimeElement}
 */
const timeIn = (format) => (text) => make('time', { datetime: text, title: text }, format.format(new Date(text)));
export const moment = timeIn(moments);
export const day = timeIn(days);

/**
 * A time of today, or with its day.
 * @param {string} text
 */
export const until = (text) =>
  timeIn(new Date(text).toDateString() === new Date().toDateString() ? clock : minutes)(text);

/**
 * @param {number} number
 * @param {string} one
 * @param {string} [many]
 */
export const count = (number, one, many = `${one}s`) => `${number.toLocaleString('en')} ${number === 1 ? one : many}`;

/**
 * Makes a sentence of the fragment that a message is.
 * @param {string} text
 */
export const sentence = (text) =>
  text ? `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?:…]$/.test(text) ? '' : '.'}` : '';

/**
 * A button that copies a text, and a status that says so.
 * @param {string} text
 * @param {string} what
 * @param {string} [kind]
 */
export function copyButton(text, what, kind = 'small') {
  const told = make('span', { class: 'hush', role: 'status' });
  const copy = async () => {
    let outcome = 'Copied';
    // Over plain http, on another host than localhost, a browser has no clipboard.
    const copied = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error('no clipboard'));
    await copied.catch(() => (outcome = 'Select it and copy it'));
    words.textContent = outcome;
    told.textContent = `${outcome}: ${what}`;
    setTimeout(() => ((words.textContent = 'Copy'), (told.textContent = '')), 4000);
  };
  const words = make('span', {}, 'Copy');
  return [button([words, make('span', { class: 'hush' }, ` ${what}`)], copy, kind), told];
}

/**
 * A command for a terminal.
 * @param {string} text
 */
export const command = (text) =>
  make('div', { class: 'command' }, make('pre', { tabindex: '0' }, code(text)), copyButton(text, 'the command'));

const UNEXPECTED = 'The server gave an answer that this page does not understand.';

/** @type {Record<string, string>} */
const SAYS = {
  offline: 'The server does not answer. Check your connection, and try again.',
  timeout: 'The server took too long to answer. Try again.',
  unexpected: UNEXPECTED,
  'invalid-fields': 'Something is not right yet.',
  unauthenticated: 'You are not signed in any more.',
  stale: 'It was changed after you loaded this page. Your change was not made. Load the page again.',
  'wrong-principal': 'The person who is signed in now may not do this.',
};

/** @param {Problem} problem */
function wordsFor({ code: slug, detail, wait }) {
  if (slug === 'rate-limited') return `Too many requests. Try again in ${count(wait || 1, 'second')}.`;
  return SAYS[slug] ?? (sentence(detail) || UNEXPECTED);
}

/**
 * Says what went wrong. A button calls `again`, if there is one.
 * @param {unknown} problem
 * @param {() => void} [again]
 */
export function problemView(problem, again) {
  const known = problem instanceof Problem ? problem : new Problem('unexpected');
  if (known !== problem) console.error(problem);
  const { code: slug, faults, request } = known;
  const advice =
    'Nothing was changed: your sign-in is older than 15 minutes. ' +
    'To go on, run this on the server and open the link that it prints, here or in a new tab:';
  return make(
    'div',
    { role: 'alert', class: 'banner bad' },
    slug === 'sign-in-again'
      ? [make('p', {}, advice), command('strongroom console link')]
      : make('p', {}, wordsFor(known)),
    faults.length > 0 &&
      make(
        'ul',
        {},
        faults.map(({ field, message }) => make('li', {}, field && [code(field), ' '], message)),
      ),
    request && make('p', { class: 'soft small' }, 'Request ', code(request)),
    again && button('Try again', again, 'small'),
  );
}

/**
 * A table. On a narrow screen its rows are cards. The first column names the row.
 * @template Row
 * @param {string} caption
 * @param {readonly Column<Row>[]} columns
 * @param {readonly Row[]} rows
 */
export function table(caption, columns, rows) {
  /**
   * @param {Row} row
   * @returns {(column: Column<Row>, at: number) => HTMLTableCellElement}
   */
  const cell =
    (row) =>
    ([title, show], at) => {
      const members = { scope: at ? undefined : 'row', 'data-title': title, class: title ? undefined : 'acts' };
      return make(at ? 'td' : 'th', { role: at ? 'cell' : 'rowheader', ...members }, show(row));
    };
  /** @param {Row} row */
  const line = (row) => make('tr', { role: 'row' }, columns.map(cell(row)));
  const body = make('tbody', { role: 'rowgroup' }, rows.map(line));
  const head = columns.map(([title]) =>
    make('th', { scope: 'col', role: 'columnheader' }, title || make('span', { class: 'hush' }, 'Actions')),
  );
  // The style sheet's `display` removes the roles of a table, so the elements name them again.
  const element = make(
    'table',
    { role: 'table' },
    make('caption', { class: 'hush' }, caption),
    make('thead', { role: 'rowgroup' }, make('tr', { role: 'row' }, head)),
    body,
  );
  return { element, add: (/** @type {readonly Row[]} */ more) => body.append(...more.map(line)), rows: body };
}

/**
 * The top of a page: its title, what it is about, and its actions.
 * @param {string} title
 * @param {string} [about]
 * @param {...Node} actions
 */
export const heading = (title, about, ...actions) =>
  make(
    'div',
    { class: 'heading' },
    make('div', {}, make('h1', { tabindex: '-1' }, title), about && make('p', { class: 'soft' }, about)),
    actions.length > 0 && make('div', { class: 'row' }, actions),
  );

/** @param {...Content} content */
export const nothing = (...content) => make('div', { class: 'nothing' }, ...content);

/**
 * Says how an action ended, on the screen and to screen readers. Without a tone it removes what it said before.
 * @param {Tone} [tone]
 * @param {...Content} content
 */
export function say(tone, ...content) {
  const place = find(document, '#said', HTMLElement);
  place.replaceChildren();
  if (tone && content.length) place.append(banner(tone, make('p', {}, ...content)));
}

/**
 * Fills a place with what `draw` makes. Until then the place has the title; afterwards an error if `draw` failed.
 * @param {HTMLElement} place
 * @param {() => Promise<Drawn>} draw
 * @param {string} [title]
 */
export async function fill(place, draw, title = '') {
  const over = title ? [heading(title)] : [];
  place.replaceChildren(...over, make('p', { class: 'soft', role: 'status' }, 'Loading…'));
  place.setAttribute('aria-busy', 'true');
  try {
    const made = [await draw()].flat();
    place.replaceChildren(...made);
  } catch (problem) {
    place.replaceChildren(
      ...over,
      problemView(problem, () => void fill(place, draw, title)),
    );
  }
  place.removeAttribute('aria-busy');
}
