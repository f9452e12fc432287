// Removes white space from templates and style sheets, to make the module smaller.
const dense = {
  css: (text) =>
    text
      .replace(/\s+/g, ' ')
      .replace(/ ?([{};,>]) ?/g, '$1')
      .replace(/: /g, ':')
      .replace(/;}/g, '}'),
  // White space with a line end is for readability. It is removed between tags and becomes one space elsewhere.
  html: (text) =>
    text
      .replace(/\s*\n\s*/g, '\n')
      .replace(/>\n</g, '><')
      .replace(/^\n(?=<)|(?<=>)\n$/g, '')
      .replace(/\n/g, ' '),
};

function* templates(node) {
  if (!node || typeof node !== 'object') return;
  if (node.type === 'TaggedTemplateExpression') yield node;
  for (const value of Object.values(node))
    yield* Array.isArray(value) ? value.flatMap((item) => [...templates(item)]) : templates(value);
}

export function compact() {
  return {
    name: 'compact',
    transform(code, id) {
      if (!/\/src\/.*\.ts$/.test(id) || !/(html|css)`/.test(code)) return null;
      const pieces = [...templates(this.parse(code, { lang: 'ts' }))].flatMap(({ tag, quasi }) =>
        dense[tag.name] ? quasi.quasis.map((piece) => [piece, dense[tag.name]]) : [],
      );
      let small = code;
      for (const [{ start, end }, squeeze] of pieces.sort(([a], [b]) => b.start - a.start)) {
        small = small.slice(0, start) + squeeze(small.slice(start, end)) + small.slice(end);
      }
      return { code: small, map: null };
    },
  };
}
