// The request is in this page's address; it goes back with the decision, as text and nothing else.
const request = new URLSearchParams(location.search);
const form = document.querySelector('form');
form.action = location.pathname;
for (const name of ['redirect_uri', 'state', 'scope', 'code_challenge']) {
  const field = Object.assign(document.createElement('input'), { type: 'hidden', name, value: request.get(name) ?? '' });
  form.append(field);
}
for (const scope of (request.get('scope') ?? '').split(' ').filter(Boolean)) {
  document.querySelector('ul').append(Object.assign(document.createElement('li'), { textContent: scope }));
}
