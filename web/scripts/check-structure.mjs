// Checks the structure of src. Imports form no cycle, types included. An element's state is not public. A view imports
// no element. No file is too long.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const src = fileURLToPath(new URL('../src', import.meta.url));
const LONGEST = 450;

const files = readdirSync(src, { recursive: true }).filter(
  (name) => /\.ts$/.test(name) && !/\.d\.ts$|\.fixture\.ts$/.test(name),
);
const texts = new Map(files.map((name) => [name, readFileSync(join(src, name), 'utf8')]));
const importsOf = (name) =>
  [...texts.get(name).matchAll(/(?:from |import\(|import )'(\.[^']+)\.js'/g)]
    .map(([, path]) => normalize(join(dirname(name), `${path}.ts`)))
    .filter((path) => texts.has(path));

/** Returns the files of the first import cycle that is reachable from a file. */
function cycleFrom(name, way = [], done = new Set()) {
  if (way.includes(name)) return [...way.slice(way.indexOf(name)), name];
  if (done.has(name)) return null;
  for (const next of importsOf(name)) {
    const found = cycleFrom(next, [...way, name], done);
    if (found) return found;
  }
  done.add(name);
  return null;
}

const faults = [];
for (const name of files) {
  const cycle = cycleFrom(name);
  if (cycle && !faults.some((fault) => fault.startsWith('cycle'))) faults.push(`cycle: ${cycle.join(' -> ')}`);
  if (/@state\(\)\s+(?!private|protected)/.test(texts.get(name))) faults.push(`public state: ${name}`);
  // A view gets a model. It may import an element's types only.
  const isView = name.endsWith('.view.ts');
  if (isView && /import (?!type)[^;]*from '[^']*\/(sr-[\w-]+)\/\1\.js'/.test(texts.get(name))) {
    faults.push(`a view imports an element: ${name}`);
  }
}
const folders = new Map();
for (const name of files) {
  const from = dirname(name);
  for (const path of importsOf(name))
    if (dirname(path) !== from) folders.set(from, (folders.get(from) ?? new Set()).add(dirname(path)));
}
const lines = files.map((name) => [texts.get(name).split('\n').length - 1, name]).sort(([a], [b]) => a - b);
const [most, longest] = lines.at(-1);
if (most > LONGEST) faults.push(`${longest} has ${most} lines`);
console.log(
  `src: ${files.length} files, median ${lines[Math.floor(lines.length / 2)][0]} lines, longest ${most} (${relative('.', longest)})`,
);
for (const [from, to] of folders) console.log(`  ${from} imports ${[...to].join(', ')}`);
for (const fault of faults) console.error(fault);
console.log(faults.length ? `${faults.length} faults` : 'imports form no cycle, and no state is public');
process.exitCode = faults.length ? 1 : 0;
