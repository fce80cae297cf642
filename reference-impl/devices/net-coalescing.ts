import {
  type NetQueueRole,
  VIRTIO_NET_CTRL_NOTF_COAL_RX_SET,
  VIRTIO_NET_CTRL_NOTF_COAL_TX_SET,
  VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET,
  VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET,
} from './net-layout.ts';

/** Parameters of notification coalescing (virtio 5.1.9.5.10). What they ask for is best effort: here a call is never held back. */

/** struct virtio_net_ctrl_coal. */
export interface CoalescingParameters {
  readonly maxPackets: number;
  readonly maxUsecs: number;
}

export type Direction = Extract<NetQueueRole, 'receive' | 'transmit'>;

/** The queues of a device, for the commands. */
export interface CoalescedQueues {
  readonly count: number;
  readonly roleOf: (queue: number) => NetQueueRole;
  readonly isEnabled: (queue: number) => boolean;
}

/** What a device does with them by choice; a fault replaces one entry. */
export interface CoalescingRules {
  /** Whether a command for one queue with this reserved field is taken. */
  readonly acceptsReserved: (reserved: number) => boolean;
  /** What is kept of parameters that were acknowledged, and for whom they are. */
  readonly kept: (asked: CoalescingParameters, by: 'queue' | 'direction') => CoalescingParameters;
  /** Whether a command for one queue may name a queue; those that are none have no direction. */
  readonly isCoalesced: (direction: Direction | undefined, isEnabled: boolean) => boolean;
  /** The parameters of a queue that is disabled, which it has once it is enabled again. */
  readonly whenDisabled: (
    direction: Direction,
    own: CoalescingParameters,
    ofDirection: CoalescingParameters,
  ) => CoalescingParameters;
  /** Whether they are 0 behind a reset. */
  readonly clearsAtReset: () => boolean;
  /** Whether a packet on a queue with these parameters has a call signalled that the driver suppressed. */
  readonly callsAnyway: (parameters: CoalescingParameters) => boolean;
}

export const coalescingRules: CoalescingRules = {
  acceptsReserved: () => true,
  kept: (asked) => asked,
  isCoalesced: (direction, isEnabled) => direction !== undefined && isEnabled,
  whenDisabled: (_, __, ofDirection) => ofDirection,
  clearsAtReset: () => true,
  callsAnyway: () => false,
};

/** Bytes of struct virtio_net_ctrl_coal, and those ahead of it for one queue. */
const PARAMETERS = 8;
const OF_QUEUE = 4;

const decoded = (data: DataView, at: number): CoalescingParameters => ({
  maxPackets: data.getUint32(at, true),
  maxUsecs: data.getUint32(at + 4, true),
});

function encoded({ maxPackets, maxUsecs }: CoalescingParameters): Uint8Array {
  const view = new DataView(new ArrayBuffer(PARAMETERS));
  view.setUint32(0, maxPackets, true);
  view.setUint32(4, maxUsecs, true);
  return new Uint8Array(view.buffer);
}

const none: CoalescingParameters = { maxPackets: 0, maxUsecs: 0 };

export class Coalescing {
  readonly #rules: CoalescingRules;
  readonly #ofDirection = new Map<Direction, CoalescingParameters>();
  readonly #ofQueue = new Map<number, CoalescingParameters>();

  constructor(rules: CoalescingRules) {
    this.#rules = rules;
  }

  reset(): void {
    if (!this.#rules.clearsAtReset()) return;
    this.#ofDirection.clear();
    this.#ofQueue.clear();
  }

  /** Carries out a command: whether it was, or what is written for it. */
  command(command: number, data: DataView, queues: CoalescedQueues): boolean | Uint8Array {
    switch (command) {
      case VIRTIO_NET_CTRL_NOTF_COAL_TX_SET:
        return this.#setAll('transmit', data, queues);
      case VIRTIO_NET_CTRL_NOTF_COAL_RX_SET:
        return this.#setAll('receive', data, queues);
      case VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET:
      case VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET:
        return this.#ofOne(command === VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, data, queues);
      default:
        return false;
    }
  }

  #setAll(direction: Direction, data: DataView, { count, roleOf }: CoalescedQueues): boolean {
    if (data.byteLength < PARAMETERS) return false;
    const kept = this.#rules.kept(decoded(data, 0), 'direction');
    this.#ofDirection.set(direction, kept);
    for (let queue = 0; queue < count; queue++) if (roleOf(queue) === direction) this.#ofQueue.set(queue, kept);
    return true;
  }

  #ofOne(isSet: boolean, data: DataView, { roleOf, isEnabled }: CoalescedQueues): boolean | Uint8Array {
    if (data.byteLength < (isSet ? OF_QUEUE + PARAMETERS : OF_QUEUE)) return false;
    const queue = data.getUint16(0, true);
    const role = roleOf(queue);
    const direction = role === 'receive' || role === 'transmit' ? role : undefined;
    if (!this.#rules.isCoalesced(direction, isEnabled(queue))) return false;
    if (!this.#rules.acceptsReserved(data.getUint16(2, true))) return false;
    if (!isSet) return encoded(this.of(queue));
    this.#ofQueue.set(queue, this.#rules.kept(decoded(data, OF_QUEUE), 'queue'));
    return true;
  }

  of(queue: number): CoalescingParameters {
    return this.#ofQueue.get(queue) ?? none;
  }

  /** A queue was disabled. */
  disabled(queue: number, direction: Direction): void {
    const ofDirection = this.#ofDirection.get(direction) ?? none;
    this.#ofQueue.set(queue, this.#rules.whenDisabled(direction, this.of(queue), ofDirection));
  }
}
