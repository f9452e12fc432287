// Deletes the revision that the user saw. If the revision is stale, it reads the new one and asks again.
import { html } from 'lit';
import { asProblem } from '../api/problem.js';
import type { Client } from '../api/client.js';
import type { Credential } from '../api/types.js';
import type { Question } from './confirm.js';
import type { Words } from '../i18n/messages.js';

/** The question before deleting. `user` is the plugin that uses the credential. */
export function removalQuestion(credential: Credential, user: string, words: Words): Question {
  const used = credential.last_used_at
    ? words.say('delete.used', { plugin: user, ago: words.ago(credential.last_used_at) })
    : words.say('delete.unused', { plugin: user });
  const after = credential.type === 'oauth2' ? words.say('delete.revokes') : words.say('delete.final');
  return {
    title: words.say('delete.title', { name: credential.name }),
    content: html`<p>${used}</p><p>${after}</p>`,
    yes: words.say('delete'),
    no: words.say('cancel'),
    danger: true,
  };
}

/** Returns true when the credential is deleted, also if it was deleted before. */
export async function remove(
  client: Client,
  credential: Credential,
  ask: (present: Credential) => Promise<boolean>,
): Promise<boolean> {
  if (!(await ask(credential))) return false;
  try {
    await client.remove(credential.id, credential.revision);
    return true;
  } catch (caught) {
    const problem = asProblem(caught);
    if (problem.code === 'not-found') return true;
    if (problem.code !== 'stale') throw problem;
    return remove(client, await client.credential(credential.id), ask);
  }
}
