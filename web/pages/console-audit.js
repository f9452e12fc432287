// The audit log, newest first. The hash of the address holds the search, so that people can keep it and pass it on. The log
// also records each reading of the log. Events are facts about objects; no event holds a value.
import { Problem, nextOf, pages, withQuery } from './console-api.js';
import { controlOf, field, input, showFaults } from './console-dialog.js';
import { exportEvents } from './console-export.js';
import {
  badge,
  button,
  code,
  count,
  fill,
  heading,
  make,
  moment,
  nothing,
  problemView,
  sentence,
  stored,
  table,
} from './console-view.js';
/** @import { Action, Column, Content, Fault, LogEvent, Members, OperatorPage } from './pages.js' */

/** The filters that people type, by the server's names. */
const TYPED = ['user_id', 'plugin', 'target_id', 'action'];
const FILTERS = [...TYPED, 'denied'];

/**
 * Actions that the field suggests. The server knows all actions, and names them when one is wrong.
 * @type {readonly Action[]}
 */
const ACTIONS = [
  'credential.save',
  'credential.list',
  'credential.show',
  'credential.open',
  'credential.test',
  'credential.update',
  'credential.delete',
  'credential.refresh',
  'credential.refreshed',
  'credential.revoke',
  'connection.create',
  'connection.complete',
  'oauth-app.create',
  'oauth-app.remove',
  'plugin.register',
  'plugin.update',
  'plugin.remove',
  'plugin-key.create',
  'plugin-key.revoke',
  'host-key.create',
  'host-key.revoke',
  'session.create',
  'session.revoke',
  'console.invite',
  'console.sign-in',
  'console.sign-out',
  'user.delete',
  'audit.read',
];

/**
 * @param {HTMLElement} place
 * @param {OperatorPage} page
 */
export async function showAudit(place, page) {
  const wanted = Object.fromEntries(FILTERS.map((name) => [name, page.query.get(name) ?? '']));
  const results = make('section');
  const isFiltered = FILTERS.some((name) => wanted[name]);
  const form = filterView(wanted, isFiltered, page);
  place.replaceChildren(
    heading(
      'Audit',
      'Who did what to which object, when, from where, and whether it was allowed.',
      button('Look again', () => void page.again(), ''),
      button(isFiltered ? 'Export these…' : 'Export…', () => exportEvents(wanted, isFiltered), ''),
    ),
    form,
    results,
  );
  await fill(results, async () => {
    try {
      return await eventsView(wanted, isFiltered, page);
    } catch (problem) {
      if (!(problem instanceof Problem) || !problem.faults.length) throw problem;
      const isLong = (/** @type {Fault} */ { message }) => message.length > 120;
      const shorter = 'the server knows no such one; below are those it knows';
      const left = showFaults(
        form,
        problem.faults.map((each) => (isLong(each) ? { ...each, message: shorter } : each)),
      );
      if (left.length) throw problem;
      return nothing(
        make('p', {}, 'Nothing was looked for: correct what is marked above.'),
        problem.faults.filter(isLong).map(({ message }) => make('p', {}, sentence(message))),
      );
    }
  });
}

/**
 * @param {Record<string, string>} wanted
 * @param {boolean} isFiltered
 * @param {OperatorPage} page
 */
