// Checks the gzipped size of what a page loads: the four elements together, and the React components.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const LIMITS = { 'dist/elements.js': 46_080, 'lib/react.js': 2_048 };

for (const [file, most] of Object.entries(LIMITS)) {
  const { length } = gzipSync(readFileSync(new URL(`../${file}`, import.meta.url)), { level: 9 });
  console.log(`${file}: ${length} bytes gzipped of ${most}`);
  if (length > most) process.exitCode = 1;
}
