// The console's page: who is signed in and until when, signing in and out, and what each person sees. A user sees their
// credentials, an operator the vault. Only the browser knows which session it is: no script can read the cookie.
import { Problem, SIGNED_OUT, ask, showVisitor } from './console-api.js';
import { confirm } from './console-dialog.js';
import { banner, button, code, command, find, heading, make, problemView, say, stored, until } from './console-view.js';
/** @import { Piece, Visitor } from './pages.js' */

const account = find(document, '#account', HTMLElement);
const tabs = find(document, '#tabs', HTMLElement);
const place = find(document, '#place', HTMLElement);
/** @type {ReturnType<typeof setTimeout>[]} */
let timers = [];

find(document, '.skip', HTMLElement).addEventListener('click', (event) => {
  event.preventDefault();
  find(document, 'main', HTMLElement).focus();
});

const HAS_ENDED =
  'Your sign-in has ended. It was signed out, unused for half an hour, or eight hours old. ' +
  'Sign in again to go on.';
document.addEventListener(SIGNED_OUT, () => showEntrance(banner('warn', make('p', {}, HAS_ENDED))));
document.addEventListener('sr-session-expired', () => document.dispatchEvent(new Event(SIGNED_OUT)));

/**
 * @param {Visitor} visitor
 * @returns {Piece[]}
 */
const nameOf = ({ role, user_id: user }) => (role === 'user' ? [stored(user)] : ['the operator']);

/**
 * @param {Visitor} one
 * @param {Visitor} other
 */
const same = (one, other) => one.role === other.role && one.user_id === other.user_id;

/**
 * Begins, with the secret of a link or without one. A link alone does not sign in, because an attacker may have sent it.
 * The user would then store data in the attacker's account (login CSRF).
 * @param {string | null} link
 */
export async function open(link) {
  if (link === null) return enter(null);
  const present = await showVisitor().catch(() => null);
  showEntrance();
  const now = present ? ['In this browser you are signed in as ', ...nameOf(present), ' now.'] : [];
  const warning =
    'You opened a sign-in link. It signs you in as the person it was made for. Continue only if you made or requested it.';
  place.replaceChildren(
    heading('Sign in'),
    make(
      'section',
      { class: 'entrance' },
      make('p', {}, warning),
      now.length > 0 && make('p', {}, ...now),
      make(
        'div',
        { class: 'row' },
        button('Sign in', () => void enter(link)),
        button('Not now', () => void enter(null), 'small'),
      ),
    ),
  );
}

/** @param {string | null} link */
async function enter(link) {
  for (const dialog of document.querySelectorAll('dialog')) dialog.close();
  say();
  try {
    const before = await showVisitor();
    const refusal = link === null ? null : await signIn(link);
    const present = link === null || refusal ? before : await showVisitor();
    if (!present) return showEntrance(refusal && refusalView(refusal));
    await show(present);
    if (refusal) {
      say('warn', refusalText(refusal), ' You are signed in as before, as ', ...nameOf(present), '.');
    } else if (before && !same(before, present)) {
      say(
        'warn',
        'You are now signed in as ',
        ...nameOf(present),
        '. Before, you were signed in as ',
        ...nameOf(before),
        '.',
      );
    }
  } catch (problem) {
    tabs.hidden = true;
    place.replaceChildren(
      heading('Strongroom console'),
      problemView(problem, () => void open(link)),
    );
  }
}

/**
 * Signs in. Returns null or the server's refusal. Throws if the server did not decide. Then the link may still work.
 * @param {string} link
 */
async function signIn(link) {
  try {
    await ask('POST', '/v1/console/sign-in', { body: { link } });
    return null;
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.status === 0 || problem.status >= 429) throw problem;
    return problem;
  }
}

const LINK_FAILED = 'This link is not valid. A link works once, within ten minutes.';

/** @param {Problem} problem */
const refusalText = ({ code: slug, detail }) =>
  slug === 'not-found' || slug === 'invalid-fields' ? LINK_FAILED : detail;

/** @param {Problem} problem */
const refusalView = (problem) =>
  make('div', { role: 'alert', class: 'banner bad' }, make('p', {}, refusalText(problem)));

