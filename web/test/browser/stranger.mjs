// An attacker's page. Its origin is of another site than the vault (localhost), or of the same site (127.0.0.1), where
// the browser sends the vault's cookies. Also the requests that it tries.
import { createServer } from 'node:http';

const page = '<!doctype html><html lang="en"><head><title>Stranger</title></head><body><h1>Stranger</h1></body></html>';

/** Both origins of the attacker. */
export async function startStranger() {
  const server = createServer((request, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end(page),
  ).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  return { origins: [`http://localhost:${port}`, `http://127.0.0.1:${port}`], end: () => server.close() };
}

/** Forms, which a page can submit to any address without a preflight request. */
export function submitForms(page, targets) {
  return page.evaluate(async (wanted) => {
    const kinds = ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'];
    for (const [path, body] of wanted) {
      for (const kind of kinds) {
        const form = document.createElement('form');
        const frame = document.createElement('iframe');
        frame.name = `f${document.forms.length}`;
        Object.assign(form, { method: 'POST', action: path, target: frame.name, enctype: kind });
        // As text/plain, the body is the JSON text itself: `{"a":1,"b":"=x"}`.
        const text = JSON.stringify(body).replace(/}$/, body && Object.keys(body).length ? ',"x":"' : '"x":"');
        const inputs = kind === 'text/plain' ? [[text, '"}']] : Object.entries(body);
        for (const [name, value] of inputs) {
          const input = document.createElement('input');
          Object.assign(input, {
            type: 'hidden',
            name,
            value: typeof value === 'string' ? value : JSON.stringify(value),
          });
          form.append(input);
        }
        document.body.append(frame, form);
        const over = new Promise((resolve) => setTimeout(resolve, 3000));
        const loaded = new Promise((resolve) => frame.addEventListener('load', resolve));
        form.submit();
        await Promise.race([loaded, over]);
      }
    }
  }, targets);
}

/** Scripted requests. Returns the answers, as far as the page may read them. */
export function sendFetches(page, targets, token = '') {
  return page.evaluate(
    async ([wanted, bearer]) => {
      const answers = [];
      for (const [method, address, body] of wanted) {
        for (const credentials of ['include', 'omit']) {
          for (const [mode, kind] of [
            ['cors', 'application/json'],
            ['cors', 'text/plain'],
            ['no-cors', 'text/plain'],
          ]) {
            if (mode === 'no-cors' && !['GET', 'POST'].includes(method)) continue;
            const headers = { 'content-type': kind, ...(bearer ? { authorization: `Bearer ${bearer}` } : {}) };
            const sent = method === 'GET' ? null : JSON.stringify(body ?? {});
            try {
              const answer = await fetch(address, {
                method,
                mode,
                credentials,
                headers,
                body: sent,
                redirect: 'manual',
              });
              const said = { type: answer.type, status: answer.status, text: await answer.text() };
              answers.push({ method, address, mode, credentials, kind, ...said });
            } catch (error) {
              answers.push({ method, address, mode, credentials, kind, type: 'refused', status: 0, text: '' });
            }
          }
        }
      }
      return answers;
    },
    [targets, token],
  );
}
