import { steeringRules as right } from '../../devices/net-steering.ts';
import type { DeviceFault } from '../fault.ts';
import { deviceFault, inNet, noPair } from './device-fault.ts';

/** Receive queues of frames where a command asks for pairs. */
export const steeringFaults = {
  'net-all-pairs-before-command': deviceFault(
    'net/first-receive-queue-only-after-reset',
    'without a command frames come on the receive queues of all pairs in turn, where a command came before the last reset',
    (rules) => {
      let wasTold = false;
      return inNet({
        pairsFor: (asked) => {
          wasTold = true;
          return right.pairsFor(asked);
        },
        pairAtFirst: (most, frames) => (wasTold ? frames % most : right.pairAtFirst(most, frames)),
      })(rules);
    },
  ),
  'net-queue-beyond-pair-count-used': deviceFault(
    'net/queues-beyond-pair-count-unused',
    'where not all pairs are in use, each third frame comes on the receive queue of the last one',
    inNet({
      pairOf: (known, pairs, most, frames) =>
        pairs < most && frames % 3 === 2 ? most - 1 : right.pairOf(known, pairs, most, frames),
    }),
  ),
  'net-lower-pair-count-ignored': deviceFault(
    'net/queues-beyond-pair-count-unused',
    'a flow stays on its receive queue when fewer pairs are in use',
    inNet({
      learned: (sent, known) => (known !== undefined && known > sent ? known : sent),
      pairOf: (known) => known,
    }),
  ),
  'net-frames-spread-over-receive-queues': deviceFault(
    'net/steering-follows-flow',
    'frames come on the receive queues in use in turn, whatever their flow',
    inNet({ pairOf: (_known, pairs, _most, frames) => (frames + (frames >> 2)) % pairs }),
  ),
  'net-frames-of-several-pairs-lost': deviceFault(
    'net/steering-follows-flow',
    'nothing is received while several pairs are in use',
    inNet({
      pairOf: (known, pairs, most, frames) => (pairs > 1 ? noPair : right.pairOf(known, pairs, most, frames)),
      avoidsReset: () => false,
    }),
  ),
  'net-flows-come-on-first-queue': deviceFault(
    'net/flow-returns-on-matching-queue',
    'frames of all flows come on the first receive queue',
    inNet({ pairOf: () => 0 }),
  ),
  'net-flow-stays-where-it-began': deviceFault(
    'net/flow-returns-on-matching-queue',
    'a flow stays on the receive queue of the pair on which it was sent first',
    inNet({ learned: (sent, known) => known ?? sent }),
  ),
  'net-frames-for-queue-in-reset-lost': deviceFault(
    'net/reset-queue-packets-steered-elsewhere',
    'frames for a receive queue that is being reset are dropped, with other receive queues in use',
    inNet({ avoidsReset: () => false }),
  ),
} as const satisfies Record<string, DeviceFault>;
