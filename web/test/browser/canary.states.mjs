// Tests that the canary checks detect a shown secret and a session in a URL.
import assert from 'node:assert/strict';
import { until } from './vault.mjs';

export default {
  async 'checks detect a secret and a session'(person, { provider, secret }) {
    await person.open();
    const leaked = secret();
    await person.page.evaluate((text) => document.querySelector('h1').append(text), leaked);
    await person.look();
    assert.throws(() => person.checkCanaries([leaked, provider.secret], new Set([leaked])), /in page/);
    person.seen = person.seen.filter(({ what }) => what !== 'page');
    await person.page.evaluate((text) => console.log(text), leaked);
    const isSaid = ({ what, text }) => what === 'console' && text.includes(leaked);
    await until('the line of the console arrives', () => person.seen.some(isSaid));
    assert.throws(() => person.checkCanaries([leaked], new Set([leaked])), /in console/);
    person.seen = [];
    await person.open();
  },
};
