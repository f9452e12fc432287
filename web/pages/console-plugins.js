// Plugins: what each takes and may do, its manifest, and how to register, replace and remove one. Only the server judges a
// manifest. This page sends the text as it is, and shows every fault beside its place.
import { Problem, all, ask, fault, withQuery } from './console-api.js';
import { askWithForm, confirm, field, input, openDialog } from './console-dialog.js';
import {
  badge,
  button,
  code,
  copyButton,
  count,
  day,
  fill,
  heading,
  make,
  nothing,
  rowButton,
  stored,
  table,
} from './console-view.js';
/** @import { Column, Manifest, OperatorPage, Plugin } from './pages.js' */

const MOST_BYTES = 256 * 1024;
const KINDS = { 'api-key': 'API key', custom: 'Custom', oauth2: 'OAuth 2' };
/** @typedef {keyof typeof KINDS} Kind */

/**
 * @param {HTMLElement} place
 * @param {OperatorPage} page
 */
export function showPlugins(place, page) {
  return fill(
    place,
    async () => {
      const plugins = await all('/v1/plugins');
      const register = button('Register a plugin', () => registerPlugin(null, page), 'primary');
      const none = 'No plugin is registered yet. Register the first one with its manifest, a JSON file.';
      return [
        heading('Plugins', 'A plugin’s manifest says which credentials it takes, and how it gets at them.', register),
        make(
          'section',
          {},
          plugins.length ? table('Plugins', columns(page), plugins).element : nothing(make('p', {}, none)),
        ),
      ];
    },
    'Plugins',
  );
}

/**
 * @param {OperatorPage} page
 * @returns {Column<Plugin>[]}
 */
const columns = (page) => [
  ['Plugin', ({ name, manifest }) => [make('b', {}, stored(manifest.title)), code(name)]],
  [
    'Takes',
    (plugin) =>
      make(
        'ul',
        { class: 'plain' },
        kindsOf(plugin).map((kind) => make('li', {}, takesView(kind, plugin))),
      ),
  ],
  ['Secrets', ({ manifest }) => (manifest.access === 'read' ? 'The plugin reads them' : 'Put into its calls')],
  ['Changed', ({ updated_at: at, revision }) => [day(at), make('span', { class: 'soft' }, `revision ${revision}`)]],
  [
    '',
    (plugin) =>
      make(
        'div',
        { class: 'row' },
        rowButton('Manifest', plugin.name, () => showManifest(plugin)),
        rowButton('Replace', plugin.name, () => registerPlugin(plugin, page)),
        rowButton('Remove…', plugin.name, () => removePlugin(plugin, page), 'danger'),
      ),
  ],
];

/** @param {Plugin} plugin */
function kindsOf({ manifest }) {
  const kinds = /** @type {Kind[]} */ (Object.keys(KINDS));
  return kinds.filter((kind) => manifest.credentials[kind]);
}

/**
 * @param {Kind} kind
 * @param {Plugin} plugin
 */
function takesView(kind, { connect }) {
  if (kind !== 'oauth2' || !connect) return KINDS[kind];
  const hint = [' ', make('a', { href: '#apps' }, badge('needs an OAuth app', 'warn'))];
  return [`${KINDS.oauth2}, `, stored(connect.title), connect.registered ? '' : hint].flat();
}

/** @param {Manifest} manifest */
const textOf = (manifest) => JSON.stringify(manifest, (_, value) => value ?? undefined, 2);

/** @param {Plugin} plugin */
function showManifest({ name, manifest }) {
  const text = textOf(manifest);
  const dialog = openDialog(`Manifest of ${name}`, [
    make('pre', { tabindex: '0', class: 'long' }, code(text)),
    make(
      'div',
      { class: 'actions' },
      button('Close', () => dialog.close(), 'primary'),
      copyButton(text, 'the manifest', ''),
    ),
  ]);
  dialog.classList.add('wide');
}

/**
 * Registers a new plugin, or replaces the manifest of one in the version that this page showed.
 * @param {Plugin | null} known
 * @param {OperatorPage} page
 */
