import assert from 'node:assert/strict';
import { BlockDevice } from '../devices/block-device.ts';
import { encodeBlockHeader, RANGE_SIZE } from '../devices/block-layout.ts';
import { EntropyDevice } from '../devices/entropy-device.ts';
import { NetDevice } from '../devices/net-device.ts';
import type { QueuedDevice } from '../devices/queued-device.ts';
import type { SharedDevice } from '../devices/reference-devices.ts';
import { type Guest, plainGuest } from '../memory/guest.ts';
import { mapOf } from '../memory/guest-map.ts';
import type { Span } from '../memory/span.ts';
import { DriverWatch } from '../oracle/observed/driver/driver-watch.ts';
import { Observations } from '../oracle/observed/observations.ts';
import type { DriverRing } from '../virtqueue/driver-ring.ts';
import {
  ringLayoutOf,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_IN_ORDER,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_VERSION_1,
} from '../virtqueue/feature-bits.ts';
import type { GuestPackedRing } from '../virtqueue/packed/guest-ring.ts';
import { VIRTQ_DESC_F_AVAIL } from '../virtqueue/packed/layout.ts';
import { areaAddresses } from '../virtqueue/ring.ts';
import { readable, type Segment, writable } from '../virtqueue/segment.ts';
import type { GuestSplitRing } from '../virtqueue/split/guest-ring.ts';
import { openDriverRing } from './open-driver-ring.ts';

const size = 8;

const devices = {
  block: () => new BlockDevice({ sectors: 64 }),
  net: () => new NetDevice(),
  entropy: () => new EntropyDevice(),
} as const satisfies Record<SharedDevice, () => QueuedDevice>;

export interface SceneOptions {
  readonly device?: SharedDevice;
  readonly queue?: number;
  readonly features?: bigint;
}

/** A device with one ring under watch, and a driver of it that may do as it likes. */
export class Scene {
  readonly guest: Guest = plainGuest();
  readonly device: QueuedDevice;
  readonly ring: GuestSplitRing | GuestPackedRing;
  readonly driver: DriverRing;
  readonly observations = new Observations();
  readonly unexplained: string[] = [];
  readonly watch: DriverWatch;
  readonly queue: number;
  #exposed = 0;

  constructor({ device = 'block', queue = 0, features = 0n }: SceneOptions) {
    const all = VIRTIO_F_VERSION_1 | features;
    this.queue = queue;
    this.device = devices[device]();
    this.watch = new DriverWatch(this.device, device, this.observations.tell, (_, reason) =>
      this.unexplained.push(reason),
    );
    this.device.wrapRings(this.watch.wrap);
    this.device.setMemory(mapOf(this.guest));
    this.device.setFeatures(all);
    this.ring = this.guest.ring({ layout: ringLayoutOf(all), size });
    const { position } = this.ring;
    const areas = areaAddresses(this.ring, 'user');
    const start = { size, areas, ringSpace: 'user', bufferSpace: 'guest-physical', position } as const;
    assert.equal(this.device.startQueue(queue, start), undefined);
    this.device.setQueueEnabled(queue, true);
    this.driver = openDriverRing(this.ring, {
      eventIdx: (all & VIRTIO_F_EVENT_IDX) !== 0n,
      inOrder: (all & VIRTIO_F_IN_ORDER) !== 0n,
      ...((all & VIRTIO_F_INDIRECT_DESC) === 0n ? {} : { tables: this.guest }),
    });
  }

  get split(): GuestSplitRing {
    assert.equal(this.ring.layout, 'split');
    return this.ring as GuestSplitRing;
  }

  get packed(): GuestPackedRing {
    assert.equal(this.ring.layout, 'packed');
    return this.ring as GuestPackedRing;
  }

  place(bytes: Uint8Array): Span {
    const span = this.guest.allocate({ size: bytes.length });
    span.store(bytes);
    return span;
  }

  /** Lets the device work as far as it comes. */
  kick(): void {
    this.watch.kicked(this.queue);
    this.device.notify(this.queue);
    for (let limit = 1000; this.device.step() === 'progressed'; limit--) assert.ok(limit > 0);
  }

  send(chain: readonly Segment[], indirect = false): void {
    this.driver.add(chain, indirect ? { indirect: 'all' } : {});
    this.driver.publish();
    this.kick();
    this.driver.reapUsed();
  }

  /** Makes a head available as it is, on a split ring. */
  expose(head: number): void {
    this.split.setAvailHead(this.#exposed % size, head);
    this.split.setAvailIdx(++this.#exposed);
    this.kick();
  }

  /** Descriptors of a split ring from 0 on, each with the one behind it as its next. */
  describe(...descriptors: readonly { span: Span; flags: number; next?: number; length?: number }[]): void {
    for (const [n, { span, flags, next = n + 1, length = span.length }] of descriptors.entries()) {
      this.split.writeDescriptor(n, { addr: span.guestAddress, len: length, flags, next });
    }
  }

  /** Descriptors of a packed ring in its first round, the first of them last. */
  describePacked(...descriptors: readonly { span: Span; flags: number; length?: number; isExposed?: boolean }[]): void {
    for (const [slot, { span, flags, length = span.length, isExposed = true }] of [
      ...descriptors.entries(),
    ].reverse()) {
      const available = isExposed ? VIRTQ_DESC_F_AVAIL : 0;
      this.packed.writeDescriptor(slot, { addr: span.guestAddress, len: length, id: 0, flags: flags | available });
    }
    this.kick();
  }

  get status(): Segment {
    return writable(this.guest.allocate({ size: 1 }));
  }

  header(type: number, sector = 0n, ...more: number[]): Segment {
    return readable(this.place(Uint8Array.from([...encodeBlockHeader({ type, sector }), ...more])));
  }

  /** A request of a block device with `bytes` of data that it reads. */
  request(type: number, sector: bigint, bytes: number): readonly Segment[] {
    return [this.header(type, sector, ...new Uint8Array(bytes)), this.status];
  }

  ranges(type: number, count: number, flags: number): readonly Segment[] {
    const range = new Uint8Array(RANGE_SIZE);
    range[8] = 1;
    range[12] = flags;
    return [this.header(type, 0n, ...Array.from({ length: count }, () => [...range]).flat()), this.status];
  }

  /** A packet that is sent: the fields of its header, then a frame of `length` bytes. */
  packet(
    header: Partial<Record<'flags' | 'gsoType' | 'gsoSize' | 'csumStart' | 'numBuffers', number>>,
    length = 60,
  ): void {
    const bytes = new Uint8Array(12 + length);
    const view = new DataView(bytes.buffer);
    view.setUint8(0, header.flags ?? 0);
    view.setUint8(1, header.gsoType ?? 0);
    view.setUint16(4, header.gsoSize ?? 0, true);
    view.setUint16(6, header.csumStart ?? 0, true);
    view.setUint16(10, header.numBuffers ?? 0, true);
    this.send([readable(this.place(bytes))]);
  }

  get broken(): string[] {
    const { observations } = this;
    return observations.requirements.filter((slug) => (observations.of(slug)?.broken ?? 0) > 0).sort();
  }
}
