// Keys of the host and of plugins. A dialog shows a new key once, and removes it from the page when it closes. The server keeps
// only a hash, so this page cannot show a key again.
import { all, ask } from './console-api.js';
import { askWithForm, confirm, controlOf, field, input, openDialog, select } from './console-dialog.js';
import {
  banner,
  button,
  code,
  copyButton,
  day,
  fill,
  heading,
  make,
  nothing,
  rowButton,
  stored,
  table,
} from './console-view.js';
/** @import { Choice, Key, OperatorPage } from './pages.js' */

/**
 * The keys of the host or of one plugin: where they are, and how texts call them.
 * @typedef {{ path: '/v1/host-keys' | `/v1/plugins/${string}/keys`, keys: Key[], noun: string, about: string }} KeyRing
 */

/**
 * @param {HTMLElement} place
 * @param {OperatorPage} page
 */
export function showKeys(place, page) {
  return fill(
    place,
    async () => {
      const [{ items: hostKeys }, plugins] = await Promise.all([ask('GET', '/v1/host-keys'), all('/v1/plugins')]);
      /** @type {KeyRing} */
      const hosts = { path: '/v1/host-keys', keys: hostKeys, noun: 'host key', about: 'Host keys' };
      const wanted = page.query.get('plugin');
      const pluginPlace = make('div', { class: 'stack' });
      /** @type {Choice[]} */
      const choices = plugins.map(({ name, manifest }) => [name, `${manifest.title} (${name})`, name === wanted]);
      const chosen = select([['', 'Choose a plugin…'], ...choices], { id: 'keys-of' });
      chosen.addEventListener('change', () => {
        location.hash = chosen.value ? `#keys?${new URLSearchParams({ plugin: chosen.value })}` : '#keys';
      });
      if (wanted !== null && plugins.some(({ name }) => name === wanted))
        await fill(pluginPlace, () => pluginView(wanted, page));
      const aboutHosts = 'For your application’s backend. A host key may do nearly everything, so do not share it.';
      return [
        heading('Keys', 'A program proves with a key who it is. Each key is shown once, when it is made.'),
        make(
          'section',
          {},
          sectionHead(
            'Host keys',
            aboutHosts,
            button('New host key', () => createKey(hosts, page), 'primary'),
          ),
          keysView(hosts, page),
        ),
        make(
          'section',
          {},
          sectionHead('Plugin keys', 'For one plugin each. It reads what users stored for it, and nothing else.'),
          make('div', { class: 'field' }, make('label', { for: 'keys-of' }, 'Plugin'), chosen),
          pluginPlace,
        ),
      ];
    },
    'Keys',
  );
}

/**
 * @param {string} title
 * @param {string} about
 * @param {...Node} actions
 */
const sectionHead = (title, about, ...actions) =>
  make(
    'div',
    { class: 'heading' },
    make('div', {}, make('h2', {}, title), make('p', { class: 'soft' }, about)),
    make('div', { class: 'row' }, actions),
  );

/**
 * @param {string} name
 * @param {OperatorPage} page
 */
async function pluginView(name, page) {
  /** @type {`/v1/plugins/${string}/keys`} */
  const path = `/v1/plugins/${encodeURIComponent(name)}/keys`;
  const { items: keys } = await ask('GET', path);
  const of = { path, keys, noun: `key for ${name}`, about: `Keys of ${name}` };
  return [
    keysView(of, page),
    make(
      'div',
      { class: 'actions' },
      button('New plugin key', () => createKey(of, page), 'primary'),
    ),
  ];
}

/**
 * @param {KeyRing} of
 * @param {OperatorPage} page
 */
function keysView(of, page) {
  if (!of.keys.length) return nothing(make('p', {}, 'There is none yet.'));
  return table(
    of.about,
    [
      ['What for', ({ label }) => make('b', {}, stored(label))],
      ['Id', ({ id }) => code(id)],
      ['Since', ({ created_at: at }) => day(at)],
      [
        '',
        (key) => {
          const href = `#audit?${new URLSearchParams({ target_id: key.id })}`;
          return make(
            'div',
            { class: 'row' },
            make('a', { class: 'button small', href }, 'Log', make('span', { class: 'hush' }, ` of ${key.label}`)),
            rowButton('Revoke…', key.label, () => revokeKey(of, key, page), 'danger'),
          );
        },
      ],
    ],
    of.keys,
  ).element;
}

/**
 * @param {KeyRing} of
 * @param {OperatorPage} page
 */
function createKey({ path, noun }, page) {
  let sent = { label: '', once: '' };
  const help = 'A name by which you know it later, such as the machine that has it.';
  askWithForm({
    title: `New ${noun}`,
    fields: [field('label', 'What is it for?', input({ maxlength: '100' }), { help })],
    yes: 'Make the key',
    act: (elements) => {
      const { value } = controlOf(elements, 'label');
      // If an answer is lost, the same request goes out again, and the server makes no second key.
      if (sent.label !== value || !sent.once) sent = { label: value, once: crypto.randomUUID() };
      return ask('POST', path, { body: { label: value.trim() }, once: sent.once });
    },
    done: ({ token, label }) => showKey(token, label, page),
  });
}

/**
 * @param {string} token
 * @param {string} label
 * @param {OperatorPage} page
 */
function showKey(token, label, page) {
  const place = make('code', { class: 'token', tabindex: '0', 'aria-label': 'The new key' }, token);
  const warning = 'It is shown only once. If you lose it, revoke it and make another one.';
  const dialog = openDialog(
    'Keep this key now',
    [
      banner('warn', make('p', {}, warning)),
      place,
      make(
        'div',
        { class: 'actions' },
        copyButton(token, 'the key', 'primary'),
        button('I have kept it', () => dialog.close()),
      ),
    ],
    () => {
      place.textContent = '';
      void page.again('good', 'Made the key “', stored(label), '”.');
    },
  );
  // People press Escape by habit.
  dialog.addEventListener('cancel', (event) => event.preventDefault());
}

/**
 * @param {KeyRing} of
 * @param {Key} key
 * @param {OperatorPage} page
 */
function revokeKey({ path, keys, noun }, { id, label }, page) {
  const isLast = keys.length === 1 && noun === 'host key';
  const last = isLast
    ? ['It is the only host key: until you make another, your application gets nothing from the vault.']
    : [];
  confirm({
    title: `Revoke “${label}”?`,
    consequences: [
      'Whatever uses this key is refused from its next request on. A revoked key cannot be brought back.',
      ...last,
    ],
    yes: 'Revoke',
    act: () => ask('DELETE', `${path}/${id}`),
    done: () => page.again('good', 'Revoked “', stored(label), '”.'),
  });
}
