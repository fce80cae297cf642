import { slicePieces } from '../../memory/pieces.ts';
import type { DeviceFault } from '../fault.ts';
import { deviceFault, inQueue } from './device-fault.ts';

const logLayer = 'vu-log/buffer-writes-marked';

/** Which writes a dirty log is told of. */
export const loggedWriteFaults = {
  'log-leaves-indirect-tables-out': deviceFault(
    logLayer,
    'buffers in indirect tables are not marked',
    inQueue({ logged: (pieces, { isIndirect }) => (isIndirect ? [] : pieces) }),
  ),
  'log-leaves-second-chain-out': deviceFault(
    logLayer,
    'of chains that are carried out one behind the other each second one is not marked',
    (rules) => {
      let count = 0;
      return inQueue({ logged: (pieces) => (count++ % 2 === 0 ? pieces : []) })(rules);
    },
  ),
  'log-marks-first-chain-of-packet': deviceFault(
    logLayer,
    'a receive buffer that is not the first of its packet is not marked',
    (rules) => {
      let room = 0;
      return inQueue({
        logged: (pieces, { writableLength }, queue) => {
          if (queue % 2 === 1 || writableLength > 300) return pieces;
          room += 1;
          return room % 6 === 1 ? pieces : [];
        },
      })(rules);
    },
  ),
  'log-leaves-last-byte-out': deviceFault(
    logLayer,
    'the last byte of a chain, its status, is not marked',
    inQueue({
      logged: (pieces) => {
        const total = pieces.reduce((sum, { length }) => sum + length, 0);
        return total > 1 ? slicePieces(pieces, 0, total - 1) : [];
      },
    }),
  ),
  'log-leaves-second-region-out': deviceFault(
    logLayer,
    'of a buffer that lies in two regions only the part in the first is marked',
    inQueue({
      logged: (pieces) =>
        pieces.filter((piece, n) => {
          const before = pieces[n - 1];
          return before === undefined || before.region === piece.region;
        }),
    }),
  ),
  'log-marks-first-descriptor-only': deviceFault(
    logLayer,
    'only the first writable descriptor of a chain is marked',
    inQueue({ logged: (pieces) => pieces.slice(0, 1) }),
  ),
} as const satisfies Record<string, DeviceFault>;
