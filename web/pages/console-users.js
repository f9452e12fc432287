// Users: who has credentials here, how many, and deleting a user with everything that is theirs. What a user stored is not
// an operator's to see, so there is nothing of it on this page.
import { ask, pages } from './console-api.js';
import { confirm } from './console-dialog.js';
import { button, count, day, fill, heading, make, nothing, rowButton, stored, table } from './console-view.js';

const SIZE = 100;

export function showUsers(place, page) {
  return fill(place, async () => {
    const found = pages('/v1/users', { limit: SIZE });
    const { value: first } = await found.next();
    const about = 'The people your application stores credentials for, by its own ids.';
    if (!first.items.length) return [heading('Users', about), make('section', {}, nothing(make('p', {}, 'Nobody has stored anything yet.')))];
    const list = table('Users', columns(page), first.items);
    const total = make('span', { class: 'soft' });
    const more = button('Show more', () => void grow());
    const tell = (cursor) => {
      more.hidden = !cursor;
      total.textContent = `${count(list.rows.children.length, 'user')}${cursor ? ' so far' : ''}`;
    };
    const grow = async () => {
      more.setAttribute('aria-disabled', 'true');
      try {
        const { value } = await found.next();
        list.add(value.items);
        tell(value.next_cursor);
      } catch {
        return page.again('bad', 'The rest could not be loaded. This is the beginning again.');
      }
      more.removeAttribute('aria-disabled');
    };
    tell(first.next_cursor);
    return [heading('Users', about), make('section', {}, list.element, make('div', { role: 'status' }, total), more)];
  }, 'Users');
}

const columns = (page) => [
  ['User', ({ id }) => make('b', {}, stored(id))],
  ['Credentials', ({ credentials }) => credentials.toLocaleString('en')],
  ['Since', ({ created_at: at }) => day(at)],
  ['', (user) => make('div', { class: 'row' },
    make('a', { class: 'button small', href: `#audit?${new URLSearchParams({ user_id: user.id })}` }, 'Log', make('span', { class: 'hush' }, ` of ${user.id}`)),
    rowButton('Delete…', user.id, () => deleteUser(user, page), 'danger'))],
];

function deleteUser({ id, credentials }, page) {
  confirm({
    title: `Delete the user ${id}?`,
    consequences: [
      `${count(credentials, 'credential')} and all sessions of this user are deleted, and connected accounts are revoked at their providers.`,
      'So is the key under which this user’s data is sealed: what backups still hold of it cannot be read any more. There is no way back.',
      'What the audit log says about this user stays.',
    ],
    word: id,
    yes: 'Delete the user',
    act: () => ask('DELETE', `/v1/users/${encodeURIComponent(id)}`),
    done: () => page.again('good', 'Deleted the user ', stored(id), '.'),
  });
}