function filterView(wanted, isFiltered, page) {
  const denied = make('input', {
    type: 'checkbox',
    id: 'only-denied',
    name: 'denied',
    checked: wanted['denied'] === 'true',
  });
  /**
   * @param {string} name
   * @param {Members} [members]
   */
  const text = (name, members) => input({ value: wanted[name], ...members });
  const form = make(
    'form',
    { class: 'filters', role: 'search', 'aria-label': 'Events', novalidate: true },
    field('user_id', 'User', text('user_id')),
    field('plugin', 'Plugin', text('plugin')),
    field('target_id', 'Object’s id', text('target_id')),
    field('action', 'Action', text('action', { list: 'actions', placeholder: 'credential.open' })),
    make(
      'datalist',
      { id: 'actions' },
      ACTIONS.map((value) => make('option', { value })),
    ),
    make('div', { class: 'check' }, denied, make('label', { for: 'only-denied' }, 'Denied only')),
    make(
      'div',
      { class: 'row' },
      make('button', { class: 'button primary' }, 'Find'),
      isFiltered && make('a', { class: 'button', href: '#audit' }, 'Show all'),
    ),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const typed = Object.fromEntries(TYPED.map((name) => [name, controlOf(form.elements, name).value.trim()]));
    const next = `#${withQuery('audit', { ...typed, denied: denied.checked && 'true' })}`;
    if (next === location.hash) void page.again();
    else location.hash = next;
  });
  return form;
}

/**
 * @param {Record<string, string>} wanted
 * @param {boolean} isFiltered
 * @param {OperatorPage} page
 */
async function eventsView(wanted, isFiltered, page) {
  const found = pages('/v1/audit', { ...wanted, limit: 50 });
  const first = await nextOf(found);
  const list = table('Events, newest first', columns, first.items);
  const total = make('p', { class: 'soft', role: 'status' });
  const trouble = make('div');
  const older = button('Older', () => void grow());
  const none = nothing(make('p', {}, isFiltered ? 'No event fits.' : 'Nothing has happened yet.'));
  /** @param {string | null | undefined} cursor */
  const tell = (cursor) => {
    const shown = list.rows.children.length;
    list.element.hidden = !shown;
    none.hidden = Boolean(shown || cursor);
    older.hidden = !cursor;
    // For one answer the server looks at a limited number of events. The next request continues with older ones.
    if (shown)
      total.textContent = `${count(shown, 'event')}${cursor ? ', and there are older ones' : ', and none older'}`;
    else total.textContent = cursor ? 'Nothing among the latest events. Older ones have not been looked at yet.' : '';
  };
  const grow = async () => {
    older.setAttribute('aria-disabled', 'true');
    trouble.replaceChildren();
    try {
      const next = await nextOf(found);
      list.add(next.items);
      tell(next.next_cursor);
    } catch (problem) {
      // A generator that threw is finished, so the page offers to begin again.
      trouble.replaceChildren(problemView(problem, () => void page.again()));
      older.hidden = true;
    }
    older.removeAttribute('aria-disabled');
  };
  tell(first.next_cursor);
  return [list.element, none, total, trouble, older];
}

/**
 * A value that links to the search for all events with it.
 * @param {string} name
 * @param {string} value
 * @param {string} [kind]
 */
function search(name, value, kind) {
  const href = `#${withQuery('audit', { [name]: value })}`;
  return make('a', { class: kind, href }, name === 'user_id' ? stored(value) : code(value));
}

/**
 * @param {string} title
 * @param {Content} content
 */
const part = (title, content) => make('span', {}, make('span', { class: 'soft' }, `${title} `), content);

/** @type {readonly Column<LogEvent>[]} */
const columns = [
  ['When', ({ at, seq }) => [moment(at), make('span', { class: 'soft' }, `no. ${seq.toLocaleString('en')}`)]],
  [
    'What',
    ({ action, decision, reason }) =>
      [
        search('action', action, 'whole'),
        decision === 'denied' && make('span', {}, badge('denied', 'bad'), reason && ` ${reason}`),
      ].filter(Boolean),
  ],
  [
    'Who',
    ({ actor, actor_id: id, address }) =>
      [make('b', {}, actor), id && code(id), address && part('from', code(address))].filter(Boolean),
  ],
  [
    'About',
    ({ user_id: user, plugin, target_id: target }) =>
      [
        user && part('user', search('user_id', user)),
        plugin && part('plugin', search('plugin', plugin)),
        target && search('target_id', target),
      ].filter(Boolean),
  ],
  ['Request', ({ request_id: id }) => (id ? code(id) : '')],
];
