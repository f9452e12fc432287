// Health: whether the process answers, whether a transaction can be committed, which version it is, and when it said so. The
// checks are those that a load balancer makes.
import { ask, send } from './console-api.js';
import { badge, banner, button, count, fill, heading, make, moment } from './console-view.js';

export function showHealth(place, page) {
  return fill(place, async () => {
    const [live, ready, version] = await Promise.all([probe('/livez'), probe('/readyz'), versionOf()]);
    const rows = [
      ['Process', live, 'It runs and answers.', 'It does not answer.'],
      ['Database', ready, 'A transaction can be committed.', 'Nothing can be written at the moment; the server’s log says why.'],
    ];
    const at = live.at ?? ready.at;
    const skew = at ? Math.round(Math.abs(new Date(at) - Date.now()) / 1000) : 0;
    return [
      heading('Health', 'How the server is at this moment.', button('Check again', () => void page.again('good', 'Checked.'), '')),
      make('section', {},
        make('dl', {},
          rows.map(([title, { isWell, took }, well, unwell]) => [make('dt', {}, title), make('dd', {}, isWell ? badge('well', 'good') : badge('not well', 'bad'), ` ${isWell ? well : unwell} `, make('span', { class: 'soft' }, `${took} ms`))]).flat(),
          make('dt', {}, 'Version'), make('dd', {}, version),
          make('dt', {}, 'Answered'), make('dd', {}, at ? moment(at) : 'never'),
        ),
        skew > 60 && banner('warn', make('p', {}, `The clocks of the server and of this browser differ by ${count(skew, 'second')}. One of them is wrong; signatures and times depend on the server’s.`)),
      ),
    ];
  }, 'Health');
}

async function probe(path) {
  const begun = performance.now();
  const answer = await send('GET', path).catch(() => null);
  const date = answer?.headers.get('Date');
  return { isWell: answer?.ok ?? false, took: Math.round(performance.now() - begun), at: date ? new Date(date).toISOString() : null };
}

async function versionOf() {
  const description = await ask('GET', '/v1/openapi.json').catch(() => null);
  return String(description?.info?.version ?? 'unknown');
}
