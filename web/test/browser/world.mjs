// The environment of one test file: a vault with plugins, the providers, a service, and the application.
import { Host } from './host.mjs';
import { Provider, startService } from './provider.mjs';
import { Scripted } from './scripted.mjs';
import { openBrowser } from './stage.mjs';
import { Vault } from './vault.mjs';

export async function startWorld() {
  const provider = await Provider.start();
  const service = await startService();
  const scripted = await Scripted.start();
  const vault = await Vault.start({
    witness: provider.file,
    bare: provider.file.replace('"Witness"', '"Bare"'),
    ...scripted.files,
  });
  const host = await Host.start(vault);
  await provider.join(vault);

  const text = { type: 'string', 'x-secret': false };
  const key = {
    type: 'string',
    title: 'API key',
    'x-order': 1,
    minLength: 4,
    'x-help': 'From your account.',
    'x-doc-url': 'https://example.com/keys',
    'x-placeholder': 'key-…',
  };
  const returns = [`${host.origin}/return`];
  await scripted.join(vault, returns);
  await vault.plugin('mail', {
    title: 'Mail',
    description: 'Reads mail.',
    return_addresses: returns,
    credentials: {
      oauth2: { provider: 'witness', scopes: ['jobs', 'files'], device: true },
      'api-key': { schema: { type: 'object', required: ['api_key'], properties: { api_key: key } } },
    },
  });
  await vault.plugin('unset', {
    title: 'Unset',
    return_addresses: returns,
    credentials: { oauth2: { provider: 'bare', scopes: [] } },
  });
  await vault.plugin('weather', {
    title: 'Weather',
    description: 'Asks for the weather.',
    docs_url: 'https://example.com/docs',
    credentials: {
      'api-key': {
        schema: {
          type: 'object',
          required: ['api_key'],
          properties: {
            api_key: key,
            region: { ...text, title: 'Region', 'x-order': 2, 'x-suffix': '.example.com' },
            note: { ...text, title: 'Note', 'x-order': 3 },
          },
        },
        inject: [{ in: 'header', name: 'Authorization', template: 'Bearer {{api_key}}' }],
        test: { method: 'GET', url: service, expect: [200] },
      },
    },
  });
  await vault.plugin('wide', {
    title: 'Everything',
    credentials: {
      custom: {
        schema: {
          type: 'object',
          required: ['host', 'mode'],
          additionalProperties: true,
          properties: {
            host: { ...text, title: 'Host', format: 'hostname', 'x-order': 1, 'x-prefix': 'https://' },
            port: {
              type: 'integer',
              title: 'Port',
              minimum: 1,
              maximum: 65535,
              default: 443,
              'x-secret': false,
              'x-order': 2,
            },
            mode: { ...text, title: 'Mode', enum: ['plain', 'tls'], default: 'plain', 'x-order': 3, 'x-group': 'TLS' },
            certificate: {
              ...text,
              title: 'Certificate',
              'x-widget': 'pem',
              'x-order': 4,
              'x-group': 'TLS',
              'x-visible-when': { field: 'mode', in: ['tls'] },
            },
            strict: {
              type: 'boolean',
              title: 'Check names',
              default: true,
              'x-secret': false,
              'x-order': 5,
              'x-group': 'TLS',
            },
            tags: { type: 'array', title: 'Tags', 'x-secret': false, 'x-order': 6 },
            account: { type: 'string', title: 'Service account', 'x-widget': 'json', 'x-order': 7 },
            password: { type: 'string', title: 'Password', 'x-widget': 'password', 'x-order': 8 },
          },
        },
      },
    },
  });

  const browser = await openBrowser();
  return { browser, host, vault, provider, scripted, service };
}
