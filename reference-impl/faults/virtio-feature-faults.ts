import { VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC, VIRTIO_F_VERSION_1 } from '../virtqueue/feature-bits.ts';
import { type Fault, fault, handling, inRing, inTable, onMessage } from './fault.ts';

/** Changes the word of GET_FEATURES. */
const offering = (change: (right: bigint) => bigint): ReturnType<typeof inTable> =>
  inTable('features', (table) => ({ offered: (features) => change(table.offered(features)) }));

const both = VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX;

/** Feature bits of virtio, offered and accepted. */
export const virtioFeatureFaults = {
  'version-1-not-offered': fault(
    'reserved/version-1-offered',
    'VERSION_1 is not offered',
    offering((right) => right & ~VIRTIO_F_VERSION_1),
  ),
  'sr-iov-offered': fault(
    'reserved/sr-iov-not-offered-otherwise',
    'SR_IOV is offered off PCI',
    offering((right) => right | (1n << 37n)),
  ),
  'undefined-feature-offered': fault(
    'features/no-undefined-bits-offered',
    'bit 49 is offered, which means nothing to any device',
    offering((right) => right | (1n << 49n)),
  ),
  'feature-offered-without-prerequisite': fault(
    'features/offered-set-has-prerequisites',
    'HOST_ECN is offered without HOST_TSO4 and HOST_TSO6',
    offering((right) => right | (1n << 13n)),
  ),
  'indirect-without-event-idx-refused': fault(
    'features/valid-subset-accepted',
    'the connection is closed where INDIRECT_DESC was accepted and EVENT_IDX was not',
    handling('VHOST_USER_SET_FEATURES', (right, _session, { u64 }: { readonly u64: bigint }) =>
      (u64 & both) === VIRTIO_F_INDIRECT_DESC ? { kind: 'close-connection', why: 'half of a pair' } : right(),
    ),
  ),
  'accepted-set-refused-next-time': fault(
    'features/accepted-set-accepted-again',
    'a set with both INDIRECT_DESC and EVENT_IDX is accepted once',
    onMessage('VHOST_USER_SET_FEATURES', (entry) => {
      let times = 0;
      return {
        handle: (session, value, context) => {
          const { u64 } = value as { readonly u64: bigint };
          if ((u64 & both) === both && times++ > 0) return { kind: 'close-connection', why: 'accepted before' };
          return entry.handle(session, value, context);
        },
      };
    }),
  ),
  'chains-used-in-reverse': fault(
    'reserved/in-order-use',
    'chains that come together are used from the last to the first',
    inRing({ completions: (held, pending) => (pending > 0 ? [] : held.toReversed()) }),
  ),
} as const satisfies Record<string, Fault>;
