// Types that the pages share. TypeScript alone reads this file, to check the scripts beside it; no browser loads it.
import type { components, paths } from '../src/api/schema.js';

/** The objects of the API. */
export type Schemas = components['schemas'];
export type Credential = Schemas['Credential'];
export type Fault = Schemas['FieldProblem'];
export type Key = Schemas['Key'];
export type LogEvent = Schemas['Event'];
export type Manifest = Schemas['Manifest'];
export type OauthApp = Schemas['OauthApp'];
export type Plugin = Schemas['Plugin'];
export type Provider = Schemas['Provider'];
export type User = Schemas['User'];
/** The user or operator who is signed in. */
export type Visitor = Schemas['Console'];
/** An action that the audit log knows. */
export type Action = NonNullable<NonNullable<paths['/v1/audit']['get']['parameters']['query']>['action']>;

/** One page of a list. */
export interface Page<Item> {
  items: Item[];
  next_cursor?: string | null;
}

/** What the lists hold that the server gives page by page. */
export interface Lists {
  '/v1/audit': LogEvent;
  '/v1/plugins': Plugin;
  '/v1/users': User;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** The members of a query. Empty ones stay out of the address. */
export type Query = Record<string, string | number | false | null | undefined>;

/** What a request may carry. `text` is a body in JSON already, `match` the revision that it replaces. */
export interface RequestOptions {
  body?: object;
  text?: string;
  match?: number;
  /** Whether the server must create the object, and must not replace one. */
  fresh?: boolean;
  /** The idempotency key. */
  once?: string;
  signal?: AbortSignal | undefined;
}

/** A path of the API's description as an address: each `{parameter}` stands for any text. */
type Address<Path extends string> = Path extends `${infer Start}{${string}}${infer Rest}`
  ? `${Start}${string}${Address<Rest>}`
  : Path;
type WithoutQuery<Path extends string> = Path extends `${infer Plain}?${string}` ? Plain : Path;

/** The path in the API's description that fits an address. */
type Route<Where extends string> = Where extends string
  ? { [Path in keyof paths]: [Where, Address<Path>] extends [Address<Path>, Where] ? Path : never }[keyof paths]
  : never;

type Success<Responses> = {
  [Status in keyof Responses & (200 | 201 | 204)]: Responses[Status] extends {
    content: { 'application/json': infer Body };
  }
    ? Body
    : null;
}[keyof Responses & (200 | 201 | 204)];

type Answered<Verb extends Method, Path> = Path extends keyof paths
  ? paths[Path] extends { [Name in Lowercase<Verb>]: { responses: infer Responses } }
    ? Success<Responses>
    : never
  : never;

/** The body of a successful answer; null where the answer has none, never where the API has no such request. */
export type Answer<Verb extends Method, Where extends string> = Answered<Verb, Route<WithoutQuery<Where>>>;

/** An address that the API has with this method. */
export type Known<Verb extends Method, Where extends string> = [Answer<Verb, Where>] extends [never] ? never : Where;

export type Tone = 'good' | 'warn' | 'bad' | 'calm';

/** What an element can hold. `make` leaves out false, null and undefined. */
export type Piece = Node | string | false | null | undefined;
export type Content = Piece | readonly Piece[];

/** Attributes of an element, and listeners under `on…`. */
export type Members = Record<string, string | boolean | null | undefined | ((event: Event) => void)>;

/** A column of a table: its title, and what it shows of a row. */
export type Column<Row> = readonly [title: string, show: (row: Row) => Content];

/** What `fill` puts into a place. */
export type Drawn = Node | (Node | string)[];

/** An option of a selection. */
export type Choice = readonly [value: string, text: string, selected?: boolean];

export type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

/** What a form of a dialog does. `done` gets the outcome of `act`. */
export interface Deed<Outcome> {
  /** The label of the button that sends the form. */
  yes: string;
  act: (elements: HTMLFormControlsCollection) => Outcome | Promise<Outcome>;
  done: (outcome: Outcome) => void;
}

/** How a form of a dialog looks. */
export interface FormLook {
  fields: readonly Piece[];
  /** The label of the button that closes the form. */
  no?: string;
  danger?: boolean;
  /** Whether Enter alone means no. */
  guarded?: boolean;
}

/** What an operator's page gets: the query of its address, and a way to draw it anew and say something. */
export interface OperatorPage {
  query: URLSearchParams;
  again: (tone?: Tone, ...said: Piece[]) => Promise<void>;
}

declare global {
  interface HTMLElementEventMap {
    'sr-save': CustomEvent<{ credential: Credential }>;
  }
}
