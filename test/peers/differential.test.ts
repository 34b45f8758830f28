// What the differential table rests on: each of its pairs exchanges something, over each kind of link. Its figures are for who runs it by hand.


const { run } = require('./differential');
const { buildRelay } = require('./network');
const { SCENARIOS } = require('./scenarios');

const { canMakeNamespaces: isPossible } = require('../setup/namespaces') as { canMakeNamespaces: boolean };
const withRights = isPossible || process.env['DEMI_REQUIRE_ALL'] === '1' ? test : test.skip;

jest.setTimeout(180_000);

test('no two scenarios are called alike', () => {
  expect(new Set(SCENARIOS.map(({ title }: { title: string }) => title)).size).toBe(SCENARIOS.length);
});

withRights('each pair over a link that loses, and one that reorders', async () => {
  buildRelay();
  for (const wanted of ['loss 1 %, delay 1 ms', 'reorder']) {
    const scenario = SCENARIOS.find(({ title }: { title: string }) => title.startsWith(wanted));
    for (const sides of [['linux', 'linux'], ['ours', 'linux'], ['linux', 'ours']]) {
      // It fails when what arrives is not what was sent.
      const mbit = await run({ ...scenario, bytes: 500_000 }, sides, { seed: 1, congestion: 'newreno' });
      expect(mbit).toBeGreaterThan(0);
      expect(mbit).toBeLessThan(scenario.link.rate_mbit);
    }
  }
});
