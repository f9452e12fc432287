// Builds the package: one module with everything but the further languages,
// which it loads from beside itself when a page needs them, the thin React module, the declarations, and the elements' manifest.
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { compact } from './compact.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name) => join(root, 'node_modules/.bin', name);
const run = (name, ...args) => execFileSync(bin(name), args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });

async function bundle(entry, file, external = []) {
  await build({
    root,
    configFile: false,
    logLevel: 'warn',
    plugins: [compact()],
    build: {
      target: 'es2022',
      outDir: 'dist',
      emptyOutDir: false,
      minify: 'oxc',
      rolldownOptions: {
        input: join(root, 'src', entry),
        external,
        preserveEntrySignatures: 'strict',
        output: { format: 'es', entryFileNames: file, chunkFileNames: '[name].js' },
      },
    },
  });
}

rmSync(join(root, 'dist'), { recursive: true, force: true });
await bundle('index.ts', 'elements.js');
await bundle('server.ts', 'server.js');
await bundle('react.ts', 'react.js', ['react']);
run('tsc', '--declaration', '--emitDeclarationOnly', '--outDir', 'dist');
cpSync(join(root, 'src/api/schema.d.ts'), join(root, 'dist/api/schema.d.ts'));
// The pages of the server itself are plain: nothing to build.
cpSync(join(root, 'pages'), join(root, 'dist/pages'), { recursive: true });
run(
  'custom-elements-manifest',
  'analyze',
  '--litelement',
  '--globs',
  'src/sr-*/sr-*.ts',
  'src/element.ts',
  '--exclude',
  'src/**/*.styles.ts',
  'src/**/*.view.ts',
  '--outdir',
  '.',
  '--quiet',
);

// Private members are nobody's business, and the module's path is the one that is published.
const path = join(root, 'custom-elements.json');
const manifest = JSON.parse(readFileSync(path, 'utf8'));
for (const module of manifest.modules) {
  module.path = 'dist/elements.js';
  for (const declaration of module.declarations ?? []) {
    declaration.members = declaration.members?.filter(
      ({ name, privacy, description, attribute }) => !name.startsWith('#') && !privacy && (description || attribute),
    );
  }
}
writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`);