function registerPlugin(known, page) {
  const name = input({ value: known?.name, readonly: known !== null, maxlength: '63', autocapitalize: 'none' });
  const text = make('textarea', { rows: '9', spellcheck: 'false', autocomplete: 'off' });
  text.value = known ? textOf(known.manifest) : '';
  const file = input({ type: 'file', accept: '.json,application/json' });

  let isTooLong = false;
  /** @param {File | undefined} given */
  const read = async (given) => {
    if (!given) return;
    isTooLong = given.size > MOST_BYTES;
    text.value = isTooLong ? '' : await given.text();
    const stem = given.name
      .toLowerCase()
      .replace(/\.json$/, '')
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 63);
    if (!name.value) name.value = stem;
  };
  file.addEventListener('change', () => void read(file.files?.[0]));

  const dialog = askWithForm({
    title: known ? `Replace the manifest of ${known.name}` : 'Register a plugin',
    fields: [
      known &&
        make(
          'p',
          {},
          'Credentials that people saved stay as they are. The new manifest holds from the next request on.',
        ),
      field('name', 'Name', name, {
        help: known ? undefined : 'Small letters, digits and hyphens. It stays as it is.',
      }),
      field('file', 'Manifest file', file, { help: 'Choose it, drop it on this dialog, or paste its text below.' }),
      field('manifest', 'Manifest', text, { rest: true }),
    ],
    yes: known ? 'Replace' : 'Register',
    act: () => {
      if (isTooLong && !text.value) throw fault('file', 'is longer than 256 KiB, so it is hardly a manifest');
      return put(name.value.trim(), text.value, known);
    },
    done: ({ name: registered }) =>
      page.again('good', known ? 'Replaced the manifest of ' : 'Registered ', stored(registered), '.'),
  });
  dialog.classList.add('wide');
  dialog.addEventListener('dragover', (event) => event.preventDefault());
  dialog.addEventListener('drop', (event) => {
    const files = event.dataTransfer?.files;
    if (!files?.length) return;
    event.preventDefault();
    void read(files[0]);
  });
}

/**
 * @param {string} name
 * @param {string} text
 * @param {Plugin | null} known
 */
async function put(name, text, known) {
  if (!name) throw fault('name', 'must have a value');
  if (!text.trim()) throw fault('manifest', 'paste the manifest, or choose its file');
  try {
    JSON.parse(text);
  } catch (caught) {
    throw fault('manifest', `this is not JSON: ${caught instanceof Error ? caught.message : String(caught)}`);
  }
  try {
    const condition = known ? { match: known.revision } : { fresh: true };
    return await ask('PUT', `/v1/plugins/${encodeURIComponent(name)}`, { text, ...condition });
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.code === 'invalid-json') throw fault('manifest', problem.detail);
    if (problem.status === 412 && !known) {
      throw fault('name', 'a plugin of this name is registered already; close this, and choose Replace beside it');
    }
    if (problem.code === 'not-found' && !known) {
      throw fault('name', 'small letters, digits and hyphens; a letter or digit first and last');
    }
    throw problem;
  }
}

/**
 * @param {Plugin} plugin
 * @param {OperatorPage} page
 */
function removePlugin({ name, manifest }, page) {
  const id = 'credentials-too';
  const too = make('input', { type: 'checkbox', id, 'aria-describedby': `${id}-fault` });
  const tooField = make(
    'div',
    { class: 'field', 'data-field': 'credentials' },
    make('div', { class: 'check' }, too, make('label', { for: id }, 'Also delete all users’ credentials for it')),
    make('div', { class: 'fault', id: `${id}-fault` }),
  );
  confirm({
    title: `Remove ${manifest.title}?`,
    consequences: [
      'Its keys stop working at once, so the plugin gets no secret any more.',
      'As long as people have credentials for it, it stays, unless you delete those too. ' +
        'Deleted credentials cannot be brought back; connected accounts are revoked at their providers.',
    ],
    word: name,
    more: [tooField],
    yes: 'Remove',
    act: async () => {
      try {
        await ask(
          'DELETE',
          withQuery(`/v1/plugins/${encodeURIComponent(name)}`, { credentials: too.checked && 'true' }),
        );
      } catch (problem) {
        if (!(problem instanceof Problem) || problem.code !== 'plugin-in-use') throw problem;
        const number = count(Number(/\d+/.exec(problem.detail)), 'credential');
        throw fault(
          'credentials',
          `people still have ${number} for it: tick this to delete them too, or leave the plugin`,
        );
      }
    },
    done: () => page.again('good', 'Removed ', stored(name), '.'),
  });
}
