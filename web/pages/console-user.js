// What a user sees: their credentials, by the elements that any application embeds, with the cookie in place of a token.
// Secrets go from the form to the server and never come back; this page sees neither.
import { all } from './console-api.js';
import { input, openDialog } from './console-dialog.js';
import { button, fill, heading, make, nothing, say, stored } from './console-view.js';

/** Where providers send people back to: the server takes the console's own address for every plugin. */
const RETURN = `${location.origin}/`;

export function showUser(place) {
  return fill(place, async () => {
    await import('/elements/v1.js');
    const list = make('sr-credential-list', { 'no-create': true, 'return-address': RETURN });
    return [
      heading('Your credentials', 'What you stored for plugins. A secret can be replaced, but nobody can read it here.', button('Add a credential', () => choosePlugin(list), 'primary')),
      make('section', {}, list),
    ];
  }, 'Your credentials');
}

function choosePlugin(list) {
  const place = make('div', { class: 'choices' });
  const dialog = openDialog('Add a credential', [place, make('div', { class: 'actions' }, button('Cancel', () => dialog.close()))]);
  void fill(place, async () => choicesView(await all('/v1/plugins'), (plugin) => enter(dialog, list, plugin)));
}

function choicesView(plugins, choose) {
  if (!plugins.length) return nothing(make('p', {}, 'There is no plugin yet that a credential could be for. Whoever runs the vault registers them.'));
  const words = ({ name, manifest }) => `${name} ${manifest.title} ${manifest.description ?? ''}`.toLowerCase();
  const entries = plugins.map((plugin) => {
    const { title, description } = plugin.manifest;
    const item = make('li', {}, button([make('b', {}, stored(title)), description && make('span', { class: 'soft' }, stored(description))], () => choose(plugin), 'choice'));
    return [words(plugin), item];
  });
  const none = make('p', { class: 'soft', role: 'status' });
  const find = input({ type: 'search', id: 'find-plugin' });
  find.addEventListener('input', () => {
    const wanted = find.value.trim().toLowerCase();
    let found = 0;
    for (const [text, item] of entries) found += (item.hidden = !text.includes(wanted)) ? 0 : 1;
    none.textContent = found ? '' : 'No plugin has this in its name.';
  });
  return [
    plugins.length > 8 && make('div', { class: 'field' }, make('label', { for: 'find-plugin' }, 'Find a plugin'), find),
    make('p', {}, 'For which plugin?'),
    make('ul', {}, entries.map(([, item]) => item)),
    none,
  ].filter(Boolean);
}

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
  const title = dialog.querySelector('h2');
  title.textContent = 'Add a credential for ';
  title.append(stored(plugin.manifest.title));
  title.tabIndex = -1;
  form.hideHeader = true;
  dialog.replaceChildren(title, plugin.manifest.description ? make('p', { class: 'soft' }, stored(plugin.manifest.description)) : '', form);
  title.focus();
}
