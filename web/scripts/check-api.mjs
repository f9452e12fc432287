// Checks that src/api/schema.d.ts equals the output for docs/openapi.json.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'strongroom-api-'));
const fresh = join(scratch, 'schema.d.ts');
try {
  const generator = join(root, 'node_modules/.bin/openapi-typescript');
  execFileSync(generator, [join(root, '../docs/openapi.json'), '--output', fresh], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (readFileSync(fresh, 'utf8') !== readFileSync(join(root, 'src/api/schema.d.ts'), 'utf8')) {
    console.error('src/api/schema.d.ts is not what ../docs/openapi.json generates: npm run api');
    process.exitCode = 1;
  } else console.log('src/api/schema.d.ts is what docs/openapi.json generates');
} finally {
  rmSync(scratch, { recursive: true });
}
