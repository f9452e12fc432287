// The application around the elements. Its page has another origin than the vault. Its policy allows no inline style,
// no inline script, no eval and no unchecked markup. Its backend mints sessions for the signed-in user.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { project } from './embedding.mjs';

/** The elements of the packed package. */
const dist = join(project, 'node_modules/@strongroom/elements/dist');
const FILES = new Set(['elements.js', 'de.js', 'ar.js']);

const page = (lang, dir) => `<!doctype html><html lang="${lang}" dir="${dir}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Host</title><link rel="stylesheet" href="/host.css">
<script type="module" src="/host.js"></script></head><body><main><h1>Settings</h1><div id="stage"></div></main></body></html>`;

const style = `body { margin: 0; font-family: system-ui, sans-serif } main { margin: 0 auto; padding: 1.5rem; max-width: 60rem }
h1 { font-size: 1.3rem } html.dark { color-scheme: dark; background: #16181d; color: #e9ebf0 } #stage { display: grid; gap: 1.5rem; grid-template-columns: minmax(0, 1fr) }`;

const script = (vault) => `import { finishConnection, forgetSession } from '/elements.js';
window.events = [];
const names = ['error', 'session-expired', 'connect-start', 'connect', 'connect-error', 'disconnect', 'save', 'test', 'cancel',
  'load', 'select', 'delete', 'create-request', 'edit-request', 'delete-request', 'dirty-change', 'validate', 'submit'];
for (const name of [...names.map((each) => 'sr-' + each), 'change'])
  document.addEventListener(name, (event) => window.events.push([event.type, event.detail]));
window.asked = 0;
window.session = async () => {
  window.asked += 1;
  const answer = await fetch('/token', { method: 'POST' });
  if (!answer.ok) throw new Error('signed out');
  return (await answer.json()).token;
};
window.mount = (tag, properties = {}, into = document.querySelector('#stage')) => {
  const element = document.createElement(tag);
  Object.assign(element, { endpoint: ${JSON.stringify(vault)}, getSessionToken: window.session }, properties);
  into.append(element);
  return element;
};
Object.assign(window, { finishConnection, forgetSession });
if (location.pathname === '/return') window.mount('sr-oauth-button', { plugin: 'mail' });
`;

export class Host {
  /** The result of the next mintings: a lifetime in seconds, or no user. */
  seconds = 900;
  signedOut = false;
  /** The return page is answered after this promise. */
  returning = Promise.resolve();

  static async start(vault) {
    const host = new Host();
    host.server = createServer(
      (request, response) =>
        void host.#answer(vault, request, response).catch((error) => {
          console.log(`     the host answers 502: ${error.message} ${error.cause ?? ''}`);
          response.writeHead(502).end();
        }),
    ).listen(0, '127.0.0.1');
    await new Promise((resolve) => host.server.once('listening', resolve));
    host.origin = `http://localhost:${host.server.address().port}`;
    host.policy = [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      `connect-src 'self' ${vault.origin}`,
      "base-uri 'none'",
      "form-action 'self'",
      "require-trusted-types-for 'script'",
      'trusted-types lit-html',
    ].join('; ');
    return host;
  }

  async #answer(vault, request, response) {
    const { pathname, searchParams } = new URL(request.url, this.origin);
    const send = (type, body) =>
      response.writeHead(200, { 'content-type': type, 'content-security-policy': this.policy }).end(body);
    const file = pathname.slice(1);
    if (pathname === '/return') await this.returning;
    if (pathname === '/token') {
      const user = /user=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
      if (!user || this.signedOut) return response.writeHead(401).end();
      return send(
        'application/json',
        JSON.stringify({ token: await vault.session(user, [this.origin], this.seconds) }),
      );
    }
    if (FILES.has(file)) return send('text/javascript', readFileSync(join(dist, file)));
    if (pathname === '/host.js') return send('text/javascript', script(vault.origin));
    if (pathname === '/host.css') return send('text/css', style);
    if (pathname === '/' || pathname === '/return')
      return send('text/html', page(searchParams.get('lang') ?? 'en', searchParams.get('dir') ?? 'ltr'));
    return response.writeHead(404).end();
  }
}
