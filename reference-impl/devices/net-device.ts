import { gather, writePieces } from '../memory/pieces.ts';
import type { Chain } from '../virtqueue/chain.ts';
import type { DeviceRing } from '../virtqueue/device-ring.ts';
import { encodeStructure } from '../wire/structure.ts';
import {
  CONTROL_HEADER_SIZE,
  headerInOrder,
  isTransmitQueue,
  MAC_SIZE,
  netConfig,
  netConfigLayout,
  VIRTIO_ID_NET,
  VIRTIO_NET_F_CSUM,
  VIRTIO_NET_F_CTRL_MAC_ADDR,
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_MAC,
  VIRTIO_NET_F_MQ,
  VIRTIO_NET_F_MRG_RXBUF,
  VIRTIO_NET_F_MTU,
  VIRTIO_NET_F_SPEED_DUPLEX,
  VIRTIO_NET_F_STATUS,
  VIRTIO_NET_OK,
  VIRTIO_NET_S_LINK_UP,
} from './net-layout.ts';
import { type NetRules, netRules } from './net-rules.ts';
import type { StepOutcome } from './parent-driver.ts';
import { type Queue, QueuedDevice, type TransportRules, transportRules } from './queued-device.ts';
import type { RegisteredDevice } from './registered-device.ts';

export interface NetOptions {
  readonly pairs?: number;
  /** Six bytes; a locally administered address unless told. */
  readonly mac?: Uint8Array;
  readonly mtu?: number;
  /** Behind the pairs a queue for commands. Of one pair alone: its number does not depend on MQ then. */
  readonly hasControlQueue?: boolean;
  readonly rules?: NetRules;
  readonly transport?: TransportRules;
}

const FEATURES =
  VIRTIO_NET_F_CSUM |
  VIRTIO_NET_F_MTU |
  VIRTIO_NET_F_MAC |
  VIRTIO_NET_F_MRG_RXBUF |
  VIRTIO_NET_F_STATUS |
  VIRTIO_NET_F_MQ |
  VIRTIO_NET_F_SPEED_DUPLEX;

/** Unless told; the address is a locally administered one. */
export const referenceMac: Uint8Array = Uint8Array.of(2, 0, 0, 0x76, 0x68, 0x63);
export const referenceMtu = 1500;

const CONTROL_FEATURES = VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_MAC_ADDR;

const SPEED_UNKNOWN = 0xffff_ffff;
const DUPLEX_UNKNOWN = 0xff;

interface PacketPart {
  readonly chain: Chain;
  readonly part: Uint8Array;
}

/** A network device (virtio 5.1) whose every frame comes back on the receive queue of its pair. */
export class NetDevice extends QueuedDevice {
  readonly deviceId = VIRTIO_ID_NET;
  readonly #rules: NetRules;
  /** By receive queue. */
  readonly #waiting: Uint8Array[][];
  readonly #controlQueue: number | undefined;

  constructor(options: NetOptions = {}) {
    const { pairs = 1, mac = referenceMac, mtu = referenceMtu } = options;
    const { rules = netRules, transport = transportRules, hasControlQueue = false } = options;
    super(
      2 * pairs + (hasControlQueue ? 1 : 0),
      rules.offered(hasControlQueue ? FEATURES | CONTROL_FEATURES : FEATURES),
      transport,
      {
        asMade: encodeStructure(netConfigLayout, {
          mac,
          status: VIRTIO_NET_S_LINK_UP,
          maxVirtqueuePairs: pairs,
          mtu,
          speed: SPEED_UNKNOWN,
          duplex: DUPLEX_UNKNOWN,
        }),
        shown: rules.config,
      },
    );
    this.#controlQueue = hasControlQueue ? this.queueCount - 1 : undefined;
    this.#rules = rules;
    this.#waiting = this.queues.map(() => []);
  }

  /** A frame comes from outside, for the first receive queue. */
  deliver(frame: Uint8Array): void {
    this.#waiting[0]?.push(frame);
  }

