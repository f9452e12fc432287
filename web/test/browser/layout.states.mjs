// Tests of small pages: 320 px wide, and magnified by the browser to 200 %, which halves the space in each direction
// (WCAG 1.4.4, 1.4.10). No sideways scrolling, no cut text and no overlap may occur. Each control must be clickable.
import assert from 'node:assert/strict';
import { becomes } from './vault.mjs';

/** The layout faults of an element, in words. */
function faultsOf(root) {
  const faults = [];
  const nameOf = (each) =>
    `${each.localName}${each.id ? `#${each.id}` : ''}.${each.className?.baseVal ?? each.className} “${(each.getAttribute('aria-label') || each.textContent).trim().slice(0, 30)}”`;
  if (document.documentElement.scrollWidth > innerWidth)
    faults.push(`the page scrolls sideways: ${document.documentElement.scrollWidth}`);
  const all = [];
  const walk = (node) => {
    for (const each of node.querySelectorAll('*')) {
      all.push(each);
      if (each.shadowRoot) walk(each.shadowRoot);
    }
  };
  walk(root.shadowRoot);
  const isShown = (each) => each.checkVisibility({ visibilityProperty: true }) && !each.closest('.hush');
  for (const each of all.filter(isShown)) {
    const { overflowX, textOverflow } = getComputedStyle(each);
    const isCut =
      each.scrollWidth > each.clientWidth + 1 &&
      each.clientWidth > 0 &&
      (overflowX === 'hidden' || overflowX === 'clip' || textOverflow === 'ellipsis');
    if (isCut && !each.matches('input, select')) faults.push(`cut off: ${nameOf(each)}`);
    const { left, right, width } = each.getBoundingClientRect();
    if (width && (left < -1 || right > innerWidth + 1)) faults.push(`beside the page: ${nameOf(each)}`);
  }
  const dialogs = all.filter((each) => each.matches('dialog[open]'));
  const within = (each) => {
    for (let at = each; at; at = at.parentElement ?? at.getRootNode().host) if (at === dialogs.at(-1)) return true;
    return !dialogs.length;
  };
  const controls = all.filter(
    (each) =>
      isShown(each) &&
      within(each) &&
      each.matches('button, a, select, textarea, input:not([type=file]), label.file') &&
      !each.disabled,
  );
  const deep = (x, y) => {
    let at = document.elementFromPoint(x, y);
    while (at?.shadowRoot?.elementFromPoint(x, y) && at.shadowRoot.elementFromPoint(x, y) !== at)
      at = at.shadowRoot.elementFromPoint(x, y);
    return at;
  };
  for (const each of controls) {
    each.scrollIntoView({ block: 'center', inline: 'nearest' });
    // A link may have two lines. The area between them is not part of it.
    const [box] = each.getClientRects();
    const hit = deep(box.left + box.width / 2, box.top + box.height / 2);
    const label = each.closest('label');
    if (!hit || !(each === hit || each.contains(hit) || label?.contains(hit)))
      faults.push(`not to be clicked: ${nameOf(each)}, but ${hit && nameOf(hit)}`);
    if (box.width < 24 && box.height < 24 && !label && !each.matches('input'))
      faults.push(`too small: ${nameOf(each)}`);
  }
  const boxes = controls.map((each) => {
    const { left, top, right, bottom } = each.getBoundingClientRect();
    return { each, left: left + scrollX, right: right + scrollX, top: top + scrollY, bottom: bottom + scrollY };
  });
  boxes.forEach((a, at) => {
    for (const b of boxes.slice(at + 1)) {
      if (a.each.contains(b.each) || b.each.contains(a.each)) continue;
      // The arrow of the combobox is inside its control.
      if ([a, b].some(({ each }) => each.matches('.chevron'))) continue;
      const over =
        Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
        Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
      if (over) faults.push(`on each other: ${nameOf(a.each)} and ${nameOf(b.each)}`);
    }
  });
  return faults;
}

/** Waits until a list has all rows. It shows the first rows before. */
const complete = (list) => list.page().waitForFunction(() => window.events.some(([type]) => type === 'sr-load'));

async function looks(person, element, what) {
  assert.deepEqual(await element.evaluate(faultsOf), [], what);
}

const LONG = 'Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen und noch etwas';

