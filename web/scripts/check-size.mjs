// The whole module is at most 40 kB gzipped: that is what a page pays for it.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const MOST = 40_000;
const size = gzipSync(readFileSync(new URL('../dist/elements.js', import.meta.url)), { level: 9 }).length;
console.log(`dist/elements.js: ${size} bytes gzipped of ${MOST}`);
if (size > MOST) process.exit(1);
