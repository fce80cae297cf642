import type { RequirementSlug } from '../../catalogue/catalogue.ts';
import type { Transport } from '../../catalogue/transport.ts';
import type { RingLayout } from '../../virtqueue/ring.ts';

/** What keeps a ring that runs from using anything. */
export type RestReason =
  | 'disabled'
  | 'suspended'
  | 'unmapped'
  /** It has no kick descriptor yet. */
  | 'unstarted'
  /** The device, which has nothing to do, was not told of its chain. */
  | 'untold';

/** What the text of a transport says of things that all transports have; undefined where it leaves them open. */
export interface TransportRequirements {
  /** A ring that runs is served. */
  readonly serves: RequirementSlug | undefined;
  /** A transmit ring that is disabled uses what it discards. */
  readonly discards: RequirementSlug | undefined;
  /** A lawful operation is carried out. */
  readonly carriesOut: RequirementSlug | undefined;
  /** A connection is not closed behind what is lawful. */
  readonly staysOpen: RequirementSlug | undefined;
  /** A ring calls for what is used on it alone. */
  readonly noOtherCalls: RequirementSlug | undefined;
  /** A ring whose descriptor was taken away does not call there. */
  readonly silenced: RequirementSlug | undefined;
  /** A ring that is disabled uses nothing, and one of a device that is suspended, or whose memory was taken away. */
  readonly rests: Readonly<Record<RestReason, RequirementSlug | undefined>>;
  /** A device that is suspended writes nothing to its rings. */
  readonly writesNothing: RequirementSlug | undefined;
  /** A ring that stopped is not looked at. */
  readonly stopped: RequirementSlug | undefined;
  /** The position behind a stop. */
  readonly position: Readonly<Record<RingLayout, RequirementSlug | undefined>>;
}

const ofVhostUser: TransportRequirements = {
  serves: 'vu-ring-state/enabled-ring-handles-every-request',
  discards: 'vu-ring-state/disabled-transmit-ring-discards-packets',
  carriesOut: 'vu-reply-ack/success-is-zero',
  staysOpen: 'vu-close/connection-closed-only-for-grave-errors',
  noOtherCalls: undefined,
  silenced: undefined,
  rests: {
    disabled: 'vu-ring-state/disabled-ring-has-no-side-effects',
    suspended: undefined,
    unmapped: undefined,
    unstarted: 'vu-ring-state/rings-start-stopped-and-disabled',
    untold: undefined,
  },
  writesNothing: undefined,
  stopped: 'vu-ring-state/stopped-ring-not-processed',
  position: {
    split: 'vu-vring/base-is-next-available-index',
    packed: 'vu-vring/packed-base-read-has-indices-and-wrap-counters',
  },
};

/** That a base counts behind a stop is our choice of several readings. A region does not close. */
const ofVhostMdev: TransportRequirements = {
  serves: 'vm-state/start-serves-rings',
  discards: undefined,
  carriesOut: 'vm-channel/message-is-taken-whole',
  staysOpen: undefined,
  noOtherCalls: 'vm-irq/no-other-vector-signals',
  silenced: 'vm-irq/minus-one-drops-descriptor',
  rests: {
    disabled: undefined,
    suspended: 'vm-state/stop-ends-service',
    unmapped: 'vm-memory/l2-unmapped-ring-not-touched',
    unstarted: undefined,
    untold: 'vm-notify/other-ring-is-not-served',
  },
  writesNothing: 'vm-state/stop-ends-writes',
  stopped: 'vm-notify/stopped-device-serves-nothing',
  position: { split: 'vm-rings/base-counts-after-stop', packed: undefined },
};

/** What its calls come to is judged by themselves. A parent driver need not tell a position. */
const ofVhostVdpa: TransportRequirements = {
  serves: 'vk-vring/ring-enabled-after-driver-ok-is-served',
  discards: undefined,
  carriesOut: undefined,
  staysOpen: undefined,
  noOtherCalls: undefined,
  silenced: undefined,
  rests: {
    disabled: 'vk-vring/ring-that-is-not-enabled-is-not-served',
    suspended: 'vk-suspend/suspended-rings-stand-still',
    unmapped: 'vk-iotlb/unmapped-memory-is-not-reached',
    unstarted: undefined,
    untold: undefined,
  },
  writesNothing: undefined,
  stopped: undefined,
  position: { split: undefined, packed: undefined },
};

/** What accesses come to is judged by themselves. A queue that is reset tells no position. */
const ofVirtioPci: Omit<TransportRequirements, 'rests'> = {
  serves: 'pci/notification-serves-its-queue',
  discards: undefined,
  carriesOut: undefined,
  staysOpen: undefined,
  noOtherCalls: undefined,
  silenced: undefined,
  writesNothing: undefined,
  stopped: undefined,
  position: { split: undefined, packed: undefined },
};

const nothing: TransportRequirements = {
  serves: undefined,
  discards: undefined,
  carriesOut: undefined,
  staysOpen: undefined,
  noOtherCalls: undefined,
  silenced: undefined,
  rests: { disabled: undefined, suspended: undefined, unmapped: undefined, unstarted: undefined, untold: undefined },
  writesNothing: undefined,
  stopped: undefined,
  position: { split: undefined, packed: undefined },
};

export function requirementsOfTransport(transport: Transport): TransportRequirements {
  switch (transport) {
    case 'vhost-user':
      return ofVhostUser;
    case 'vhost-mdev':
      return ofVhostMdev;
    case 'vhost-vdpa':
      return ofVhostVdpa;
    case 'virtio-pci':
      return { ...ofVirtioPci, rests: nothing.rests };
    case 'vhost-kernel':
      return nothing;
  }
}
