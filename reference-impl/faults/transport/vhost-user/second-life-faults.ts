import { isFailure } from '../../../memory/memory-map.ts';
import { gather, writePieces } from '../../../memory/pieces.ts';
import { done } from '../../../vhost-user/handled.ts';
import type { SessionState } from '../../../vhost-user/session-state.ts';
import type { Vring } from '../../../vhost-user/vring.ts';
import { USED_IDX_OFFSET } from '../../../virtqueue/split/layout.ts';
import type { VhostUserFault } from '../../fault.ts';
import { type Change, handling, vhostUserFault } from './vhost-user-fault.ts';

/** The message is taken and has no effect on a ring that ran before. */
const countsOnceOnly = (
  name: 'VHOST_USER_SET_VRING_NUM' | 'VHOST_USER_SET_VRING_BASE' | 'VHOST_USER_SET_VRING_ADDR',
): Change =>
  handling<{ readonly index: number }>(name, (right, session, { index }) =>
    (session.ring(index)?.starts ?? 0) > 0 ? done : right(),
  );

const usedIdxOf = (session: SessionState, { addresses }: Vring) =>
  addresses === undefined
    ? ('outside-every-region' as const)
    : session.memory.map.translate(session.rules.vring.ringSpace, addresses.used + BigInt(USED_IDX_OFFSET), 2, 'write');

/** By ring: the used idx when its addresses were told. */
const usedIdxAtAddresses = new WeakMap<Vring, Uint8Array>();

/** Rings that keep something of an earlier life, or of the time before they start. */
export const secondLifeFaults = {
  'ring-size-of-first-life-kept': vhostUserFault(
    'vu-vring/told-anew-counts-at-next-start',
    'SET_VRING_NUM has no effect on a ring that ran before',
    countsOnceOnly('VHOST_USER_SET_VRING_NUM'),
  ),
  'ring-base-of-first-life-kept': vhostUserFault(
    'vu-vring/told-anew-counts-at-next-start',
    'SET_VRING_BASE has no effect on a ring that ran before',
    countsOnceOnly('VHOST_USER_SET_VRING_BASE'),
  ),
  'ring-addresses-of-first-life-kept': vhostUserFault(
    'vu-vring/told-anew-counts-at-next-start',
    'SET_VRING_ADDR has no effect on a ring that ran before',
    countsOnceOnly('VHOST_USER_SET_VRING_ADDR'),
  ),
  'used-idx-read-with-addresses': vhostUserFault(
    'vu-vring/used-index-read-when-ring-starts',
    'the used idx of a ring is the one that memory held when its addresses were told',
    handling<{ readonly index: number }>('VHOST_USER_SET_VRING_ADDR', (right, session, { index }) => {
      const handled = right();
      const vring = session.ring(index);
      if (vring === undefined || vring.isAttached) return handled;
      const found = usedIdxOf(session, vring);
      if (!isFailure(found)) usedIdxAtAddresses.set(vring, gather(found));
      return handled;
    }),
    handling<{ readonly u64: bigint }>('VHOST_USER_SET_VRING_KICK', (right, session, { u64 }) => {
      const vring = session.ring(session.rules.vring.indexOf(u64));
      const bytes = vring === undefined || vring.isAttached ? undefined : usedIdxAtAddresses.get(vring);
      if (vring !== undefined && bytes !== undefined) {
        usedIdxAtAddresses.delete(vring);
        const found = usedIdxOf(session, vring);
        if (!isFailure(found)) writePieces(found, 0, bytes);
      }
      return right();
    }),
  ),
} as const satisfies Record<string, VhostUserFault>;
