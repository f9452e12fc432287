// The first script of the console. A sign-in link holds its secret after the # of the address, so that no request carries it.
// This script takes the secret out of the address and the history before the browser asks for another file.
const MARK = '#sign-in=';

/** The secret of a sign-in link, which this function removes from the address; null if there is none. */
function takeLink() {
  if (!location.hash.startsWith(MARK)) return null;
  const link = location.hash.slice(MARK.length);
  history.replaceState(null, '', location.pathname + location.search);
  return link;
}

const first = takeLink();

// A link that is pasted into the address of an open console does not load the page again.
addEventListener('hashchange', async (event) => {
  const link = takeLink();
  if (link === null) return;
  event.stopImmediatePropagation();
  (await import('./console-page.js')).open(link);
});

(await import('./console-page.js')).open(first);
