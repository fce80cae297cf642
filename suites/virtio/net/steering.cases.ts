import { type CaseContext, defineCase, type VariantAxes } from '../../case.ts';
import { applies, CommandedPairs } from './commanded-pairs.ts';
import { internetFrame } from './internet-frame.ts';

/** Automatic receive steering among pairs of queues (virtio 5.1.9.5.6). Pairs and queues count from 1, as in the text. */

type Context = CaseContext<string, VariantAxes>;

const frames = 6;

/** Frame `n` of a flow, each of another length. */
const frameOf = (flow: number, n: number): Uint8Array =>
  internetFrame(flow % 2 === 0 ? 'tcp4' : 'udp4', 100 + n, { sourcePort: 41_000 + flow });

/** Where the frames of flow 0 come that are sent on the first pair, from frame `first` on: receive queues, or `lost`. */
const arrivals = (pairs: CommandedPairs, first: number): (number | 'lost')[] =>
  Array.from({ length: frames }, (_, n) => nameOf(pairs.pairFor(frameOf(0, first + n), 0)));

const nameOf = (pair: number | undefined): number | 'lost' => (pair === undefined ? 'lost' : pair + 1);

export const afterReset = defineCase({
  id: 'virtio/net/first-receive-queue-alone-after-reset',
  title:
    'behind a reset of a device that used all pairs, frames come on receiveq1 alone until a command asks for pairs',
  proves: { 'net/first-receive-queue-only-after-reset': 'net-all-pairs-before-command' },
  applies,
  run(context) {
    const check = context.requirement('net/first-receive-queue-only-after-reset');
    const pairs = new CommandedPairs(context, check);
    pairs.use(pairs.count);
    check.presumes(pairs.pairFor(frameOf(0, 0), pairs.count - 1) !== undefined, 'a frame comes back');
    context.session.close();
    const { port, guest, ring } = context;
    const session = context.connect('negotiated');
    const again = new CommandedPairs({ port, guest, ring, session, driver: context.driverOf(session) }, check);
    for (const pair of arrivals(again, 1)) {
      check.presumes(pair !== 'lost', 'a frame comes back');
      check.equal(pair, 1, 'the receive queue of a frame that is sent on transmitq1');
    }
  },
});

export const beyondCount = defineCase({
  id: 'virtio/net/receive-queues-beyond-pair-count-stay-empty',
  title:
    'once the command for fewer pairs is used, frames of a flow that was on the last pair come on the others alone',
  proves: {
    'net/queues-beyond-pair-count-unused': ['net-queue-beyond-pair-count-used', 'net-lower-pair-count-ignored'],
  },
  applies,
  variants: { pairs: ['one', 'one-less'] },
  run(context) {
    const { variant, requirement } = context;
    const check = requirement('net/queues-beyond-pair-count-unused');
    const pairs = new CommandedPairs(context, check);
    const left = variant.pairs === 'one' ? 1 : pairs.count - 1;
    pairs.use(pairs.count);
    check.presumes(pairs.pairFor(frameOf(0, 0), pairs.count - 1) !== undefined, 'a frame of the last pair comes back');
    pairs.use(left);
    for (const pair of arrivals(pairs, 1)) {
      check.presumes(pair !== 'lost', 'a frame comes back');
      check.atMost(Number(pair), left, `the receive queue of a frame while ${left} of ${pairs.count} pairs are in use`);
    }
  },
});

/**
 * One flow on each pair: for each, where its frames come that were sent one after the other, the first left out. Ends with
 * a frame that is lost each time.
 */
function flowsOf(context: Context, pairs: CommandedPairs, slug: string): (number | 'lost')[][] {
  const check = context.requirement(slug);
  check.presumes(pairs.pairFor(frameOf(pairs.count, 0), 0) !== undefined, 'a frame comes back before the command');
  pairs.use(pairs.count);
  const came: (number | 'lost')[][] = pairs.pairs.map(() => []);
  for (let n = 0; n < frames; n++) {
    for (const [flow, places] of came.entries()) {
      const place = nameOf(pairs.owedFor(frameOf(flow, n), flow)?.pair);
      // By its first frame a device learns the flow, and may take its time.
      if (place === 'lost' || n > 0) places.push(place);
      if (place === 'lost') return came;
    }
  }
  return came;
}

export const followsFlow = defineCase({
  id: 'virtio/net/frames-of-a-flow-come-on-one-receive-queue',
  title: 'with all pairs in use, frames of a flow that is sent on one transmit queue come on one receive queue',
  proves: {
    'net/steering-follows-flow': ['net-frames-spread-over-receive-queues', 'net-frames-of-several-pairs-lost'],
  },
  applies,
  run(context) {
    const check = context.requirement('net/steering-follows-flow');
    const pairs = new CommandedPairs(context, check);
    const flows = flowsOf(context, pairs, 'net/steering-follows-flow');
    const isLost = flows.some((places) => places.includes('lost'));
    if (!check.equal(isLost, false, 'whether a frame is lost each time it is sent')) return;
    for (const [flow, places] of flows.entries()) {
      check.equal(new Set(places).size, 1, `receive queues of flow ${flow + 1}, which were ${places.join(', ')}`);
    }
  },
});

export const matchingQueue = defineCase({
  id: 'virtio/net/flow-comes-on-the-receive-queue-of-its-pair',
  title:
    'with all pairs in use, frames of a flow that is sent on a transmit queue come on the receive queue of that pair',
  proves: { 'net/flow-returns-on-matching-queue': ['net-flows-come-on-first-queue', 'net-flow-stays-where-it-began'] },
  applies,
  run(context) {
    const check = context.requirement('net/flow-returns-on-matching-queue');
    const pairs = new CommandedPairs(context, check);
    for (const [flow, places] of flowsOf(context, pairs, 'net/flow-returns-on-matching-queue').entries()) {
      const expected = places.map(() => flow + 1);
      check.sameSequence<number | 'lost'>(
        places,
        expected,
        `receive queues of the flow that is sent on transmitq${flow + 1}`,
      );
    }
    // The first flow moves to the last pair.
    const last = pairs.count - 1;
    pairs.pairFor(frameOf(0, frames), last);
    const moved = nameOf(pairs.pairFor(frameOf(0, frames + 1), last));
    check.presumes(moved !== 'lost', 'each frame comes back');
    check.equal(moved, pairs.count, `the receive queue of a flow that moved to transmitq${pairs.count}`);
  },
});
