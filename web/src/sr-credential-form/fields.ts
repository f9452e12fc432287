// Converts a plugin's schema to the fields of a form, with order, groups and help. A field is secret unless the schema
// says otherwise, as on the server.
import type { Property, Schema } from '../api/types.js';
import { safeAddress } from '../base/address.js';

export type Kind = 'text' | 'lines' | 'number' | 'choice' | 'flag' | 'list';
export type Value = string | number | boolean | string[];

export interface Field {
  name: string;
  kind: Kind;
  secret: boolean;
  required: boolean;
  title: string;
  help: string;
  docs: string | null;
  placeholder: string;
  prefix: string;
  suffix: string;
  group: string;
  /** The accepted file type. Null if the field takes no file. */
  accepts: string | null;
  choices: string[];
  whole: boolean;
  format: string;
  pattern: string;
  least: number | null;
  most: number | null;
  initial: Value | null;
  shownWhen: { field: string; in: string[] } | null;
}

export interface Group {
  title: string;
  fields: Field[];
}

const ACCEPTS: Record<string, string> = {
  file: '',
  pem: '.pem,.crt,.cer,.key,.p8,.txt',
  json: '.json,application/json',
};

function kindOf({ type, enum: choices, 'x-widget': widget }: Property, secret: boolean): Kind {
  if (type === 'boolean') return secret ? 'choice' : 'flag';
  if (type === 'array') return 'list';
  if (type === 'integer' || type === 'number') return 'number';
  if (choices?.length) return 'choice';
  return widget && widget !== 'password' ? 'lines' : 'text';
}

export function fieldFrom(name: string, property: Property, required: boolean): Field {
  const secret = property['x-secret'] !== false;
  return {
    name,
    kind: kindOf(property, secret),
    secret,
    required,
    title: property.title || name,
    help: property['x-help'] || property.description || '',
    docs: safeAddress(property['x-doc-url']),
    placeholder: property['x-placeholder'] || String((property.examples?.[0] as Value | undefined) ?? ''),
    prefix: property['x-prefix'] ?? '',
    suffix: property['x-suffix'] ?? '',
    group: property['x-group'] ?? '',
    accepts: ACCEPTS[property['x-widget'] ?? ''] ?? null,
    choices: property.type === 'boolean' ? ['true', 'false'] : (property.enum ?? []),
    whole: property.type === 'integer',
    format: property.format ?? '',
    pattern: property.pattern ?? '',
    least: property.minLength ?? property.minimum ?? null,
    most: property.maxLength ?? property.maximum ?? null,
    initial: (property.default as Value | undefined) ?? null,
    shownWhen: property['x-visible-when'] ?? null,
  };
}

/** A field without a schema. It is a text and secret. */
export function furtherField(name: string): Field {
  return fieldFrom(name, { type: 'string' }, false);
}

export function fieldsOf(schema: Schema): Field[] {
  const order = (name: string): number => schema.properties[name]?.['x-order'] ?? Number.MAX_SAFE_INTEGER;
  return Object.entries(schema.properties)
    .sort(([a], [b]) => order(a) - order(b) || (a < b ? -1 : 1))
    .map(([name, property]) => fieldFrom(name, property, schema.required?.includes(name) ?? false));
}

/** Fields of one group stand together, at the position of the first one. */
export function groupsOf(fields: Field[]): Group[] {
  const groups: Group[] = [];
  for (const field of fields) {
    const known = field.group ? groups.find(({ title }) => title === field.group) : groups.at(-1);
    if (known && known.title === field.group) known.fields.push(field);
    else groups.push({ title: field.group, fields: [field] });
  }
  return groups;
}

/** Whether the server accepts this name for a further field. */
export function isFieldName(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(text);
}
