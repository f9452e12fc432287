// Starts `strongroom dev` in a temporary directory, and uses its CLI and its API. With CANARY_DIR, the directory, the
// log and every answer stay for the scan. Only a plugin's read is not recorded.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const CANARY = process.env.CANARY ?? '';

const cleanups = [];
process.on('exit', () => cleanups.reverse().forEach((cleanup) => cleanup()));
export const atEnd = (cleanup) => cleanups.push(cleanup);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

export function proved(what) {
  console.log(`proved: ${what}`);
}

/** Polls until there is a result, or fails. */
export async function until(what, seconds, ask) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(100)) {
    const found = await ask();
    if (found) return found;
  }
  assert.fail(`${what}: not within ${seconds} s`);
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function room(name) {
  if (process.env.CANARY_DIR) {
    const kept = join(process.env.CANARY_DIR, 'witness', name);
    rmSync(kept, { recursive: true, force: true });
    mkdirSync(kept, { recursive: true });
    return kept;
  }
  return scratch(name);
}

/** A temporary directory. */
export function scratch(name) {
  const made = mkdtempSync(join(tmpdir(), `strongroom-${name}-`));
  atEnd(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

function run(program, args, env, input) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env });
    const text = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) child[name].on('data', (chunk) => (text[name] += chunk));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...text }));
    child.stdin.on('error', () => {}).end(input);
  });
}

export class Vault {
  /** `providers`: files that override the catalogue, by name. */
  static async start(name, providers) {
    const vault = new Vault();
    vault.program = process.env.STRONGROOM;
    assert(vault.program, 'STRONGROOM must name the program');
    const home = room(name);
    const overlay = join(home, 'providers');
    mkdirSync(overlay);
    for (const [provider, toml] of Object.entries(providers)) writeFileSync(join(overlay, `${provider}.toml`), toml);
    const address = `127.0.0.1:${await freePort()}`;
    vault.origin = `http://${address}`;
    vault.home = home;
    vault.answers = join(home, 'answers.txt');
    vault.env = {
      PATH: process.env.PATH,
      HOME: home,
      XDG_CONFIG_HOME: join(home, 'config'),
      XDG_DATA_HOME: join(home, 'data'),
      STRONGROOM_SERVER_LISTEN: address,
      STRONGROOM_PROVIDERS_DIRECTORY: overlay,
    };
    const checked = await run(vault.program, ['provider', 'check', overlay], vault.env);
    assert.equal(checked.code, 0, checked.stderr);

    const server = spawn(vault.program, ['dev', '--listen', address], { env: vault.env });
    vault.server = server;
    atEnd(() => server.kill('SIGKILL'));
    for (const stream of [server.stdout, server.stderr]) {
      stream.on('data', (chunk) => {
        vault.log += chunk;
        appendFileSync(join(home, 'server.log'), chunk);
      });
    }
    await until('the server starts', 20, () => vault.log.includes('Stop with Ctrl-C') || server.exitCode !== null);
    assert.equal(server.exitCode, null, vault.log);
    vault.hostKey = vault.log.match(/host key\s+(\S+)/)[1];
    return vault;
  }

  log = '';

  async stop() {
    this.server.kill();
    await until('the server stops', 15, () => this.server.exitCode !== null || this.server.signalCode !== null);
    assert.equal(this.server.exitCode, 0, this.log);
  }

  /** Runs a command with `--dev --json`, and returns its output. */
  async cli(args, input = '') {
    const { code, stdout, stderr } = await run(this.program, ['--dev', '--json', ...args], this.env, input);
    this.record(`strongroom ${args.join(' ')}`, `${code}\n${stdout}${stderr}`);
    assert.equal(code, 0, stderr);
    return stdout.trim() ? JSON.parse(stdout) : null;
  }

  /** Runs a command that must fail, and returns its error. */
  async refused(args, input = '') {
    const { code, stdout, stderr } = await run(this.program, ['--dev', '--json', ...args], this.env, input);
    this.record(`strongroom ${args.join(' ')}`, `${code}\n${stdout}${stderr}`);
    assert.notEqual(code, 0, stdout);
    return stderr;
  }

  async call(method, path, token, body, headers = {}) {
    const kind = body === undefined ? {} : { 'content-type': 'application/json' };
    const answer = await fetch(this.origin + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...kind, ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!path.includes('/secret')) {
      this.record(`${method} ${path}`, `${answer.status}\n${JSON.stringify([...answer.headers])}\n${text}`);
    }
    return { status: answer.status, headers: answer.headers, body: text ? JSON.parse(text) : null };
  }

  async ok(method, path, token, body, headers) {
    const answer = await this.call(method, path, token, body, headers);
    assert(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** Whether any file of the directory contains this text or its decoded base64 value. */
  wrote(text) {
    const needles = [Buffer.from(text), Buffer.from(text, 'base64')];
    const paths = readdirSync(this.home, { recursive: true }).map((name) => join(this.home, name));
    return paths.some((path) => {
      if (!statSync(path).isFile()) return false;
      const content = readFileSync(path);
      return needles.some((needle) => content.includes(needle));
    });
  }

  record(request, answer) {
    if (process.env.CANARY_DIR) appendFileSync(this.answers, `${request}\n${answer}\n\n`);
  }

  async session(user) {
    return (await this.ok('POST', '/v1/sessions', this.hostKey, { user_id: user })).token;
  }

  /** Registers a plugin that connects at `provider`, with a key. */
  async plugin(provider, scopes, returnAddress, more = {}) {
    await this.ok('PUT', '/v1/plugins/mail', this.hostKey, {
      title: 'Mail',
      access: 'read',
      return_addresses: returnAddress ? [returnAddress] : [],
      credentials: { oauth2: { provider, scopes, ...more } },
    });
    this.pluginKey = (await this.ok('POST', '/v1/plugins/mail/keys', this.hostKey, { label: 'witness' })).token;
  }

  /** The plugin's own read. */
  async read(credential, user) {
    return this.ok('GET', `/v1/credentials/${credential}/secret?user_id=${user}`, this.pluginKey);
  }

  async denials(action) {
    const events = (await this.ok('GET', '/v1/audit?limit=100', this.hostKey)).items;
    return events.filter((event) => event.action === action && event.decision === 'denied').map(({ reason }) => reason);
  }
}
