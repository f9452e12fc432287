// Builds `dist`, which the vault serves: one module, the other languages and the pages. Builds `lib`, which npm
// publishes: the modules without Lit, the React components and the declarations.
import { execFileSync } from 'node:child_process';
import { cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import { compact } from './compact.mjs';
import { describeElements } from './describe.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = (name, ...args) =>
  execFileSync(join(root, 'node_modules/.bin', name), args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });

async function bundle(entry, outDir, file, { external = [], banner = '' } = {}) {
  await build({
    cwd: root,
    input: join(root, 'src', entry),
    external,
    plugins: [compact()],
    tsconfig: join(root, 'tsconfig.json'),
    transform: { target: 'es2022' },
    preserveEntrySignatures: 'strict',
    output: {
      dir: join(root, outDir),
      format: 'es',
      entryFileNames: file,
      chunkFileNames: '[name].js',
      banner,
      minify: true,
    },
  });
}

// Builds into another directory and moves it at the end, so that a running test never reads an incomplete build.
const [dist, lib] = ['build/dist', 'build/lib'];
for (const folder of [dist, lib]) rmSync(join(root, folder), { recursive: true, force: true });
await bundle('index.ts', dist, 'elements.js');
await bundle('index.ts', lib, 'index.js', { external: [/^lit(\/|$)/, /^@lit\//] });
await bundle('server.ts', lib, 'server.js');
// Next.js and other frameworks require the directive in the first line.
await bundle('react.ts', lib, 'react.js', {
  external: ['react', '@lit/react', '@strongroom/elements'],
  banner: "'use client';",
});
run('tsc', '--declaration', '--emitDeclarationOnly', '--outDir', `${lib}/types`);
cpSync(join(root, 'src/api/schema.d.ts'), join(root, lib, 'types/api/schema.d.ts'));
// The server's own pages need no build.
cpSync(join(root, 'pages'), join(root, dist, 'pages'), {
  recursive: true,
  filter: (path) => !path.endsWith('.d.ts'),
});
for (const [made, folder] of [
  [dist, 'dist'],
  [lib, 'lib'],
]) {
  rmSync(join(root, folder), { recursive: true, force: true });
  renameSync(join(root, made), join(root, folder));
}
describeElements(root, run);
