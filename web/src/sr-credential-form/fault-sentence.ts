// The sentence for a fault, by its code. An unknown code gives the server's text.
import type { FieldProblem } from '../api/types.js';
import type { Words } from '../i18n/messages.js';
import type { Draft } from './draft.js';

export function faultSentence({ field: name, code, message }: FieldProblem, draft: Draft, words: Words): string {
  const field = draft.fields.find((known) => known.name === name);
  const high = code === 'max-length' || code === 'maximum';
  const n = (high ? field?.most : field?.least) ?? 0;
  const needsNumber = /^(min|max)/.test(code);
  const otherwise = message || words.say('fault.invalid');
  if (needsNumber && !n) return words.sayCode('fault', 'length', otherwise);
  if (code === 'format' && field?.format) return words.sayCode('fault.format', field.format, otherwise);
  return words.sayCode('fault', code, otherwise, { n, choices: words.list(field?.choices ?? []) });
}
