// The audit log, newest first: what is looked for stands in the address's hash, so that a search can be kept and sent on.
// Reading the log is in the log. Events are facts about objects; a value is in none of them.
import { pages, withQuery } from './console-api.js';
import { field, input, showFaults } from './console-dialog.js';
import { exportEvents } from './console-export.js';
import { badge, button, code, count, fill, heading, make, moment, nothing, problemView, sentence, stored, table } from './console-view.js';

/** What one can look for; the server's words for it. */
const FILTERS = ['user_id', 'plugin', 'target_id', 'action', 'denied'];

/** A help for typing: the server knows all actions, and names them when one is wrong. */
const ACTIONS = [
  'credential.save', 'credential.list', 'credential.show', 'credential.open', 'credential.test', 'credential.update', 'credential.delete',
  'credential.refresh', 'credential.refreshed', 'credential.revoke', 'connection.create', 'connection.complete', 'oauth-app.create', 'oauth-app.remove',
  'plugin.register', 'plugin.update', 'plugin.remove', 'plugin-key.create', 'plugin-key.revoke', 'host-key.create', 'host-key.revoke', 'session.create',
  'session.revoke', 'console.invite', 'console.sign-in', 'console.sign-out', 'user.delete', 'audit.read',
];

export async function showAudit(place, page) {
  const wanted = Object.fromEntries(FILTERS.map((name) => [name, page.query.get(name) ?? '']));
  const results = make('section');
  const isFiltered = FILTERS.some((name) => wanted[name]);
  const form = filterView(wanted, isFiltered, page);
  place.replaceChildren(
    heading('Audit', 'Who did what to which object, when, from where, and whether it was allowed.',
      button('Look again', () => void page.again(), ''),
      button(isFiltered ? 'Export these…' : 'Export…', () => exportEvents(wanted, isFiltered), '')),
    form,
    results,
  );
  await fill(results, async () => {
    try {
      return await eventsView(wanted, isFiltered, page);
    } catch (problem) {
      if (!problem.faults?.length) throw problem;
      const isLong = ({ message }) => message.length > 120;
      const left = showFaults(form, problem.faults.map((each) => (isLong(each) ? { ...each, message: 'the server knows no such one; below are those it knows' } : each)));
      if (left.length) throw problem;
      return nothing(make('p', {}, 'Nothing was looked for: correct what is marked above.'), problem.faults.filter(isLong).map(({ message }) => make('p', {}, sentence(message))));
    }
  });
}

function filterView(wanted, isFiltered, page) {
  const denied = make('input', { type: 'checkbox', id: 'only-denied', name: 'denied', checked: wanted.denied === 'true' });
  const text = (name, members) => input({ value: wanted[name], ...members });
  const form = make('form', { class: 'filters', role: 'search', 'aria-label': 'Events', novalidate: true },
    field('user_id', 'User', text('user_id')),
    field('plugin', 'Plugin', text('plugin')),
    field('target_id', 'Object’s id', text('target_id')),
    field('action', 'Action', text('action', { list: 'actions', placeholder: 'credential.open' })),
    make('datalist', { id: 'actions' }, ACTIONS.map((value) => make('option', { value }))),
    make('div', { class: 'check' }, denied, make('label', { for: 'only-denied' }, 'Denied only')),
    make('div', { class: 'row' }, make('button', { class: 'button primary' }, 'Find'), isFiltered && make('a', { class: 'button', href: '#audit' }, 'Show all')),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const { elements } = form;
    const values = { ...Object.fromEntries(FILTERS.slice(0, 4).map((name) => [name, elements[name].value.trim()])), denied: denied.checked && 'true' };
    const next = `#${withQuery('audit', values)}`;
    if (next === location.hash) void page.again();
    else location.hash = next;
  });
  return form;
}

async function eventsView(wanted, isFiltered, page) {
  const found = pages('/v1/audit', { ...wanted, limit: 50 });
  const { value: first } = await found.next();
  const list = table('Events, newest first', columns, first.items);
  const total = make('p', { class: 'soft', role: 'status' });
  const trouble = make('div');
  const older = button('Older', () => void grow());
  const none = nothing(make('p', {}, isFiltered ? 'No event fits.' : 'Nothing has happened yet.'));
  const tell = (cursor) => {
    const shown = list.rows.children.length;
    list.element.hidden = !shown;
    none.hidden = Boolean(shown || cursor);
    older.hidden = !cursor;
    // The server looks at so many events for one answer, and at older ones when it is asked again.
    total.textContent = shown ? `${count(shown, 'event')}${cursor ? ', and there are older ones' : ', and none older'}` : cursor ? 'Nothing among the latest events. Older ones have not been looked at yet.' : '';
  };
  const grow = async () => {
    older.setAttribute('aria-disabled', 'true');
    trouble.replaceChildren();
    try {
      const { value } = await found.next();
      list.add(value.items);
      tell(value.next_cursor);
    } catch (problem) {
      // A generator that threw is over: what is left is to begin anew.
      trouble.replaceChildren(problemView(problem, () => void page.again()));
      older.hidden = true;
    }
    older.removeAttribute('aria-disabled');
  };
  tell(first.next_cursor);
  return [list.element, none, total, trouble, older];
}

/** A value that is also a search for everything with it. */
const search = (name, value, kind) => make('a', { class: kind, href: `#${withQuery('audit', { [name]: value })}` }, name === 'user_id' ? stored(value) : code(value));

const part = (title, content) => make('span', {}, make('span', { class: 'soft' }, `${title} `), content);

const columns = [
  ['When', ({ at, seq }) => [moment(at), make('span', { class: 'soft' }, `no. ${seq.toLocaleString('en')}`)]],
  ['What', ({ action, decision, reason }) => [search('action', action, 'whole'), decision === 'denied' && make('span', {}, badge('denied', 'bad'), reason && ` ${reason}`)].filter(Boolean)],
  ['Who', ({ actor, actor_id: id, address }) => [make('b', {}, actor), id && code(id), address && part('from', code(address))].filter(Boolean)],
  ['About', ({ user_id: user, plugin, target_id: target }) => [user && part('user', search('user_id', user)), plugin && part('plugin', search('plugin', plugin)), target && search('target_id', target)].filter(Boolean)],
  ['Request', ({ request_id: id }) => (id ? code(id) : '')],
];
