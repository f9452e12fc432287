// Runs the tests of the four elements and the console in Chromium, against the real server: npm run browser [-- name
// …]. Each file has its own process and its own vault. Two files run at a time (BROWSER_WORKERS). With --screenshots
// FOLDER, it saves a picture of every state.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { installPackage } from './embedding.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const [options, wanted] = [[], []];
for (const [at, word] of process.argv.slice(2).entries()) {
  const isOption = word.startsWith('--') || process.argv[at + 1] === '--screenshots';
  (isOption ? options : wanted).push(word);
}
const files = readdirSync(here)
  .filter((name) => name.endsWith('.states.mjs'))
  .filter((name) => !wanted.length || wanted.some((word) => name.startsWith(word)));

let failed = 0;
let passed = 0;

/** The output of a file is printed at its end, so that the outputs of two files do not mix. */
function run(file) {
  const child = spawn(process.execPath, [`${here}states.mjs`, file, ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  return new Promise((resolve) => {
    child.once('close', (code) => {
      process.stdout.write(said);
      passed += said.match(/^ok {3}/gm)?.length ?? 0;
      const faults = said.match(/^FAIL /gm)?.length ?? 0;
      // A process that crashed counts as a failure, also without a failed test.
      failed += faults || (code === 0 ? 0 : 1);
      if (code !== 0 && !faults) console.log(`FAIL ${file}: ended with ${code}`);
      resolve();
    });
  });
}

// Every test uses the package as it would be published.
await installPackage();
const queue = [...files];
const work = async () => {
  for (let file = queue.shift(); file; file = queue.shift()) await run(file);
};
await Promise.all(Array.from({ length: Number(process.env.BROWSER_WORKERS ?? 2) }, work));
console.log(failed ? `${failed} failed` : 'all tests passed');
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed || !passed ? 1 : 0);
