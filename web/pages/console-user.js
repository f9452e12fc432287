// A user's page: their credentials, in the same elements that applications embed, with the cookie instead of a token. The
// form sends secrets to the server, which never returns them.
import { all } from './console-api.js';
import { input, openDialog } from './console-dialog.js';
import { button, fill, find, heading, make, nothing, say, stored } from './console-view.js';
/** @import { SrCredentialList } from '/elements/v1.js' */
/** @import { Plugin } from './pages.js' */

/** The address that providers send people back to. The server accepts the console's own address for every plugin. */
const RETURN = `${location.origin}/`;

/** @param {HTMLElement} place */
export function showUser(place) {
  return fill(
    place,
    async () => {
      await import('/elements/v1.js');
      const list = make('sr-credential-list', { 'no-create': true, 'return-address': RETURN });
      const about = 'What you stored for plugins. You can replace a secret here, but not read it.';
      return [
        heading(
          'Your credentials',
          about,
          button('Add a credential', () => choosePlugin(list), 'primary'),
        ),
        make('section', {}, list),
      ];
    },
    'Your credentials',
  );
}

/** @param {SrCredentialList} list */
function choosePlugin(list) {
  const place = make('div', { class: 'choices' });
  const actions = make(
    'div',
    { class: 'actions' },
    button('Cancel', () => dialog.close()),
  );
  const dialog = openDialog('Add a credential', [place, actions]);
  void fill(place, async () => choicesView(await all('/v1/plugins'), (plugin) => enter(dialog, list, plugin)));
}

/**
 * @param {Plugin[]} plugins
 * @param {(plugin: Plugin) => void} choose
 */
function choicesView(plugins, choose) {
  if (!plugins.length) {
    const none = 'No plugin is registered yet. The operator registers plugins.';
    return nothing(make('p', {}, none));
  }
  const entries = plugins.map((plugin) => {
    const { title, description } = plugin.manifest;
    const about = description && make('span', { class: 'soft' }, stored(description));
    const item = make(
      'li',
      {},
      button([make('b', {}, stored(title)), about], () => choose(plugin), 'choice'),
    );
    return { words: `${plugin.name} ${title} ${description ?? ''}`.toLowerCase(), item };
  });
  const none = make('p', { class: 'soft', role: 'status' });
  const filter = input({ type: 'search', id: 'find-plugin' });
  filter.addEventListener('input', () => {
    const wanted = filter.value.trim().toLowerCase();
    let found = 0;
    for (const { words, item } of entries) {
      item.hidden = !words.includes(wanted);
      if (!item.hidden) found += 1;
    }
    none.textContent = found ? '' : 'No plugin has this in its name.';
  });
  return [
    plugins.length > 8 &&
      make('div', { class: 'field' }, make('label', { for: 'find-plugin' }, 'Find a plugin'), filter),
    make('p', {}, 'For which plugin?'),
    make(
      'ul',
      {},
      entries.map(({ item }) => item),
    ),
    none,
  ].filter((each) => each !== false);
}

/**
 * @param {HTMLDialogElement} dialog
 * @param {SrCredentialList} list
 * @param {Plugin} plugin
 */
function enter(dialog, list, plugin) {
  const form = make('sr-credential-form', { plugin: plugin.name, 'return-address': RETURN });
  form.addEventListener('sr-cancel', () => dialog.close());
  form.addEventListener('sr-save', ({ detail }) => {
    dialog.close();
    void list.refresh();
    say('good', 'Saved “', stored(detail.credential.name), '”.');
  });
  dialog.addEventListener('cancel', (event) => {
    if (!form.isDirty) return;
    event.preventDefault();
    void form.cancel();
  });
  const { description } = plugin.manifest;
  const title = find(dialog, 'h2', HTMLElement);
  title.textContent = 'Add a credential for ';
  title.append(stored(plugin.manifest.title));
  title.tabIndex = -1;
  form.hideHeader = true;
  dialog.replaceChildren(title, description ? make('p', { class: 'soft' }, stored(description)) : '', form);
  title.focus();
}
