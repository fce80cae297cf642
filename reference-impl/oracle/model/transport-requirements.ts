import type { RequirementSlug } from '../../catalogue/catalogue.ts';
import type { Transport } from '../../catalogue/transport.ts';
import type { RingLayout } from '../../virtqueue/ring.ts';

/** What the text of a transport says of things that all transports have; undefined where it leaves them open. */
export interface TransportRequirements {
  /** A ring that runs is served. */
  readonly serves: RequirementSlug | undefined;
  /** A lawful operation is carried out. */
  readonly carriesOut: RequirementSlug | undefined;
  /** A connection is not closed behind what is lawful. */
  readonly staysOpen: RequirementSlug | undefined;
  /** A ring calls for what is used on it alone. */
  readonly noOtherCalls: RequirementSlug | undefined;
  /** A ring whose descriptor was taken away does not call there. */
  readonly silenced: RequirementSlug | undefined;
  /** The position behind a stop. */
  readonly position: Readonly<Record<RingLayout, RequirementSlug | undefined>>;
}

const ofVhostUser: TransportRequirements = {
  serves: 'vu-ring-state/enabled-ring-handles-every-request',
  carriesOut: 'vu-reply-ack/success-is-zero',
  staysOpen: 'vu-close/connection-closed-only-for-grave-errors',
  noOtherCalls: undefined,
  silenced: undefined,
  position: {
    split: 'vu-vring/base-is-next-available-index',
    packed: 'vu-vring/packed-base-read-has-indices-and-wrap-counters',
  },
};

/** That a base counts behind a stop is our choice of several readings. A region does not close. */
const ofVhostMdev: TransportRequirements = {
  serves: 'vm-state/start-serves-rings',
  carriesOut: 'vm-channel/message-is-taken-whole',
  staysOpen: undefined,
  noOtherCalls: 'vm-irq/no-other-vector-signals',
  silenced: 'vm-irq/minus-one-drops-descriptor',
  position: { split: 'vm-rings/base-counts-after-stop', packed: undefined },
};

const nothing: TransportRequirements = {
  serves: undefined,
  carriesOut: undefined,
  staysOpen: undefined,
  noOtherCalls: undefined,
  silenced: undefined,
  position: { split: undefined, packed: undefined },
};

export function requirementsOfTransport(transport: Transport): TransportRequirements {
  switch (transport) {
    case 'vhost-user':
      return ofVhostUser;
    case 'vhost-mdev':
      return ofVhostMdev;
    case 'vhost-kernel':
    case 'vhost-vdpa':
    case 'virtio-pci':
      return nothing;
  }
}
