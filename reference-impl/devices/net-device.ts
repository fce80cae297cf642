import { gather, writePieces } from '../memory/pieces.ts';
import type { Chain } from '../virtqueue/chain.ts';
import type { DeviceRing } from '../virtqueue/device-ring.ts';
import { encodeStructure } from '../wire/structure.ts';
import { type CoalescedQueues, Coalescing } from './net-coalescing.ts';
import { carryOut } from './net-control.ts';
import { FILTER_FEATURES, FilterState, receives } from './net-filter.ts';
import {
  headerInOrder,
  isTransmitQueue,
  MAC_SIZE,
  NET_HEADER_SIZE,
  type NetQueueRole,
  netConfig,
  netConfigLayout,
  netHashConfigLayout,
  RSS_MAX_KEY_SIZE,
  RSS_MAX_TABLE_LENGTH,
  roleOfQueue,
  supportedHashTypes,
  VIRTIO_ID_NET,
  VIRTIO_NET_F_CSUM,
  VIRTIO_NET_F_CTRL_MAC_ADDR,
  VIRTIO_NET_F_CTRL_RX,
  VIRTIO_NET_F_CTRL_RX_EXTRA,
  VIRTIO_NET_F_CTRL_VLAN,
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_GUEST_ANNOUNCE,
  VIRTIO_NET_F_HASH_REPORT,
  VIRTIO_NET_F_MAC,
  VIRTIO_NET_F_MQ,
  VIRTIO_NET_F_MRG_RXBUF,
  VIRTIO_NET_F_MTU,
  VIRTIO_NET_F_NOTF_COAL,
  VIRTIO_NET_F_RSS,
  VIRTIO_NET_F_SPEED_DUPLEX,
  VIRTIO_NET_F_STATUS,
  VIRTIO_NET_F_VQ_NOTF_COAL,
  VIRTIO_NET_S_ANNOUNCE,
  VIRTIO_NET_S_LINK_UP,
} from './net-layout.ts';
import { type NetRules, netRules } from './net-rules.ts';
import { Steering } from './net-steering.ts';
import type { StepOutcome } from './parent-driver.ts';
import { type Queue, QueuedDevice, type TransportRules, transportRules } from './queued-device.ts';
import type { RegisteredDevice } from './registered-device.ts';

export interface NetOptions {
  readonly pairs?: number;
  /** Six bytes; a locally administered address unless told. */
  readonly mac?: Uint8Array;
  readonly mtu?: number;
  /** Behind the pairs a queue for commands. */
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

const CONTROL_FEATURES =
  VIRTIO_NET_F_CTRL_VQ |
  VIRTIO_NET_F_CTRL_RX |
  VIRTIO_NET_F_CTRL_RX_EXTRA |
  VIRTIO_NET_F_CTRL_VLAN |
  VIRTIO_NET_F_GUEST_ANNOUNCE |
  VIRTIO_NET_F_CTRL_MAC_ADDR |
  VIRTIO_NET_F_HASH_REPORT |
  VIRTIO_NET_F_NOTF_COAL |
  VIRTIO_NET_F_VQ_NOTF_COAL;

const SPEED_UNKNOWN = 0xffff_ffff;
const DUPLEX_UNKNOWN = 0xff;

const hashConfig = {
  rssMaxKeySize: RSS_MAX_KEY_SIZE,
  rssMaxTableLength: RSS_MAX_TABLE_LENGTH,
  supportedHashTypes,
};

/** Of one pair alone the receive queue needs no scaling. */
function featuresOf(pairs: number, hasControlQueue: boolean): bigint {
  if (!hasControlQueue) return FEATURES;
  const features = FEATURES | CONTROL_FEATURES;
  return pairs > 1 ? features | VIRTIO_NET_F_RSS : features;
}

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
  readonly #pairs: number;
  /** Where there is a control queue. */
  readonly #steering: Steering | undefined;
  #filter = new FilterState();
  readonly #coalescing: Coalescing;
  readonly #coalesced: CoalescedQueues;