  /** A station with this MAC has moved behind the device: the network is told. */
  announce(mac: Uint8Array): void {
    for (const frame of this.#rules.announcement(mac)) {
      for (const one of this.#rules.reflect(frame)) this.deliver(one);
    }
  }

  override reset(): void {
    super.reset();
    for (const frames of this.#waiting) frames.length = 0;
  }

  protected work(queue: Queue): StepOutcome {
    if (queue.index === this.#controlQueue) return this.#control(queue);
    return isTransmitQueue(queue.index) ? this.#transmit(queue) : this.#receive(queue);
  }

  /**
   * Carries out a command. A driver may send two: one sets the address, the other asks for pairs of queues, of which
   * there is one anyway.
   */
  #control(queue: Queue): StepOutcome {
    const ring = this.ringToProcess(queue, queue.isAwake);
    if (ring === undefined) return 'idle';
    const chain = this.take(queue, ring);
    if (chain === undefined) return 'idle';
    const [group = 0] = gather(chain.readable);
    if (this.#rules.setsAddress(group))
      this.config.set(gather(chain.readable, CONTROL_HEADER_SIZE, MAC_SIZE), netConfig.mac);
    const written = writePieces(chain.writable, 0, Uint8Array.of(VIRTIO_NET_OK));
    this.complete(queue, ring, chain, written);
    return 'progressed';
  }

  #transmit(queue: Queue): StepOutcome {
    const ring = this.ringToProcess(queue, queue.isAwake, true);
    if (ring === undefined) return 'idle';
    const target = this.#waiting[this.#rules.receiveQueue(queue.index)];
    const chain = this.take(queue, ring);
    if (chain === undefined) return 'idle';
    const headerSize = this.#rules.headerSize(this.features);
    const sends = queue.isEnabled || this.#rules.sendsWhileDisabled();
    if (sends) {
      const whole = gather(chain.readable);
      const header = headerInOrder(whole.subarray(0, headerSize), queue.isBigEndian);
      const frame = this.#rules.sent(header, whole.subarray(headerSize), this.features);
      target?.push(...this.#rules.reflect(frame));
    }
    this.complete(queue, ring, chain, this.#rules.transmitted(chain.readableLength));
    return 'progressed';
  }

  #receive(queue: Queue): StepOutcome {
    const frames = this.#waiting[queue.index] ?? [];
    const [frame] = frames;
    if (frame === undefined) return 'idle';
    const receives = queue.isEnabled || this.#rules.receivesWhileDisabled();
    if (!receives) {
      // A disabled ring must receive nothing, and what was sent meanwhile must not come once it is enabled.
      frames.length = 0;
      return 'progressed';
    }
    const ring = this.ringToProcess(queue, queue.wasKicked, this.#rules.receivesWhileDisabled());
    const outcome = ring === undefined ? 'no-buffers' : this.#deliver(queue, ring, frame);
    if (outcome === 'no-buffers') return 'idle';
    frames.shift();
    return 'progressed';
  }

  #deliver(queue: Queue, ring: DeviceRing, frame: Uint8Array): 'delivered' | 'too-large' | 'no-buffers' {
    const size = this.#rules.headerSize(this.features);
    const needed = size + frame.length;
    const rewind = ring.mark();
    const chains: Chain[] = [];
    let room = 0;
    const putBack = (outcome: 'too-large' | 'no-buffers'): typeof outcome => {
      rewind();
      return outcome;
    };
    while (room < needed) {
      const chain = this.takeForNow(queue, ring);
      if (chain === undefined) {
        return putBack(this.#rules.isTooLarge(chains.length, ring.size) ? 'too-large' : 'no-buffers');
      }
      chains.push(chain);
      room += this.#rules.usableLength(chain.writableLength);
      if (room < needed && !this.#rules.mergesBuffers(this.features)) return putBack('too-large');
    }
    const header = headerInOrder(this.#rules.receiveHeader(chains.length, size, queue.index), queue.isBigEndian);
    const packet = this.#rules.packet(header, frame);
    this.keep(queue, ...chains);
    const parts = this.#partsOf(packet, chains);
    this.#rules.inOrder(
      packet,
      () => {
        for (const { chain, part } of parts) writePieces(chain.writable, 0, part);
      },
      () => this.#tell(queue, ring, parts),
    );
    return 'delivered';
  }

  /** What of a packet goes into each of its chains. */
  #partsOf(packet: Uint8Array, chains: readonly Chain[]): PacketPart[] {
    let done = 0;
    return chains.map((chain) => {
      const part = packet.subarray(done, done + this.#rules.usableLength(chain.writableLength));
      done += part.length;
      return { chain, part };
    });
  }

  /** All buffers of a packet become used together (virtio 5.1.9.4.1). */
  #tell(queue: Queue, ring: DeviceRing, parts: readonly PacketPart[]): void {
    ring.beginTogether();
    for (const { chain, part } of parts) this.complete(queue, ring, chain, this.#rules.received(part.length));
    ring.endTogether();
    this.callFor(queue, ring);
  }
}

export const netReference: RegisteredDevice<NetRules> = {
  rules: netRules,
  queues: 2,
  make: ({ queues, ...making }) => new NetDevice({ ...making, pairs: queues }),
};
