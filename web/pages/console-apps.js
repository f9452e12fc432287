// OAuth apps: the vault's registrations at providers. A client's secret or key file goes to the server and never comes back;
// the address to register at the provider is here to be copied.
import { ask, fault } from './console-api.js';
import { askWithForm, confirm, field, input, select } from './console-dialog.js';
import { banner, button, code, copyButton, day, fill, heading, make, nothing, rowButton, stored, table } from './console-view.js';

const OTHER = 'other';

export function showApps(place, page) {
  return fill(place, async () => {
    const [{ items: apps }, { items: providers }] = await Promise.all([ask('GET', '/v1/oauth-apps'), ask('GET', '/v1/providers')]);
    const rows = [
      ['Provider', ({ title, provider }) => [make('b', {}, stored(title)), code(provider)]],
      ['Client', ({ client_id: client, parameters }) => [code(client), ...Object.entries(parameters).map(([name, value]) => make('span', { class: 'soft' }, `${name}: `, stored(value)))]],
      ['Redirect address', ({ redirect_address: address }) => (address ? make('div', { class: 'row' }, code(address), copyButton(address, 'the redirect address')) : make('span', { class: 'soft' }, 'None: set server.public_url'))],
      ['Since', ({ created_at: at }) => day(at)],
      ['', (app) => rowButton('Remove…', `${app.title}, ${app.client_id}`, () => removeApp(app, page), 'danger')],
    ];
    return [
      heading('OAuth apps', 'What the vault is registered as at providers, so that people can connect their accounts.', button('Add an OAuth app', () => createApp(providers, page), 'primary')),
      make('section', {}, apps.length ? table('OAuth apps', rows, apps).element : nothing(make('p', {}, 'There is none yet. Register a client at the provider, then add it here with its id and secret.'))),
    ];
  }, 'OAuth apps');
}

function createApp(providers, page) {
  const known = new Map(providers.map((provider) => [provider.name, provider]));
  const provider = select([['', 'Choose…'], ...providers.map(({ name, title }) => [name, title]), [OTHER, 'Another one, by its address']]);
  const issuer = field('issuer', 'Address of the issuer', input({ type: 'url', placeholder: 'https://id.example.com', maxlength: '500' }), { help: 'It has to describe itself (OpenID Connect Discovery).' });
  const about = make('div', { 'aria-live': 'polite' });
  const parameters = make('div');
  issuer.hidden = true;
  provider.addEventListener('change', () => {
    const chosen = known.get(provider.value);
    issuer.hidden = provider.value !== OTHER;
    about.replaceChildren(...(chosen?.notices.length ? [banner('calm', make('ul', {}, chosen.notices.map((text) => make('li', {}, stored(text)))))] : []));
    parameters.replaceChildren(...(chosen?.parameters ?? []).map((name) => field(`parameters/${name}`, make('span', {}, 'Parameter ', code(name)), input(), { help: 'Part of the provider’s addresses.' })));
  });
  const hidden = { type: 'password', autocomplete: 'new-password', 'data-1p-ignore': true, 'data-lpignore': 'true', 'data-bwignore': true };
  askWithForm({
    title: 'Add an OAuth app',
    fields: [
      field('provider', 'Provider', provider),
      issuer,
      about,
      parameters,
      field('client_id', 'Client id', input({ maxlength: '500' }), { help: 'May be empty if a key file names the account.' }),
      field('client_secret', 'Client secret', input(hidden), { help: 'As the provider showed it. Empty for a public client, or with a key file.' }),
      field('key_file', 'Key file', input({ type: 'file', accept: '.json,.pem,.key,.p8' }), { help: 'Instead of a secret, where the provider signs with keys: PEM, or its JSON file.' }),
    ],
    yes: 'Add',
    act: (elements) => create(elements, known),
    done: ({ title, redirect_address: address }) =>
      page.again('good', 'Added ', stored(title), '.', ...(address ? [' Register this redirect address there, if you have not yet: ', code(address), ' ', ...copyButton(address, 'the redirect address')] : [])),
  });
}

async function create(elements, known) {
  const provider = elements.provider.value === OTHER ? elements.issuer.value.trim() : elements.provider.value;
  if (!provider) throw fault(elements.provider.value === OTHER ? 'issuer' : 'provider', 'must have a value');
  const [file] = elements.key_file.files;
  const secret = elements.client_secret.value;
  if (file && secret) throw fault('key_file', 'give a secret or a key file, not both');
  if (file?.size > 64 * 1024) throw fault('key_file', 'is too long for a key file');
  const parameters = {};
  for (const name of known.get(provider)?.parameters ?? []) {
    const value = elements[`parameters/${name}`].value.trim();
    if (value) parameters[name] = value;
  }
  const given = { client_id: elements.client_id.value.trim(), client_secret: file ? await file.text() : secret };
  const body = { provider, parameters, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value)) };
  try {
    return await ask('POST', '/v1/oauth-apps', { body });
  } catch (problem) {
    const place = { provider: elements.provider.value === OTHER ? 'issuer' : 'provider', client_secret: file ? 'key_file' : 'client_secret' };
    for (const each of problem.faults ?? []) each.field = place[each.field] ?? each.field;
    throw problem;
  }
}

function removeApp({ id, title, client_id: client }, page) {
  confirm({
    title: `Remove the OAuth app at ${title}?`,
    consequences: [
      `The vault forgets the client ${client} and its secret. Nobody can connect an account through it any more.`,
      'As long as accounts are connected through it, it stays: their owners, or you with the user or the plugin, delete those credentials first. At the provider it stays registered; remove it there too.',
    ],
    yes: 'Remove',
    act: () => ask('DELETE', `/v1/oauth-apps/${id}`),
    done: () => page.again('good', 'Removed the OAuth app at ', stored(title), '.'),
  });
}
