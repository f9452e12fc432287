// The operator's six pages. The hash of the address holds the state of a page, so that a bookmark, a second tab and the back
// button work. A page that people have left may still load; what it then draws is not in the document.
import { showApps } from './console-apps.js';
import { showAudit } from './console-audit.js';
import { showHealth } from './console-health.js';
import { showKeys } from './console-keys.js';
import { showPlugins } from './console-plugins.js';
import { showUsers } from './console-users.js';
import { make, say } from './console-view.js';
/** @import { OperatorPage } from './pages.js' */

const PAGES = /** @type {const} */ ([
  ['plugins', 'Plugins', showPlugins],
  ['apps', 'OAuth apps', showApps],
  ['keys', 'Keys', showKeys],
  ['users', 'Users', showUsers],
  ['audit', 'Audit', showAudit],
  ['health', 'Health', showHealth],
]);

/**
 * @param {HTMLElement} tabs
 * @param {HTMLElement} around
 */
export function showOperator(tabs, around) {
  const links = PAGES.map(([name, title]) => make('a', { href: `#${name}` }, title));
  tabs.replaceChildren(...links);
  tabs.hidden = false;

  let isOver = false;
  /** @param {boolean} mayFocus */
  const draw = async (mayFocus) => {
    if (isOver) return;
    const [name, query] = location.hash.slice(1).split('?');
    const at = Math.max(
      0,
      PAGES.findIndex(([known]) => known === name),
    );
    const [, title, show] = PAGES[at] ?? PAGES[0];
    document.title = `${title} – Strongroom console`;
    for (const [index, link] of links.entries()) {
      if (index === at) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    const place = make('div');
    around.replaceChildren(place);
    /** @type {OperatorPage['again']} */
    const again = async (tone, ...said) => {
      await draw(true);
      if (!isOver) say(tone, ...said);
    };
    await show(place, { query: new URLSearchParams(query ?? ''), again });
    if (mayFocus && place.isConnected && !document.querySelector('dialog[open]')) place.querySelector('h1')?.focus();
  };

  const moved = () => {
    for (const dialog of document.querySelectorAll('dialog')) dialog.close();
    say();
    void draw(true);
  };
  addEventListener('hashchange', moved);
  const end = () => {
    isOver = true;
    removeEventListener('hashchange', moved);
  };
  document.addEventListener('console-left', end, { once: true });
  return draw(false);
}
