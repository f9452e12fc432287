// The examples of docs/EMBEDDING.md, as they stand there: each code block that names a file is written to that file, with the
// addresses of this run, and is started at an origin of its own.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, until } from './vault.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What the document says, by the names of its files. */
export function readExamples() {
  const text = readFileSync(join(root, '../docs/EMBEDDING.md'), 'utf8');
  return new Map([...text.matchAll(/^```\w+ file=(\S+)\n(.*?)^```$/gms)].map(([, name, content]) => [name, content]));
}

export class Example {
  static async write(addresses) {
    const example = new Example();
    example.port = await freePort();
    example.origin = `http://localhost:${example.port}`;
    example.folder = mkdtempSync(join(tmpdir(), 'strongroom-embedding-'));
    const real = { 'https://app.example.com': example.origin, ...addresses };
    for (const [name, content] of readExamples()) {
      const path = join(example.folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(
        path,
        content.replaceAll(/https:\/\/[\w.]+\.example\.com(\/now)?/g, (address) => real[address] ?? address),
      );
    }
    example.#install();
    return example;
  }

  /** What `npm install` of the document would bring. */
  #install() {
    const modules = join(this.folder, 'node_modules');
    mkdirSync(join(modules, '@strongroom'), { recursive: true });
    symlinkSync(root, join(modules, '@strongroom/elements'));
    for (const name of ['react', 'react-dom']) symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }

  run(program, args, env = {}) {
    const child = spawn(program, args, {
      cwd: this.folder,
      env: { PATH: process.env.PATH, PORT: String(this.port), ...env },
    });
    child.said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (child.said += chunk));
    return child;
  }

  async build(folder) {
    const child = this.run(process.execPath, [
      join(root, 'node_modules/vite/bin/vite.js'),
      'build',
      folder,
      '--logLevel',
      'warn',
    ]);
    const code = await new Promise((resolve) => child.once('close', resolve));
    if (code !== 0) throw new Error(child.said);
  }

  async start(args, env) {
    this.server = this.run(process.execPath, args, env);
    await until(`${args.join(' ')} listens`, () => {
      if (this.server.exitCode !== null) throw new Error(this.server.said);
      return fetch(this.origin).then(
        (answer) => answer.ok,
        () => false,
      );
    });
  }

  end() {
    this.server?.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
