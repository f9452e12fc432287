// Users: their ids, the number of their credentials, and the deletion of a user with all their data. An operator may not
// see a user's credentials, so this page shows none of them.
import { ask, nextOf, pages } from './console-api.js';
import { confirm } from './console-dialog.js';
import { button, count, day, fill, heading, make, nothing, rowButton, stored, table } from './console-view.js';
/** @import { Column, OperatorPage, User } from './pages.js' */

const SIZE = 100;

/**
 * @param {HTMLElement} place
 * @param {OperatorPage} page
 */
export function showUsers(place, page) {
  return fill(
    place,
    async () => {
      const found = pages('/v1/users', { limit: SIZE });
      const first = await nextOf(found);
      const about = 'The people your application stores credentials for, by its own ids.';
      if (!first.items.length) {
        return [
          heading('Users', about),
          make('section', {}, nothing(make('p', {}, 'No user has stored a credential yet.'))),
        ];
      }
      const list = table('Users', columns(page), first.items);
      const total = make('span', { class: 'soft' });
      const more = button('Show more', () => void grow());
      /** @param {string | null | undefined} cursor */
      const tell = (cursor) => {
        more.hidden = !cursor;
        total.textContent = `${count(list.rows.children.length, 'user')}${cursor ? ' so far' : ''}`;
      };
      const grow = async () => {
        more.setAttribute('aria-disabled', 'true');
        try {
          const next = await nextOf(found);
          list.add(next.items);
          tell(next.next_cursor);
        } catch {
          return page.again('bad', 'The rest could not be loaded. This is the beginning again.');
        }
        more.removeAttribute('aria-disabled');
      };
      tell(first.next_cursor);
      return [heading('Users', about), make('section', {}, list.element, make('div', { role: 'status' }, total), more)];
    },
    'Users',
  );
}

/**
 * @param {OperatorPage} page
 * @returns {Column<User>[]}
 */
const columns = (page) => [
  ['User', ({ id }) => make('b', {}, stored(id))],
  ['Credentials', ({ credentials }) => credentials.toLocaleString('en')],
  ['Since', ({ created_at: at }) => day(at)],
  [
    '',
    (user) => {
      const href = `#audit?${new URLSearchParams({ user_id: user.id })}`;
      return make(
        'div',
        { class: 'row' },
        make('a', { class: 'button small', href }, 'Log', make('span', { class: 'hush' }, ` of ${user.id}`)),
        rowButton('Delete…', user.id, () => deleteUser(user, page), 'danger'),
      );
    },
  ],
];

/**
 * @param {User} user
 * @param {OperatorPage} page
 */
function deleteUser({ id, credentials }, page) {
  const whole = count(credentials, 'credential');
  confirm({
    title: `Delete the user ${id}?`,
    consequences: [
      `${whole} and all sessions of this user are deleted, and connected accounts are revoked at their providers.`,
      'So is the key under which this user’s data is sealed: what backups still hold of it cannot be read any more. ' +
        'There is no way back.',
      'What the audit log says about this user stays.',
    ],
    word: id,
    yes: 'Delete the user',
    act: () => ask('DELETE', `/v1/users/${encodeURIComponent(id)}`),
    done: () => page.again('good', 'Deleted the user ', stored(id), '.'),
  });
}
