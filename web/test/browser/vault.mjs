// The real server, in a temporary directory, for one run. STRONGROOM names the binary.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect, isDeepStrictEqual } from 'node:util';

const BUILT = fileURLToPath(new URL('../../../target/debug/strongroom', import.meta.url));

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function until(what, ask, seconds = 15) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(50)) {
    const found = await ask();
    if (found) return found;
  }
  return assert.fail(`${what}: not within ${seconds} s`);
}

/** Polls until `ask` returns the wanted value. A failure shows the last value. */
export async function becomes(what, ask, wanted) {
  let found;
  const isThere = async () => isDeepStrictEqual((found = await ask()), wanted);
  await until(what, isThere).catch((error) => {
    if (!(error instanceof assert.AssertionError)) throw error;
    assert.fail(`${error.message}: it is ${inspect(found)}, not ${inspect(wanted)}`);
  });
}

export class Vault {
  #log = '';

  static async start(providers) {
    const vault = new Vault();
    const home = mkdtempSync(join(tmpdir(), 'strongroom-elements-'));
    const overlay = join(home, 'providers');
    mkdirSync(overlay);
    for (const [name, toml] of Object.entries(providers)) writeFileSync(join(overlay, `${name}.toml`), toml);
    const address = `127.0.0.1:${await freePort()}`;
    vault.origin = `http://${address}`;
    vault.program = process.env.STRONGROOM || BUILT;
    vault.env = {
      PATH: process.env.PATH,
      HOME: home,
      XDG_CONFIG_HOME: join(home, 'config'),
      XDG_DATA_HOME: join(home, 'data'),
      STRONGROOM_SERVER_LISTEN: address,
      STRONGROOM_PROVIDERS_DIRECTORY: overlay,
    };
    const server = spawn(vault.program, ['dev', '--listen', address], { env: vault.env });
    for (const stream of [server.stdout, server.stderr]) stream.on('data', (chunk) => (vault.#log += chunk));
    await until('the vault starts', () => vault.#log.includes('Stop with Ctrl-C') || server.exitCode !== null, 60);
    assert.equal(server.exitCode, null, vault.#log);
    vault.hostKey = vault.#log.match(/host key\s+(\S+)/)[1];
    let isOver = false;
    server.once(
      'exit',
      (code, signal) =>
        isOver || console.log(`the vault ended by itself: ${signal ?? code}\n${vault.#log.slice(-2000)}`),
    );
    vault.stop = () => {
      isOver = true;
      server.kill('SIGKILL');
      rmSync(home, { recursive: true, force: true });
    };
    process.on('exit', vault.stop);
    return vault;
  }

  get lastLines() {
    // The log may begin with the host key that dev prints once.
    return this.#log
      .replace(/\bsr[a-z]_\w+/g, '[a token]')
      .trimEnd()
      .split('\n')
      .slice(-5)
      .join('\n');
  }

  async cli(args, input = '') {
    const child = spawn(this.program, ['--dev', '--json', ...args], { env: this.env });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
    // A command may end without reading its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    const code = await new Promise((resolve) => child.once('close', resolve));
    assert.equal(code, 0, text);
    return JSON.parse(text);
  }

  async call(method, path, token, body, headers = {}) {
    const kind = body === undefined ? {} : { 'content-type': 'application/json' };
    const answer = await fetch(this.origin + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...kind, ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    const read = text ? JSON.parse(text) : null;
    // A rate limit, or a write that a slow disk did not make durable in time.
    if (answer.status === 429 || answer.status === 503) {
      await sleep(1000 * Number(answer.headers.get('retry-after') ?? 1));
      return this.call(method, path, token, body, headers);
    }
    assert(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return read;
  }

  /** Expires a connection, so that no test waits ten minutes. */
  lapse(connection) {
    this.#expire('connection', 'id', connection);
  }

  /** Expires the only session of a user. */
  lapseSession(user) {
    this.#expire('session', 'user_id', user);
  }

  /** Python includes SQLite. Node.js 20 does not. */
  #expire(table, column, value) {
    const sql = `import sqlite3, sys; db = sqlite3.connect(sys.argv[1], 10); done = db.execute("UPDATE ${table} SET expires_at = 1 WHERE ${column} = ?", sys.argv[2:]); db.commit(); assert done.rowcount == 1`;
    const database = join(this.env.XDG_DATA_HOME, 'strongroom', 'strongroom.db');
    const { status, stderr } = spawnSync('python3', ['-c', sql, database, value], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }

  async session(user, origins = [], seconds = 900) {
    return (await this.call('POST', '/v1/sessions', this.hostKey, { user_id: user, origins, expires_in: seconds }))
      .token;
  }

  plugin(name, manifest) {
    return this.call('PUT', `/v1/plugins/${name}`, this.hostKey, { access: 'read', ...manifest });
  }

  async save(user, plugin, type, name, fields) {
    return this.call('POST', '/v1/credentials', await this.session(user), { plugin, type, name, fields });
  }
}
