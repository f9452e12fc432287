// Filters, sorts and pages the rows of a list, as pure functions. A thousand rows are processed as data, and only one
// page is drawn.
import type { Credential } from '../api/types.js';
import { matching } from '../base/credentials.js';

export type Column = 'name' | 'plugin' | 'state' | 'used';

export interface Sort {
  by: Column;
  down: boolean;
}

export interface Filter {
  text: string;
  plugin: string;
  type: string;
  state: string;
}

export interface Slice {
  rows: Credential[];
  /** Starts at 0. */
  page: number;
  pages: number;
  /** The number of rows on all pages. */
  count: number;
}

export const noFilter: Filter = { text: '', plugin: '', type: '', state: '' };

export function filtered(rows: readonly Credential[], filter: Filter, locale: string): Credential[] {
  const kept = rows.filter(
    ({ plugin, type, state }) =>
      (!filter.plugin || plugin === filter.plugin) &&
      (!filter.type || type === filter.type) &&
      (!filter.state || groupOf(state) === filter.state),
  );
  return filter.text.trim() ? matching(kept, filter.text, locale) : kept;
}

/** The groups of the filter: working, needs the user, failing. */
export function groupOf(state: string): 'works' | 'needs' | 'trouble' {
  if (state === 'active' || state === 'refreshing') return 'works';
  return state === 'reauth-required' || state === 'undecryptable' ? 'needs' : 'trouble';
}

const WORST_FIRST = ['undecryptable', 'reauth-required', 'ambiguous', 'degraded', 'refreshing', 'active'];

export function sorted(rows: readonly Credential[], { by, down }: Sort, locale: string): Credential[] {
  const collator = new Intl.Collator(locale, { numeric: true });
  const compare: Record<Column, (a: Credential, b: Credential) => number> = {
    name: (a, b) => collator.compare(a.name, b.name),
    plugin: (a, b) => collator.compare(a.plugin, b.plugin),
    state: (a, b) => WORST_FIRST.indexOf(a.state) - WORST_FIRST.indexOf(b.state),
    used: (a, b) => (a.last_used_at ?? '').localeCompare(b.last_used_at ?? ''),
  };
  const sign = down ? -1 : 1;
  return rows.toSorted((a, b) => sign * compare[by](a, b) || collator.compare(a.name, b.name));
}

export function sliced(rows: Credential[], page: number, size: number): Slice {
  const pages = Math.max(1, Math.ceil(rows.length / size));
  const at = Math.min(Math.max(page, 0), pages - 1);
  return { rows: rows.slice(at * size, (at + 1) * size), page: at, pages, count: rows.length };
}

/** The page numbers to show: the first, the last and the neighbours. Null stands for a gap. */
export function pageNumbers(page: number, pages: number): (number | null)[] {
  const near = [0, page - 1, page, page + 1, pages - 1].filter((at) => at >= 0 && at < pages);
  const unique = [...new Set(near)].sort((a, b) => a - b);
  return unique.flatMap((at, index) => {
    const before = unique[index - 1];
    if (before === undefined || at - before === 1) return [at];
    return at - before === 2 ? [at - 1, at] : [null, at];
  });
}
