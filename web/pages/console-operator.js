// What an operator sees: six pages behind links, whose hash is the page's state, so they can be bookmarked, opened in a
// second tab and gone back to. A page that is left may still be loading: what it draws then is on no page.
import { showApps } from './console-apps.js';
import { showAudit } from './console-audit.js';
import { showHealth } from './console-health.js';
import { showKeys } from './console-keys.js';
import { showPlugins } from './console-plugins.js';
import { showUsers } from './console-users.js';
import { make, say } from './console-view.js';

const PAGES = [
  ['plugins', 'Plugins', showPlugins],
  ['apps', 'OAuth apps', showApps],
  ['keys', 'Keys', showKeys],
  ['users', 'Users', showUsers],
  ['audit', 'Audit', showAudit],
  ['health', 'Health', showHealth],
];

export function showOperator(tabs, around) {
  const links = PAGES.map(([name, title]) => make('a', { href: `#${name}` }, title));
  tabs.replaceChildren(...links);
  tabs.hidden = false;

  let isOver = false;
  const draw = async (mayFocus) => {
    if (isOver) return;
    const [name, query] = location.hash.slice(1).split('?');
    const at = Math.max(0, PAGES.findIndex(([known]) => known === name));
    const [, title, show] = PAGES[at];
    document.title = `${title} – Strongroom console`;
    for (const [index, link] of links.entries()) {
      if (index === at) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    const place = make('div');
    around.replaceChildren(place);
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
