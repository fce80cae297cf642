import { isFailure } from '../../../memory/memory-map.ts';
import { gather, writePieces } from '../../../memory/pieces.ts';
import type { SessionState } from '../../../vhost-user/session-state.ts';
import type { Vring } from '../../../vhost-user/vring.ts';
import { ringLayoutOf, VIRTIO_F_EVENT_IDX } from '../../../virtqueue/feature-bits.ts';
import { RING_EVENT_FLAGS_DISABLE } from '../../../virtqueue/packed/layout.ts';
import { availEventOffset, VIRTQ_USED_F_NO_NOTIFY } from '../../../virtqueue/split/layout.ts';
import type { FrontEndMessageName } from '../../../wire/vhost-user-messages.ts';
import type { VhostUserFault } from '../../fault.ts';
import { type Change, handling, inTable, vhostUserFault } from './vhost-user-fault.ts';

const flags = 'notify/kicks-asked-for-by-flags-suffice';
const events = 'notify/kicks-asked-for-by-events-suffice';

/** Sessions of which a fault is: with EVENT_IDX, or without. */
type Suppression = 'flags' | 'events';

const AVAIL_IDX_OFFSET = 2n;
const PACKED_EVENT_FLAGS_OFFSET = 2n;

const le16 = (value: number): Uint8Array => Uint8Array.of(value & 0xff, (value >> 8) & 0xff);

/** Turns kicks off in the memory of a ring that sleeps. */
function suppress(session: SessionState, { addresses, size }: Vring, suppression: Suppression): void {
  if (addresses === undefined) return;
  const pieces = (address: bigint, access: 'read' | 'write') =>
    session.memory.map.translate(session.rules.vring.ringSpace, address, 2, access);
  const store = (address: bigint, value: number): void => {
    const found = pieces(address, 'write');
    if (!isFailure(found)) writePieces(found, 0, le16(value));
  };
  if (ringLayoutOf(session.device.features) === 'packed') {
    store(addresses.used + PACKED_EVENT_FLAGS_OFFSET, RING_EVENT_FLAGS_DISABLE);
  } else if (suppression === 'flags') {
    store(addresses.used, VIRTQ_USED_F_NO_NOTIFY);
  } else {
    const found = pieces(addresses.avail + AVAIL_IDX_OFFSET, 'read');
    const [low = 0, high = 0] = isFailure(found) ? [] : gather(found);
    store(addresses.used + BigInt(availEventOffset(size)), (low | (high << 8)) - 1);
  }
}

/** Behind the message each ring that runs has its kicks turned off, and is not looked at. */
function losesKicks(name: FrontEndMessageName, suppression: Suppression): readonly Change[] {
  return [
    inTable('vring', (right) => ({ servesAtStart: (starts) => starts === 1 && right.servesAtStart(starts) })),
    handling(name, (right, session) => {
      const handled = right();
      const hasEvents = (session.device.features & VIRTIO_F_EVENT_IDX) !== 0n;
      if (hasEvents !== (suppression === 'events')) return handled;
      for (const vring of session.rings.vrings) {
        if (vring.isAttached) suppress(session, vring, suppression);
      }
      return handled;
    }),
  ];
}

/** Kicks that a device stops to ask for behind a message. */
export const kickChangeFaults = {
  'kicks-suppressed-behind-memory-table': vhostUserFault(
    flags,
    'without EVENT_IDX a ring that runs asks for no kick any more behind a memory table',
    ...losesKicks('VHOST_USER_SET_MEM_TABLE', 'flags'),
  ),
  'kick-event-left-behind-memory-table': vhostUserFault(
    events,
    'with EVENT_IDX the event of a ring that runs stays behind at a memory table',
    ...losesKicks('VHOST_USER_SET_MEM_TABLE', 'events'),
  ),
  'kicks-suppressed-behind-added-region': vhostUserFault(
    flags,
    'without EVENT_IDX a ring that runs asks for no kick any more behind ADD_MEM_REG',
    ...losesKicks('VHOST_USER_ADD_MEM_REG', 'flags'),
  ),
  'kick-event-left-behind-added-region': vhostUserFault(
    events,
    'with EVENT_IDX the event of a ring that runs stays behind at ADD_MEM_REG',
    ...losesKicks('VHOST_USER_ADD_MEM_REG', 'events'),
  ),
  'kicks-suppressed-behind-removed-region': vhostUserFault(
    flags,
    'without EVENT_IDX a ring that runs asks for no kick any more behind REM_MEM_REG',
    ...losesKicks('VHOST_USER_REM_MEM_REG', 'flags'),
  ),
  'kick-event-left-behind-removed-region': vhostUserFault(
    events,
    'with EVENT_IDX the event of a ring that runs stays behind at REM_MEM_REG',
    ...losesKicks('VHOST_USER_REM_MEM_REG', 'events'),
  ),
  'kicks-suppressed-behind-enable': vhostUserFault(
    flags,
    'without EVENT_IDX a ring that runs asks for no kick any more behind SET_VRING_ENABLE',
    ...losesKicks('VHOST_USER_SET_VRING_ENABLE', 'flags'),
  ),
  'kick-event-left-behind-enable': vhostUserFault(
    events,
    'with EVENT_IDX the event of a ring that runs stays behind at SET_VRING_ENABLE',
    ...losesKicks('VHOST_USER_SET_VRING_ENABLE', 'events'),
  ),
  'kicks-suppressed-behind-features': vhostUserFault(
    flags,
    'without EVENT_IDX a ring that runs asks for no kick any more behind SET_FEATURES',
    ...losesKicks('VHOST_USER_SET_FEATURES', 'flags'),
  ),
} as const satisfies Record<string, VhostUserFault>;
