// The pieces that the console's pages are made of. Texts become text nodes and nothing else: there is no markup from strings
// anywhere, so what somebody stored is shown letter by letter.

/** An element. `on…` members are listeners, false and undefined ones are left out, the others are attributes. */
export function make(tag, members = {}, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(members)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...content.flat().filter((each) => each !== undefined && each !== null && each !== false));
  return element;
}

export const button = (text, onclick, kind = '', members = {}) => make('button', { type: 'button', class: `button ${kind}`.trim(), onclick, ...members }, text);

/** A button in a row: what it is for is said for those who do not see the row. */
export const rowButton = (text, of, onclick, kind = '') => button([text, make('span', { class: 'hush' }, ` ${of}`)], onclick, `small ${kind}`);

export const code = (text) => make('code', {}, text);

/** A stored text, which may run in either direction. */
export const stored = (text) => make('bdi', {}, text);

export const badge = (text, tone) => make('span', { class: `badge ${tone}` }, text);

export const banner = (tone, ...content) => make('div', { class: `banner ${tone}` }, ...content);

const moments = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const days = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });
const minutes = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short' });

const timeIn = (format) => (text) => make('time', { datetime: text, title: text }, format.format(new Date(text)));
export const moment = timeIn(moments);
export const day = timeIn(days);

/** A time of today, or with its day. */
export const until = (text) => timeIn(new Date(text).toDateString() === new Date().toDateString() ? clock : minutes)(text);

export const count = (number, one, many = `${one}s`) => `${number.toLocaleString('en')} ${number === 1 ? one : many}`;

/** A message's fragment as a sentence. */
export const sentence = (text) => (text ? `${text[0].toUpperCase()}${text.slice(1)}${/[.!?:…]$/.test(text) ? '' : '.'}` : '');

/** A button that copies, and says that it has. */
export function copyButton(text, what, kind = 'small') {
  const told = make('span', { class: 'hush', role: 'status' });
  const copy = async () => {
    let outcome = 'Copied';
    await navigator.clipboard.writeText(text).catch(() => (outcome = 'Select it and copy it'));
    words.textContent = outcome;
    told.textContent = `${outcome}: ${what}`;
    setTimeout(() => ((words.textContent = 'Copy'), (told.textContent = '')), 4000);
  };
  const words = make('span', {}, 'Copy');
  return [button([words, make('span', { class: 'hush' }, ` ${what}`)], copy, kind), told];
}

/** A command for a terminal. */
export const command = (text) => make('div', { class: 'command' }, make('pre', { tabindex: '0' }, code(text)), copyButton(text, 'the command'));

const SAYS = {
  offline: 'The server does not answer. Check your connection, and try again.',
  timeout: 'The server took too long to answer. Try again.',
  unexpected: 'The server gave an answer that this page does not understand.',
  'invalid-fields': 'Something is not right yet.',
  unauthenticated: 'You are not signed in any more.',
  stale: 'Somebody has changed it since you looked. Look again, and decide again. Nothing was changed.',
  'wrong-principal': 'Whoever is signed in now may not do this.',
};

/** What went wrong, in words; `again` tries it once more. */
export function problemView(problem, again) {
  const { code: slug, detail, request, faults = [], wait } = problem;
  if (slug === undefined) console.error(problem);
  const says = { 'rate-limited': `Too many requests. Try again in ${count(wait || 1, 'second')}.` }[slug] ?? SAYS[slug] ?? (sentence(detail) || SAYS.unexpected);
  const text =
    slug === 'sign-in-again'
      ? [make('p', {}, 'Nothing was changed: your sign-in is older than 15 minutes. To go on, run this on the server and open the link that it prints, here or in a new tab:'), command('strongroom console link')]
      : make('p', {}, says);
  return make('div', { role: 'alert', class: 'banner bad' },
    text,
    faults.length > 0 && make('ul', {}, faults.map(({ field, message }) => make('li', {}, field && [code(field), ' '], message))),
    request && make('p', { class: 'soft small' }, 'Request ', code(request)),
    again && button('Try again', again, 'small'),
  );
}

/** A table; on a narrow screen its rows are cards. `columns` are `[title, row => content]`, the first one names the row. */
export function table(caption, columns, rows) {
  const cell = (row) => ([title, show], at) =>
    make(at ? 'td' : 'th', { role: at ? 'cell' : 'rowheader', scope: at ? undefined : 'row', 'data-title': title, class: title ? undefined : 'acts' }, show(row));
  const line = (row) => make('tr', { role: 'row' }, columns.map(cell(row)));
  const body = make('tbody', { role: 'rowgroup' }, rows.map(line));
  const head = columns.map(([title]) => make('th', { scope: 'col', role: 'columnheader' }, title || make('span', { class: 'hush' }, 'Actions')));
  // `display` takes a table's roles away, so they are said again.
  const element = make('table', { role: 'table' },
    make('caption', { class: 'hush' }, caption),
    make('thead', { role: 'rowgroup' }, make('tr', { role: 'row' }, head)),
    body,
  );
  return { element, add: (more) => body.append(...more.map(line)), rows: body };
}

/** What stands over a page: its name, what it is about, and what one can do. */
export const heading = (title, about, ...actions) =>
  make('div', { class: 'heading' },
    make('div', {}, make('h1', { tabindex: '-1' }, title), about && make('p', { class: 'soft' }, about)),
    actions.length > 0 && make('div', { class: 'row' }, actions),
  );

export const nothing = (...content) => make('div', { class: 'nothing' }, ...content);

/** Says how something ended, to eyes and to screen readers. */
export function say(tone, ...content) {
  const place = document.querySelector('#said');
  place.replaceChildren();
  if (content.length) place.append(banner(tone, make('p', {}, ...content)));
}

/** Fills a place with what `draw` makes, under `title` until then; what goes wrong is shown there, with a way to try again. */
export async function fill(place, draw, title = '') {
  const over = title ? [heading(title)] : [];
  place.replaceChildren(...over, make('p', { class: 'soft', role: 'status' }, 'Loading…'));
  place.setAttribute('aria-busy', 'true');
  try {
    const made = [await draw()].flat();
    place.replaceChildren(...made);
  } catch (problem) {
    place.replaceChildren(...over, problemView(problem, () => void fill(place, draw, title)));
  }
  place.removeAttribute('aria-busy');
}
