// The address of this page holds the request. The form sends it back with the decision, as text only.
const request = new URLSearchParams(location.search);
const form = document.querySelector('form');
const list = document.querySelector('ul');
if (!form || !list) throw new Error('consent.html lacks its form or its list');
form.action = location.pathname;
for (const name of ['redirect_uri', 'state', 'scope', 'code_challenge']) {
  const field = Object.assign(document.createElement('input'), {
    type: 'hidden',
    name,
    value: request.get(name) ?? '',
  });
  form.append(field);
}
for (const scope of (request.get('scope') ?? '').split(' ').filter(Boolean)) {
  list.append(Object.assign(document.createElement('li'), { textContent: scope }));
}
