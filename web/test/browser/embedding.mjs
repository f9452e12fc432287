// The examples of docs/EMBEDDING.md. Each code block that names a file is written to that file, with the addresses of
// this run. Each example runs at its own origin. The package is packed and installed as documented.
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort, until } from './vault.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const frameworks = join(root, 'test/frameworks');
/** The application's project, outside this package. */
export const project = join(root, '../target/embedding');
const TARBALL = 'vendor/strongroom-elements-0.1.0.tgz';

/** The code blocks of the document, by file name. */
export function readExamples() {
  const text = readFileSync(join(root, '../docs/EMBEDDING.md'), 'utf8');
  return new Map([...text.matchAll(/^```\w+ file=(\S+)\n(.*?)^```$/gms)].map(([, name, content]) => [name, content]));
}

/** Runs a program asynchronously, because the servers of this process must answer meanwhile. */
export const execute = promisify(execFile);

export async function npm(...args) {
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline'];
  await execute('npm', [...args, ...quiet], { cwd: project });
}

/** Packs the package as for publication, and installs it in the project with the frameworks. */
export async function installPackage() {
  mkdirSync(join(project, 'vendor'), { recursive: true });
  await execute('npm', ['pack', '--silent', '--pack-destination', join(project, 'vendor')], { cwd: root });
  const hash = createHash('sha256');
  for (const file of [join(frameworks, 'package-lock.json'), join(project, TARBALL)]) hash.update(readFileSync(file));
  const stamp = hash.digest('hex');
  const path = join(project, '.installed');
  if (existsSync(path) && readFileSync(path, 'utf8') === stamp) return;
  console.log(`     installing the frameworks of the examples, and the packed package, in ${project}`);
  for (const name of ['package.json', 'package-lock.json']) cpSync(join(frameworks, name), join(project, name));
  rmSync(join(project, 'node_modules/@strongroom'), { recursive: true, force: true });
  // The command of the document.
  await npm('install', `./${TARBALL}`);
  writeFileSync(path, stamp);
}

/** Programs of the installed packages. */
const bin = (path) => join(project, 'node_modules', path);
export const tools = { vite: bin('vite/bin/vite.js'), next: bin('next/dist/bin/next'), tsc: bin('typescript/bin/tsc') };

export class Example {
  static async write(addresses) {
    const example = new Example();
    example.port = await freePort();
    example.origin = `http://localhost:${example.port}`;
    mkdirSync(join(project, 'runs'), { recursive: true });
    example.folder = mkdtempSync(join(project, 'runs/example-'));
    const real = { 'https://app.example.com': example.origin, ...addresses };
    for (const [name, content] of readExamples()) {
      const path = join(example.folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(
        path,
        content.replaceAll(/https:\/\/[\w.]+\.example\.com(\/now)?/g, (address) => real[address] ?? address),
      );
    }
    return example;
  }

  run(args, env = {}) {
    const child = spawn(process.execPath, args, {
      cwd: this.folder,
      env: { PATH: process.env.PATH, PORT: String(this.port), NEXT_TELEMETRY_DISABLED: '1', ...env },
    });
    child.said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (child.said += chunk));
    return child;
  }

  async build(args) {
    const child = this.run(args);
    const code = await new Promise((resolve) => child.once('close', resolve));
    if (code !== 0) throw new Error(child.said);
  }

  async start(args, env) {
    this.server = this.run(args, env);
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
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
