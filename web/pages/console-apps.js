// OAuth apps: the vault's registrations at providers. The server gets a client's secret or key file and never sends it back.
// This page shows the address to register at the provider, with a button that copies it.
import { Problem, ask, fault } from './console-api.js';
import { askWithForm, confirm, controlOf, field, input, select } from './console-dialog.js';
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
/** @import { Choice, Column, OauthApp, OperatorPage, Provider, Schemas } from './pages.js' */

const OTHER = 'other';

/**
 * @param {HTMLElement} place
 * @param {OperatorPage} page
 */
export function showApps(place, page) {
  return fill(
    place,
    async () => {
      const [{ items: apps }, { items: providers }] = await Promise.all([
        ask('GET', '/v1/oauth-apps'),
        ask('GET', '/v1/providers'),
      ]);
      const about = 'What the vault is registered as at providers, so that people can connect their accounts.';
      const none = 'There is none yet. Register a client at the provider, then add it here with its id and secret.';
      return [
        heading(
          'OAuth apps',
          about,
          button('Add an OAuth app', () => createApp(providers, page), 'primary'),
        ),
        make(
          'section',
          {},
          apps.length ? table('OAuth apps', columns(page), apps).element : nothing(make('p', {}, none)),
        ),
      ];
    },
    'OAuth apps',
  );
}

/**
 * @param {OperatorPage} page
 * @returns {Column<OauthApp>[]}
 */
const columns = (page) => [
  ['Provider', ({ title, provider }) => [make('b', {}, stored(title)), code(provider)]],
  [
    'Client',
    ({ client_id: client, parameters }) => [
      code(client),
      ...Object.entries(parameters).map(([name, value]) => make('span', { class: 'soft' }, `${name}: `, stored(value))),
    ],
  ],
  [
    'Redirect address',
    ({ redirect_address: address }) =>
      address
        ? make('div', { class: 'row' }, code(address), copyButton(address, 'the redirect address'))
        : make('span', { class: 'soft' }, 'None: set server.public_url'),
  ],
  ['Since', ({ created_at: at }) => day(at)],
  ['', (app) => rowButton('Remove…', `${app.title}, ${app.client_id}`, () => removeApp(app, page), 'danger')],
];

/**
 * @param {Provider[]} providers
 * @param {OperatorPage} page
 */
function createApp(providers, page) {
  const known = new Map(providers.map((provider) => [provider.name, provider]));
  /** @type {Choice[]} */
  const choices = providers.map(({ name, title }) => [name, title]);
  const provider = select([['', 'Choose…'], ...choices, [OTHER, 'Another one, by its address']]);
  const address = input({ type: 'url', placeholder: 'https://id.example.com', maxlength: '500' });
  const help = 'It has to describe itself (OpenID Connect Discovery).';
  const issuer = field('issuer', 'Address of the issuer', address, { help });
  const about = make('div', { 'aria-live': 'polite' });
  const parameters = make('div');
  issuer.hidden = true;
  provider.addEventListener('change', () => {
    const chosen = known.get(provider.value);
    issuer.hidden = provider.value !== OTHER;
    about.replaceChildren(...(chosen?.notices.length ? [noticesView(chosen.notices)] : []));
    parameters.replaceChildren(...(chosen?.parameters ?? []).map(parameterField));
  });
  const hidden = {
    type: 'password',
    autocomplete: 'new-password',
    'data-1p-ignore': true,
    'data-lpignore': 'true',
    'data-bwignore': true,
  };
  askWithForm({
    title: 'Add an OAuth app',
    fields: [
      field('provider', 'Provider', provider),
      issuer,
      about,
      parameters,
      field('client_id', 'Client id', input({ maxlength: '500' }), {
        help: 'May be empty if a key file names the account.',
      }),
      field('client_secret', 'Client secret', input(hidden), {
        help: 'As the provider showed it. Empty for a public client, or with a key file.',
      }),
      field('key_file', 'Key file', input({ type: 'file', accept: '.json,.pem,.key,.p8' }), {
        help: 'Instead of a secret, where the provider signs with keys: PEM, or its JSON file.',
      }),
    ],
    yes: 'Add',
    act: (elements) => create(elements, known),
    done: ({ title, redirect_address: redirect }) => {
      const words = ' Register this redirect address there, if you have not yet: ';
      const toRegister = redirect ? [words, code(redirect), ' ', ...copyButton(redirect, 'the redirect address')] : [];
      void page.again('good', 'Added ', stored(title), '.', ...toRegister);
    },
  });
}

/** @param {string[]} notices */
const noticesView = (notices) =>
  banner(
    'calm',
    make(
      'ul',
      {},
      notices.map((text) => make('li', {}, stored(text))),
    ),
  );

/** @param {string} name */
const parameterField = (name) =>
  field(`parameters/${name}`, make('span', {}, 'Parameter ', code(name)), input(), {
    help: 'Part of the provider’s addresses.',
  });

/**
 * The file that people chose in a control, if there is one.
 * @param {HTMLFormControlsCollection} elements
 * @param {string} name
 */
function fileOf(elements, name) {
  const control = controlOf(elements, name);
  return control instanceof HTMLInputElement ? control.files?.[0] : undefined;
}

/**
 * @param {HTMLFormControlsCollection} elements
 * @param {Map<string, Provider>} known
 */
async function create(elements, known) {
  const valueOf = (/** @type {string} */ name) => controlOf(elements, name).value;
  const providerField = valueOf('provider') === OTHER ? 'issuer' : 'provider';
  const provider = providerField === 'issuer' ? valueOf('issuer').trim() : valueOf('provider');
  if (!provider) throw fault(providerField, 'must have a value');
  const file = fileOf(elements, 'key_file');
  const secret = valueOf('client_secret');
  if (file && secret) throw fault('key_file', 'give a secret or a key file, not both');
  if (file && file.size > 64 * 1024) throw fault('key_file', 'is too long for a key file');
  /** @type {Record<string, string>} */
  const parameters = {};
  for (const name of known.get(provider)?.parameters ?? []) {
    const value = valueOf(`parameters/${name}`).trim();
    if (value) parameters[name] = value;
  }
  const given = { client_id: valueOf('client_id').trim(), client_secret: file ? await file.text() : secret };
  /** @type {Schemas['CreateOauthApp']} */
  const body = { provider, parameters, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value)) };
  try {
    return await ask('POST', '/v1/oauth-apps', { body });
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    /** @type {Record<string, string>} */
    const place = { provider: providerField, client_secret: file ? 'key_file' : 'client_secret' };
    for (const each of problem.faults) each.field = place[each.field] ?? each.field;
    throw problem;
  }
}

/**
 * @param {OauthApp} app
 * @param {OperatorPage} page
 */
function removeApp({ id, title, client_id: client }, page) {
  confirm({
    title: `Remove the OAuth app at ${title}?`,
    consequences: [
      `The vault deletes the client ${client} and its secret. No account can be connected through it any more.`,
      'As long as accounts are connected through it, it stays: their owners, or you with the user or the plugin, ' +
        'delete those credentials first. At the provider it stays registered; remove it there too.',
    ],
    yes: 'Remove',
    act: () => ask('DELETE', `/v1/oauth-apps/${id}`),
    done: () => page.again('good', 'Removed the OAuth app at ', stored(title), '.'),
  });
}
