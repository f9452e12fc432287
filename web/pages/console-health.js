// Health: whether the process answers, whether it can commit a transaction, its version, and the time of its answer. The
// page makes the same checks as a load balancer.
import { ask, send } from './console-api.js';
import { badge, banner, button, count, fill, heading, make, moment } from './console-view.js';
/** @import { OperatorPage } from './pages.js' */

/** @typedef {{ isWell: boolean, took: number, at: string | null }} Probe */

/**
 * @param {HTMLElement} place
 * @param {OperatorPage} page
 */
export function showHealth(place, page) {
  return fill(
    place,
    async () => {
      const [live, ready, version] = await Promise.all([probe('/livez'), probe('/readyz'), versionOf()]);
      /** @type {[title: string, probe: Probe, well: string, unwell: string][]} */
      const rows = [
        ['Process', live, 'It runs and answers.', 'It does not answer.'],
        [
          'Database',
          ready,
          'A transaction can be committed.',
          'Nothing can be written at the moment; the server’s log says why.',
        ],
      ];
      const at = live.at ?? ready.at;
      const skew = at ? Math.round(Math.abs(new Date(at).getTime() - Date.now()) / 1000) : 0;
      const warning =
        `The clocks of the server and of this browser differ by ${count(skew, 'second')}. ` +
        'One of them is wrong; signatures and times depend on the server’s.';
      return [
        heading(
          'Health',
          'How the server is at this moment.',
          button('Check again', () => void page.again('good', 'Checked.'), ''),
        ),
        make(
          'section',
          {},
          make(
            'dl',
            {},
            rows
              .map(([title, { isWell, took }, well, unwell]) => [
                make('dt', {}, title),
                make(
                  'dd',
                  {},
                  isWell ? badge('well', 'good') : badge('not well', 'bad'),
                  ` ${isWell ? well : unwell} `,
                  make('span', { class: 'soft' }, `${took} ms`),
                ),
              ])
              .flat(),
            make('dt', {}, 'Version'),
            make('dd', {}, version),
            make('dt', {}, 'Answered'),
            make('dd', {}, at ? moment(at) : 'never'),
          ),
          skew > 60 && banner('warn', make('p', {}, warning)),
        ),
      ];
    },
    'Health',
  );
}

/**
 * @param {string} path
 * @returns {Promise<Probe>}
 */
async function probe(path) {
  const begun = performance.now();
  const answer = await send('GET', path).catch(() => null);
  const date = answer?.headers.get('Date');
  const took = Math.round(performance.now() - begun);
  return { isWell: answer?.ok ?? false, took, at: date ? new Date(date).toISOString() : null };
}

async function versionOf() {
  /** @type {{ info?: { version?: string } } | null} */
  const description = await ask('GET', '/v1/openapi.json').catch(() => null);
  return String(description?.info?.version ?? 'unknown');
}