/**
 * Puts a link to the OpenID provider first, if the operator set one up.
 * @param {HTMLElement} section
 */
async function offerProvider(section) {
  const { issuer } = await ask('GET', '/v1/console/sign-in');
  if (!issuer) return;
  const link = make('a', { href: '/console/sign-in', class: 'button' }, 'Sign in with your organisation');
  section.prepend(make('p', {}, link));
}

/** @param {...(Node | null)} before */
function showEntrance(...before) {
  for (const dialog of document.querySelectorAll('dialog')) dialog.close();
  leave();
  // Without a session, a connection that comes back is of no use, and its code should not stay in the address.
  history.replaceState(null, '', '/');
  document.title = 'Sign in – Strongroom console';
  const how =
    'You sign in with a link. On the machine that runs the server, let it make one, and open it in this browser. ' +
    'It works once, within ten minutes.';
  const section = make(
    'section',
    { class: 'entrance' },
    make('p', {}, how),
    make('h2', {}, 'To run the vault'),
    command('strongroom console link'),
    make('h2', {}, 'To see one user’s own credentials'),
    command('strongroom console link --user NAME'),
    make(
      'p',
      { class: 'soft' },
      'If the server was started with ',
      code('strongroom dev'),
      ', write ',
      code('strongroom --dev console link'),
      '. If you do not run the server, ask its operator for a link.',
    ),
  );
  place.replaceChildren(...before.filter((each) => each !== null), heading('Sign in'), section);
  offerProvider(section).catch(() => {});
}

function leave() {
  timers.forEach(clearTimeout);
  timers = [];
  say();
  tabs.hidden = true;
  tabs.replaceChildren();
  account.replaceChildren();
  document.dispatchEvent(new Event('console-left'));
}

/** @param {Visitor} present */
async function show(present) {
  leave();
  showAccount(present);
  if (present.role === 'user') {
    document.title = 'Credentials – Strongroom console';
    return (await import('./console-user.js')).showUser(place);
  }
  return (await import('./console-operator.js')).showOperator(tabs, place);
}

/** @param {Visitor} present */
function showAccount(present) {
  const isOperator = present.role === 'operator';
  const isRecent = new Date(present.recent_until) > new Date();
  const signedIn = isOperator ? 'Signed in as ' : 'Signed in as user ';
  const who = make('p', {}, signedIn, make('b', {}, ...nameOf(present)), ' until ', until(present.expires_at));
  const may = isRecent
    ? ['You can change things until ', until(present.recent_until), '.']
    : ['To change something, sign in again: ', code('strongroom console link')];
  account.replaceChildren(
    make('div', {}, who, isOperator && make('p', { class: 'soft' }, may)),
    make(
      'div',
      { class: 'row' },
      button('Sign out', () => void signOut(), 'small'),
      button('Sign out everywhere…', () => askEverywhere(isOperator), 'small'),
    ),
  );
  /**
   * @param {string} time
   * @param {() => void} act
   */
  const after = (time, act) => timers.push(setTimeout(act, Math.max(0, new Date(time).getTime() - Date.now()) + 500));
  timers.forEach(clearTimeout);
  timers = [];
  if (isOperator && isRecent) after(present.recent_until, () => showAccount(present));
  after(present.expires_at, () => void open(null));
}

async function signOut() {
  try {
    await ask('DELETE', '/v1/console');
    showSignedOut('You are signed out.');
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 401) return;
    find(document, '#said', HTMLElement).replaceChildren(problemView(problem));
  }
}

/** @param {string} words */
const showSignedOut = (words) =>
  showEntrance(make('div', { role: 'status', class: 'banner good' }, make('p', {}, words)));

/** @param {boolean} isOperator */
function askEverywhere(isOperator) {
  confirm({
    title: 'Sign out everywhere?',
    consequences: [
      isOperator
        ? 'Every browser in which an operator is signed in is signed out, this one too.'
        : 'Every browser in which you are signed in is signed out, this one too.',
      'Unused sign-in links stop working. What you stored stays as it is.',
    ],
    yes: 'Sign out everywhere',
    act: () => ask('DELETE', '/v1/console/all'),
    done: () => showSignedOut('You are signed out everywhere.'),
  });
}