async function everywhere(person, { vault, scripted, secret }) {
  const made = await vault.save(person.user, 'weather', 'api-key', LONG, { api_key: 'stored-key', region: 'eu' });
  await vault.save(person.user, 'weather', 'api-key', 'Short', { api_key: 'stored-key' });
  for (const lang of ['en', 'de']) {
    const form = await person.fresh('sr-credential-form', { plugin: 'wide' }, `?lang=${lang}`);
    await form.locator('#field-mode').selectOption('tls');
    await form.locator('#field-certificate').waitFor();
    await looks(person, form, `${lang}: form`);
    await form.locator('form').evaluate((each) => each.requestSubmit());
    await form.locator('#summary').waitFor();
    await looks(person, form, `${lang}: form with faults`);
    const stored = await person.fresh('sr-credential-form', { credentialId: made.id }, `?lang=${lang}`);
    await stored.locator('#field-api_key-replace').click();
    await stored.locator('#field-api_key').fill(secret());
    await looks(person, stored, `${lang}: form, replacing`);
    await stored.evaluate((each) => void each.cancel());
    await stored.locator('dialog').waitFor();
    await looks(person, stored, `${lang}: form, leaving`);
    const selector = await person.fresh(
      'sr-credential-selector',
      { plugin: 'weather', label: LONG, value: made.id },
      `?lang=${lang}`,
    );
    await selector.locator('#input').click();
    await selector.locator('[role=option]').first().waitFor();
    await looks(person, selector, `${lang}: selector, open`);
    await selector.evaluate((each) => void each.edit());
    await selector.locator('sr-credential-form #name').waitFor();
    await looks(person, selector, `${lang}: selector, editing`);
    const list = await person.fresh(
      'sr-credential-list',
      { plugin: 'weather', label: LONG, pageSize: 1 },
      `?lang=${lang}`,
    );
    await complete(list);
    await list.locator('tbody input[type=checkbox]').check();
    await list.locator('.bulk .danger').waitFor();
    await looks(person, list, `${lang}: list`);
    await list.locator('.bulk .danger').click();
    await list.locator('dialog').waitFor();
    await looks(person, list, `${lang}: list, deleting`);
    const button = await person.fresh(
      'sr-oauth-button',
      { plugin: 'mail', label: LONG, flow: 'device' },
      `?lang=${lang}`,
    );
    await button.locator('button').waitFor();
    await looks(person, button, `${lang}: button`);
    await button.locator('button').click();
    await button.locator('.code').waitFor();
    await looks(person, button, `${lang}: button, device`);
    const account = await person.fresh('sr-oauth-button', { plugin: 'accounts' }, `?lang=${lang}`);
    await account.locator('button').click();
    await account.locator('textarea').waitFor();
    await looks(person, account, `${lang}: button, key file`);
  }
  scripted.granted = 'jobs';
  const partly = await person.fresh('sr-oauth-button', { plugin: 'scripted' });
  await partly.getByRole('button').click();
  await partly.getByText('One permission was not granted').waitFor();
  await looks(person, partly, 'button, connected');
}

const narrow = (...given) => everywhere(...given);
narrow.options = { viewport: { width: 320, height: 640 } };

/** Magnified by the browser: in a window of 1000 by 800, the page has half the size and twice the pixel density. */
async function magnified(person, world) {
  await person.open();
  await becomes(
    'the page has half of the window',
    () => person.page.evaluate(() => [innerWidth, innerHeight, devicePixelRatio]),
    [500, 400, 2],
  );
  await everywhere(person, world);
}
magnified.options = { viewport: { width: 1000, height: 800 }, zoom: 2 };

async function seen(person, { vault }) {
  await vault.save(person.user, 'weather', 'api-key', 'Work', { api_key: 'stored-key' });
  const list = await person.fresh('sr-credential-list', { plugin: 'weather' });
  await complete(list);
  await list.locator('tbody tr').waitFor();
  await looks(person, list, 'the control');
  await list.evaluate((each) => {
    const style = new CSSStyleSheet();
    style.replaceSync('tbody button { position: absolute; inset: 0; inline-size: 120vw }');
    each.shadowRoot.adoptedStyleSheets.push(style);
  });
  const faults = await list.evaluate(faultsOf);
  for (const kind of [/sideways|beside/, /not to be clicked/, /on each other/])
    assert(
      faults.some((fault) => kind.test(fault)),
      `${kind} was not noticed: ${faults}`,
    );
}

export default {
  'elements fit 320 px': narrow,
  'elements fit at 200 %': magnified,
  'layout faults are detected': seen,
};
