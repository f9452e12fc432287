// Generates custom-elements.json and a documentation page for each element from the sources.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = ['src/sr-*/sr-*.ts', 'src/element.ts'];
const EXCLUDED = ['src/**/*.styles.ts', 'src/**/*.view.ts', 'src/**/*.test.js'];

const isPublic = ({ name, privacy, description, attribute }) =>
  !name.startsWith('#') && !privacy && (description || attribute);

export function describeElements(root, run) {
  run(
    'custom-elements-manifest',
    'analyze',
    '--litelement',
    '--globs',
    ...SOURCES,
    '--exclude',
    ...EXCLUDED,
    '--outdir',
    '.',
    '--quiet',
  );
  const path = join(root, 'custom-elements.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8'));
  for (const module of manifest.modules) {
    // The published path, not the source's path.
    module.path = 'lib/index.js';
    for (const declaration of module.declarations ?? []) {
      declaration.members = declaration.members?.filter(isPublic);
      // The analyzer also reports variables of dispatching functions as events.
      declaration.events = declaration.events?.filter(({ name }) => /^(sr-|input$|change$)/.test(name ?? ''));
    }
  }
  writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`);
  const declarations = manifest.modules.flatMap(({ declarations: all = [] }) => all);
  const base = declarations.find(({ name }) => name === 'StrongroomElement');
  mkdirSync(join(root, 'docs'), { recursive: true });
  for (const element of declarations.filter(({ tagName }) => tagName)) {
    writeFileSync(join(root, 'docs', `${element.tagName}.md`), pageOf(element, base));
  }
}

const cell = (text) => (text ?? '').replaceAll('|', '\\|').replaceAll('\n', ' ');

function table(title, head, rows) {
  if (!rows.length) return '';
  const lines = rows.map((row) => `| ${row.map(cell).join(' | ')} |`);
  return `\n## ${title}\n\n| ${head.join(' | ')} |\n|${head.map(() => '---').join('|')}|\n${lines.join('\n')}\n`;
}

const code = (text) => (text ? `\`${text}\`` : '');

function pageOf(element, base) {
  const inherited = new Set(base.members.map(({ name }) => name));
  const members = element.members ?? [];
  const own = members.filter(({ kind, name }) => kind === 'field' && !inherited.has(name));
  const common = base.members.filter(({ kind }) => kind === 'field');
  const methods = [...members, ...base.members].filter(
    ({ kind }, at, all) => kind === 'method' && all.findIndex(({ name }) => name === all[at].name) === at,
  );
  const property = ({ name, attribute, type, default: initial, description }) => [
    code(attribute),
    code(name),
    code(type?.text),
    code(initial),
    description,
  ];
  const properties = ['attribute', 'property', 'type', 'default', 'what it is'];
  const events = [...(element.events ?? []), ...(base.events ?? [])];
  return [
    `<!-- Made from the sources by \`npm run build\`: change ${element.tagName}.ts, not this page. -->\n`,
    `# &lt;${element.tagName}&gt;\n\n${element.description ?? ''}\n`,
    table('Properties', properties, own.map(property)),
    table('Properties of every element', properties, common.map(property)),
    table(
      'Methods',
      ['method', 'what it does'],
      methods
        .filter(({ description }) => description)
        .map(({ name, parameters = [], description }) => [
          code(`${name}(${parameters.map((each) => each.name).join(', ')})`),
          description,
        ]),
    ),
    table(
      'Events',
      ['event', 'when, and its detail'],
      events
        .filter(({ name }, at) => events.findIndex((each) => each.name === name) === at)
        .map(({ name, description }) => [code(name), description]),
    ),
    table(
      'Slots',
      ['slot', 'what goes there'],
      (element.slots ?? []).map(({ name, description }) => [code(name || 'default'), description]),
    ),
    table(
      'Parts',
      ['part', 'what it is'],
      (element.cssParts ?? []).map(({ name, description }) => [code(name), description]),
    ),
  ].join('');
}