  constructor(options: NetOptions = {}) {
    const { pairs = 1, mac = referenceMac, mtu = referenceMtu } = options;
    const { rules = netRules, transport = transportRules, hasControlQueue = false } = options;
    const config = {
      mac,
      status: VIRTIO_NET_S_LINK_UP,
      maxVirtqueuePairs: pairs,
      mtu,
      speed: SPEED_UNKNOWN,
      duplex: DUPLEX_UNKNOWN,
    };
    super(2 * pairs + (hasControlQueue ? 1 : 0), rules.offered(featuresOf(pairs, hasControlQueue)), transport, {
      asMade: hasControlQueue
        ? encodeStructure(netHashConfigLayout, { ...config, ...hashConfig })
        : encodeStructure(netConfigLayout, config),
      shown: rules.config,
    });
    this.#pairs = pairs;
    this.#rules = rules;
    this.#steering = hasControlQueue ? new Steering(pairs, rules) : undefined;
    this.#coalescing = new Coalescing(rules);
    this.#coalesced = {
      count: this.queueCount,
      roleOf: (index) => this.#roleOf(index),
      isEnabled: (index) => this.queues[index]?.isEnabled === true,
    };
    this.#waiting = this.queues.map(() => []);
  }

  /** A frame comes from outside, for the first receive queue. */
  deliver(frame: Uint8Array): void {
    this.#arrives(0, frame);
  }

  #arrives(receiveQueue: number, frame: Uint8Array): void {
    if (this.#isReceived(frame)) this.#waiting[receiveQueue]?.push(frame);
  }

  #isReceived(frame: Uint8Array): boolean {
    if ((this.features & FILTER_FEATURES) === 0n) return true;
    const ownAddress = this.config.subarray(netConfig.mac, netConfig.mac + MAC_SIZE);
    return receives(this.#rules.filter, frame, { filter: this.#filter, features: this.features, ownAddress });
  }

  /** A station with this MAC has moved behind the device: the network is told. */
  announce(mac: Uint8Array): void {
    for (const frame of this.#rules.announcement(mac)) {
      for (const one of this.#rules.reflect(frame)) this.deliver(one);
    }
  }

  /** A driver whose link comes up again is asked to announce itself (virtio 5.1.9.5.4). */
  override restoreConfig(offset: number, bytes: Uint8Array): boolean {
    const wasUp = this.#isLinkUp;
    const isInside = super.restoreConfig(offset, bytes);
    if (this.has(VIRTIO_NET_F_GUEST_ANNOUNCE) && !wasUp && this.#isLinkUp) {
      this.config[netConfig.status] = VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE;
    }
    return isInside;
  }

  get #isLinkUp(): boolean {
    return ((this.config[netConfig.status] ?? 0) & VIRTIO_NET_S_LINK_UP) !== 0;
  }

  override reset(): void {
    super.reset();
    this.#filter = this.#rules.filterAfterReset(this.#filter);
    for (const frames of this.#waiting) frames.length = 0;
    this.#steering?.reset();
    this.#coalescing.reset();
  }

  protected work(queue: Queue): StepOutcome {
    const steering = this.#steering;
    if (steering === undefined) return isTransmitQueue(queue.index) ? this.#transmit(queue) : this.#receive(queue);
    switch (roleOfQueue(queue.index, this.#pairs, this.features)) {
      case 'control':
        return this.#control(queue, steering);
      case 'transmit':
        return this.#transmit(queue);
      case 'receive':
        return this.#receive(queue);
      case 'none':
        return 'idle';
    }
  }

  #control(queue: Queue, steering: Steering): StepOutcome {
    const ring = this.ringToProcess(queue, queue.isAwake);
    if (ring === undefined) return 'idle';
    const chain = this.take(queue, ring);
    if (chain === undefined) return 'idle';
    const { features, config } = this;
    const dropUnused = (pairs: number): void => {
      for (const frames of this.#waiting.slice(2 * pairs)) frames.length = 0;
    };
    const announced = (): void => {
      config[netConfig.status] = this.#rules.statusAnnounced(config[netConfig.status] ?? 0);
    };
    const net = {
      features,
      config,
      steering,
      filter: this.#filter,
      coalescing: this.#coalescing,
      queues: this.#coalesced,
      dropUnused,
      announced,
    };
    const answer = carryOut(net, gather(chain.readable), this.#rules);
    this.complete(queue, ring, chain, writePieces(chain.writable, 0, answer));
    return 'progressed';
  }

  #roleOf(index: number): NetQueueRole {
    return index < this.queueCount ? roleOfQueue(index, this.#pairs, this.features) : 'none';
  }

  override setQueueEnabled(index: number, enabled: boolean): void {
    super.setQueueEnabled(index, enabled);
    const role = this.#roleOf(index);
    if (!enabled && (role === 'receive' || role === 'transmit')) this.#coalescing.disabled(index, role);
  }

  #transmit(queue: Queue): StepOutcome {
    const ring = this.ringToProcess(queue, queue.isAwake, true);
    if (ring === undefined) return 'idle';
    const chain = this.take(queue, ring);
    if (chain === undefined) return 'idle';
    const headerSize = this.#rules.headerSize(this.features);
    const sends = queue.isEnabled || this.#rules.sendsWhileDisabled();
    if (sends) {
      const whole = gather(chain.readable);
      const header = headerInOrder(whole.subarray(0, headerSize), queue.isBigEndian);
      const frame = this.#rules.sent(header, whole.subarray(headerSize), this.features);
      this.#steering?.sent(frame, queue.index >> 1);
      for (const one of this.#rules.reflect(frame)) this.#arrives(this.#receiveQueueFor(one, queue.index), one);
    }
    this.complete(queue, ring, chain, this.#rules.transmitted(chain.readableLength));
    if (this.#rules.callsAnyway(this.#coalescing.of(queue.index))) this.sinks.signalCall(queue.index);
    return 'progressed';
  }

  #receiveQueueFor(frame: Uint8Array, transmitQueue: number): number {
    if (this.#steering === undefined) return this.#rules.receiveQueue(transmitQueue);
    return 2 * this.#steering.pairOf(frame, (pair) => this.queues[2 * pair]?.isEnabled === true);
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
    if (this.#steering !== undefined && header.length > NET_HEADER_SIZE) {
      header.set(this.#steering.hashFieldsOf(frame), NET_HEADER_SIZE);
    }
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
