// Exports the audit log: the filtered events, newest first, one JSON event for each line, as the server sent them. The
// browser builds the file. The server keeps only the fact that the log was read.
import { pages } from './console-api.js';
import { openDialog } from './console-dialog.js';
import { button, count, make, problemView, say } from './console-view.js';

/**
 * @param {Record<string, string>} wanted
 * @param {boolean} isFiltered
 */
export function exportEvents(wanted, isFiltered) {
  const stop = new AbortController();
  const told = make('p', { role: 'status' }, 'Reading…');
  const bar = make('progress', { 'aria-label': 'Export' });
  const trouble = make('div');
  const what = isFiltered ? 'The events that you are looking at' : 'All events';
  const about = `${what} are read from the newest to the oldest, and saved as JSON Lines. Reading them is in the log too.`;
  const dialog = openDialog(
    'Export',
    [
      make('p', {}, about),
      bar,
      told,
      trouble,
      make(
        'div',
        { class: 'actions' },
        button('Cancel', () => dialog.close()),
      ),
    ],
    () => stop.abort(),
  );
  const run = async () => {
    bar.hidden = false;
    trouble.replaceChildren();
    try {
      const { lines, number } = await read(
        wanted,
        stop.signal,
        (so) => (told.textContent = `${count(so, 'event')} so far`),
      );
      save(new Blob(lines, { type: 'application/jsonl' }));
      dialog.close();
      say('good', `Exported ${count(number, 'event')}.`);
    } catch (problem) {
      if (stop.signal.aborted) return;
      bar.hidden = true;
      told.textContent = 'Nothing was saved.';
      trouble.replaceChildren(problemView(problem, () => void run()));
    }
  };
  void run();
}

/**
 * Reads all pages. `tell` gets the number of events after each page.
 * @param {Record<string, string>} wanted
 * @param {AbortSignal} signal
 * @param {(number: number) => void} tell
 */
async function read(wanted, signal, tell) {
  /** @type {string[]} */
  const lines = [];
  let number = 0;
  for await (const { items } of pages('/v1/audit', { ...wanted, limit: 200 }, signal)) {
    signal.throwIfAborted();
    lines.push(...items.map((event) => `${JSON.stringify(event)}\n`));
    number += items.length;
    tell(number);
  }
  return { lines, number };
}

/** @param {Blob} blob */
function save(blob) {
  const address = URL.createObjectURL(blob);
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '');
  make('a', { href: address, download: `strongroom-audit-${stamp}Z.jsonl` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
