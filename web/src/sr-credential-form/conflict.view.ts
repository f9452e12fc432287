// The dialog after a conflicting save of another page. It shows both versions of each field that is not secret. It
// names secret fields without their values. Typed secrets are kept.
import { html, nothing } from 'lit';
import type { Credential } from '../api/types.js';
import type { Question } from '../base/confirm.js';
import type { Value } from './fields.js';
import type { Words } from '../i18n/messages.js';
import type { Draft } from './draft.js';

interface Difference {
  /** The field. Empty for the credential's own name. */
  name: string;
  title: string;
  mine: string;
  theirs: string;
}

const text = (value: Value | null | undefined): string =>
  Array.isArray(value) ? value.join(', ') : String(value ?? '—');

/** The fields whose local change differs from the stored value. */
export function differences(mine: Draft, theirs: Credential, nameTitle: string): Difference[] {
  const found: Difference[] = [];
  if (mine.isRenamed && mine.name.trim() !== theirs.name) {
    found.push({ name: '', title: nameTitle, mine: mine.name.trim(), theirs: theirs.name });
  }
  const changes = mine.changes();
  for (const field of mine.fields.filter(({ secret, name }) => !secret && name in changes)) {
    const pair = {
      mine: text(changes[field.name] as Value | null),
      theirs: text(theirs.settings[field.name] as Value | undefined),
    };
    if (pair.mine !== pair.theirs) found.push({ name: field.name, title: field.title, ...pair });
  }
  return found;
}

/** The question. `chosen` collects the fields that keep their stored value. */
export function conflictQuestion(mine: Draft, theirs: Credential, chosen: Set<string>, words: Words): Question {
  const found = differences(mine, theirs, words.say('name'));
  const secrets = mine.touchedSecrets.map(({ title }) => title);
  const choice = (difference: Difference, whose: 'mine' | 'theirs') => {
    const choose = () => (whose === 'theirs' ? chosen.add(difference.name) : chosen.delete(difference.name));
    return html`<label class="choice">
      <input type="radio" name="conflict-${difference.name}" .value=${whose} ?checked=${whose === 'mine'} @change=${choose} />
      <span>${words.say(`conflict.${whose}`)} <bdi>${difference[whose]}</bdi></span>
    </label>`;
  };
  return {
    title: words.say('conflict.title'),
    content: html`<div class="stack">
      <p>${words.say(found.length ? 'conflict.choose' : 'conflict.apart', { ago: words.ago(theirs.updated_at) })}</p>
      ${found.map(
        (difference) =>
          html`<fieldset>
            <legend>${difference.title}</legend>
            <div>${choice(difference, 'mine')}${choice(difference, 'theirs')}</div>
          </fieldset>`,
      )}
      ${secrets.length ? html`<p>${words.say('conflict.secrets', { fields: words.list(secrets) })}</p>` : nothing}
    </div>`,
    yes: words.say('conflict.save'),
    no: words.say('cancel'),
  };
}
