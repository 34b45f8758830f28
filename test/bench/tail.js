'use strict';

// Bench `tail`: the round trip of `rtt` while V8 collects garbage. Server and client both have the allocation load of support/garbage.js, which is the same for
// all. The figure is the 99.9th percentile of the round trips of a run.
//
// A client that sends again as soon as the answer is there makes fewer round trips the longer they take, so its percentiles flatter the slow. Hence
// the second figure: of messages that come at random moments, how long the slowest 0.1 % wait. A moment falls into a long round trip as much
// more often as that is longer, so each counts by its length.

const { Histogram } = require('./support/histogram');
const { makeVeth } = require('./support/namespace');
const { given, overNetwork, programs, runNetworkBench } = require('./support/network-bench');
const { catnap, memif, veth } = require('./support/networks');
const { median, table } = require('./support/measure');

const { node } = programs;
const TITLE = '99.9th percentile; one connection, one message outstanding, garbage on both sides';
const NODE = 'Node net';
const BETTER_MIN = 3;

const pair = (name, program, ...own) => ({
  name,
  server: given(program('server'), 'echo', 'garbage=1', ...own),
  client: given(program('client'), 'rtt', 'garbage=1', ...own),
});
const ours = [catnap(), veth(makeVeth()), memif()]
  .filter((network) => network !== undefined)
  .map((network) => overNetwork(network, `${network.name}, awaited`, ['echo', 'garbage=1'], ['rtt', 'garbage=1']));

function more(samples) {
  return {
    atAnyMoment: median(samples.map(({ histogram }) => new Histogram().add(histogram).percentileOfTime(99.9))) / 1000,
    collections: median(samples.map(({ garbage, ns }) => garbage.collections / (ns / 1e9))),
    stoppedShare: median(samples.map(({ garbage, ns }) => (garbage.ms * 1e6) / ns)),
    longestMs: Math.max(...samples.map(({ garbage }) => garbage.longestMs)),
  };
}

function printMore(results) {
  process.stdout.write('\n99.9 % of messages that come at any moment wait less than so many us; and what the garbage of the client took\n');
  const rows = Object.entries(results).map(([name, { more: { atAnyMoment, collections, stoppedShare, longestMs } }]) => {
    const ahead = results[NODE].more.atAnyMoment / atAnyMoment;
    return [name, atAnyMoment.toFixed(0), `${ahead.toFixed(2)} x`, collections.toFixed(0), `${(stoppedShare * 100).toFixed(1)} %`, longestMs.toFixed(1), ''];
  });
  table(['', 'us', 'ahead of Node', 'collections/s', 'of the time', 'longest ms', ''], rows);
}

runNetworkBench({
  name: 'tail',
  title: '64 B ping-pong while garbage is collected; us of the 99.9th percentile (median, min, max of the runs), percentiles over all runs',
  unit: 'us',
  format: (value) => value.toFixed(1),
  valueOf: ({ histogram }) => new Histogram().add(histogram).percentile(99.9) / 1000,
  more,
  printMore,
  own: { quick: { ms: 1500, callsMs: 0 }, full: { ms: 3000, callsMs: 0 } },
  cases: [{ title: TITLE, contestants: [...ours, pair('Node net, spinning', node, 'spin=1'), pair(NODE, node)] }],
  goals: ours.map(({ name }) => ({
    text: `${name}: p99.9 >= ${BETTER_MIN} x better than Node`,
    value: (cases) => cases[TITLE][NODE].median / cases[TITLE][name].median,
    met: (value) => value >= BETTER_MIN,
  })),
});
