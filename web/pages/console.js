// The console's door. What signs somebody in stands behind the # of the address, so it is in no request; here it leaves the
// address, and the history with it, before any other file is asked for. The page itself is console-page.js.
const MARK = '#sign-in=';

/** The link's secret, taken out of the address; null if there is none. */
function takeLink() {
  if (!location.hash.startsWith(MARK)) return null;
  const link = location.hash.slice(MARK.length);
  history.replaceState(null, '', location.pathname + location.search);
  return link;
}

const first = takeLink();

// A link that is pasted into the address of an open console loads nothing anew.
addEventListener('hashchange', async (event) => {
  const link = takeLink();
  if (link === null) return;
  event.stopImmediatePropagation();
  (await import('./console-page.js')).open(link);
});

(await import('./console-page.js')).open(first);
