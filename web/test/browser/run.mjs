// Drives the four elements through their states in Chromium, against the real server: npm run browser [-- name …]
// With --screenshots FOLDER it keeps a picture of every state.
import { readdirSync } from 'node:fs';
import { Host } from './host.mjs';
import { CANARY, Provider, startService } from './provider.mjs';
import { Scripted } from './scripted.mjs';
import { openBrowser, Person } from './stage.mjs';
import { Vault } from './vault.mjs';

const here = new URL('.', import.meta.url);
const wanted = process.argv
  .slice(2)
  .filter((word, at, all) => !word.startsWith('--') && all[at - 1] !== '--screenshots');
const files = readdirSync(here).filter(
  (name) => name.endsWith('.states.mjs') && (!wanted.length || wanted.some((word) => name.startsWith(word))),
);

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
const world = { browser, host, vault, provider, scripted, service };
let failed = 0;
for (const file of files) {
  const { default: states } = await import(new URL(file, here));
  for (const [name, check] of Object.entries(states)) {
    const user = `u${file.replace(/\W.*/, '')}${name.replace(/\W/g, '')}`;
    const begun = Date.now();
    let person;
    try {
      person = await Person.with(world, user, check.options ?? {});
      const sent = new Set();
      const secret = (end = '') => {
        const made = `key-${CANARY}-${sent.size}${end}`;
        sent.add(made);
        return made;
      };
      await check(person, { ...world, secret });
      await person.look();
      person.checkCanaries([...sent, `AccessToken-${CANARY}`, `RefreshToken-${CANARY}`, provider.secret], sent);
      console.log(`ok   ${file.split('.')[0]}: ${name} (${Date.now() - begun} ms)`);
    } catch (error) {
      failed += 1;
      console.log(
        `FAIL ${file.split('.')[0]}: ${name}\n${error.stack}\n${await person?.shows().catch(String)}\nThe vault's log ends with:\n${vault.lastLines}`,
      );
    } finally {
      host.signedOut = false;
      host.seconds = 900;
      provider.policy = null;
      Object.assign(scripted, { turns: [], granted: null });
      await person?.close();
    }
  }
}
await browser.close();
console.log(failed ? `${failed} failed` : 'all states as they should be');
process.exit(failed ? 1 : 0);
