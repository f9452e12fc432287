// Runs the tests of one file with its own vault: node states.mjs NAME.states.mjs
import { setTimeout as sleep } from 'node:timers/promises';
import { CANARY } from './provider.mjs';
import { Person } from './stage.mjs';
import { startWorld } from './world.mjs';

const [file] = process.argv.slice(2);
const world = await startWorld();
const { browser, host, vault, provider, scripted } = world;
const { default: states } = await import(new URL(file, import.meta.url));
/** A click waits for the page that it loads without a limit. A test that exceeds this time has failed. */
const DEADLINE_MS = 180_000;
const deadline = async () => {
  await sleep(DEADLINE_MS, null, { ref: false });
  throw new Error(`not done within ${DEADLINE_MS / 1000} s`);
};
let failed = 0;
for (const [name, check] of Object.entries(states)) {
  const user = `u${file.replace(/\W.*/, '')}${name.replace(/\W/g, '')}`;
  const begun = Date.now();
  let person;
  try {
    person = await Person.with(world, user, check.options ?? {});
    const sent = new Set();
    const secret = (end = '') => {
      const made = `key-${CANARY}-${sent.size}${end}`;
      sent.add(made);
      return made;
    };
    await Promise.race([check(person, { ...world, secret }), deadline()]);
    await person.look();
    person.checkCanaries([...sent, `AccessToken-${CANARY}`, `RefreshToken-${CANARY}`, provider.secret], sent);
    console.log(`ok   ${file.split('.')[0]}: ${name} (${Date.now() - begun} ms)`);
  } catch (error) {
    failed += 1;
    const shown = await person?.shows().catch(String);
    console.log(
      `FAIL ${file.split('.')[0]}: ${name}\n${error.stack}\n${shown}\nThe vault's log ends with:\n${vault.lastLines}`,
    );
  } finally {
    host.signedOut = false;
    host.seconds = 900;
    provider.policy = null;
    scripted.reset();
    await person?.close();
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
