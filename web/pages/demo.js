// The application's own script. It gives the elements a function that gets a session, and listens to their events.
// It runs before the browser defines the elements, so that none of them begins without that function.
/** @import { SrCredentialForm, SrCredentialList, SrCredentialSelector, SrOauthButton } from '/elements/v1.js' */

/** Asks the application's backend, which knows who is signed in, for a session at the vault. */
async function session() {
  const answer = await fetch('/session', { method: 'POST' });
  if (!answer.ok) throw new Error('no user is signed in');
  /** @type {{ token: string }} */
  const { token } = await answer.json();
  return token;
}

/** @type {NodeListOf<SrOauthButton | SrCredentialSelector | SrCredentialForm | SrCredentialList>} */
const elements = document.querySelectorAll(
  'sr-oauth-button, sr-credential-selector, sr-credential-form, sr-credential-list',
);
for (const element of elements) element.getSessionToken = session;

const selector = document.querySelector('sr-credential-selector');
const output = document.querySelector('output');
if (!selector || !output) throw new Error('demo.html lacks an element that this script needs');

selector.addEventListener('change', () => {
  output.textContent = selector.value || 'nothing yet';
});
