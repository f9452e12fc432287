// The application's own script: it tells the elements how to get a session, and listens. It runs before they are defined, so
// that none of them begins without one.

/** The application's backend knows who is signed in, and asks the vault for a session of theirs. */
async function session() {
  const answer = await fetch('/session', { method: 'POST' });
  if (!answer.ok) throw new Error('nobody is signed in');
  return (await answer.json()).token;
}

const elements = [...document.querySelectorAll('sr-oauth-button, sr-credential-selector, sr-credential-form, sr-credential-list')];
for (const element of elements) element.getSessionToken = session;

const [, selector, , list] = elements;
selector.addEventListener('change', () => {
  document.querySelector('output').textContent = selector.value || 'nothing yet';
});
for (const event of ['sr-save', 'sr-connect', 'sr-disconnect', 'sr-delete']) {
  document.addEventListener(event, ({ target }) => {
    if (target !== list) list.refresh();
    if (target !== selector) selector.refresh();
  });
}
