import type { QueuedDevice } from '../devices/queued-device.ts';
import {
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_IN_ORDER,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_RING_PACKED,
} from '../virtqueue/feature-bits.ts';
import { readable, writable } from '../virtqueue/segment.ts';
import type { Scene, SceneOptions } from './observed-driver.ts';

const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;
const indirect = { features: VIRTIO_F_INDIRECT_DESC } as const;
const packed = { features: VIRTIO_F_RING_PACKED } as const;
const packedIndirect = { features: VIRTIO_F_RING_PACKED | VIRTIO_F_INDIRECT_DESC } as const;
const transmit = (...bits: number[]): SceneOptions => ({
  device: 'net',
  queue: 1,
  features: bits.reduce((word, bit) => word | (1n << BigInt(bit)), 0n),
});
const CSUM = 0;
const MTU = 3;
const TSO4 = 11;
const TSO6 = 12;

/** A driver that does one thing wrong. */
export interface DriverMisbehaviour {
  readonly scene?: SceneOptions;
  act(scene: Scene): void;
}

/** An indirect table of these entries: address and length of one buffer for all. */
function table(scene: Scene, layout: 'split' | 'packed', ...entries: readonly { flags: number; next?: number }[]) {
  // As a block request it has an unknown type, whose data may be of any length.
  const buffer = scene.place(Uint8Array.from({ length: 64 }, (_, n) => (n === 0 ? 77 : 0)));
  const bytes = new Uint8Array(16 * entries.length);
  const view = new DataView(bytes.buffer);
  for (const [n, { flags, next = n + 1 }] of entries.entries()) {
    view.setBigUint64(16 * n, buffer.guestAddress, true);
    view.setUint32(16 * n + 8, buffer.length, true);
    view.setUint16(16 * n + (layout === 'split' ? 12 : 14), flags, true);
    if (layout === 'split') view.setUint16(16 * n + 14, next, true);
  }
  return scene.place(bytes);
}

const buffer = (scene: Scene) => scene.guest.allocate({ size: 64 });
const late = (scene: Scene): void => {
  scene.kick();
  scene.driver.add(scene.request(4, 0n, 0));
  scene.driver.publish();
  scene.watch.look(0);
  scene.watch.look(6_000);
};

/** Another hand changes a descriptor while the device works on its chain. */
function meddle(device: QueuedDevice, change: () => void): void {
  const { setSinks } = device;
  setSinks.call(device, {
    signalCall: () => {},
    signalError: () => {},
    fetched: change,
  });
}

/** By the requirement that each breaks. */
export const driverMisbehaviours: Readonly<Record<string, DriverMisbehaviour>> = {
  'split/avail-idx-never-decreases': {
    act: (scene) => {
      scene.send(scene.request(4, 0n, 0));
      scene.split.setAvailIdx(0);
      scene.kick();
    },
  },
  'split/driver-indices-within-table': { act: (scene) => scene.expose(8) },
  'split/readable-before-writable': {
    act: (scene) => {
      scene.describe({ span: buffer(scene), flags: NEXT | WRITE }, { span: buffer(scene), flags: 0 });
      scene.expose(0);
    },
  },
  'split/chain-bounded-and-loop-free': {
    act: (scene) => {
      scene.describe({ span: buffer(scene), flags: NEXT, next: 0 });
      scene.expose(0);
    },
  },
  'split/in-order-next-sequential': {
    scene: { features: VIRTIO_F_IN_ORDER },
    act: (scene) => {
      const [header, status] = scene.request(4, 0n, 0).map(({ guestAddress, length }) => {
        return scene.guest.spanAt(guestAddress, length);
      });
      if (header === undefined || status === undefined) return;
      scene.describe({ span: header, flags: NEXT, next: 3 });
      scene.split.writeDescriptor(3, { addr: status.guestAddress, len: 1, flags: WRITE, next: 0 });
      scene.expose(0);
    },
  },
  'indirect/in-order-entries-sequential': {
    scene: { features: VIRTIO_F_IN_ORDER | VIRTIO_F_INDIRECT_DESC },
    act: (scene) => {
      const entries = table(scene, 'split', { flags: NEXT, next: 2 }, { flags: 0 }, { flags: WRITE });
      scene.describe({ span: entries, flags: INDIRECT });
      scene.expose(0);
    },
  },
  'indirect/flag-needs-feature': {
    act: (scene) => {
      scene.describe({ span: table(scene, 'split', { flags: WRITE }), flags: INDIRECT });
      scene.expose(0);
    },
  },
  'indirect/no-nested-tables': {
    scene: indirect,
    act: (scene) => {
      scene.describe({ span: table(scene, 'split', { flags: INDIRECT }), flags: INDIRECT });
      scene.expose(0);
    },
  },
  'indirect/chain-within-queue-size': {
    scene: indirect,
    act: (scene) => {
      const entries = Array.from({ length: 9 }, () => ({ flags: WRITE }));
      scene.describe({ span: table(scene, 'split', ...entries), flags: INDIRECT });
      scene.expose(0);
    },
  },
  'indirect/never-with-next': {
    scene: indirect,
    act: (scene) => {
      scene.describe({ span: table(scene, 'split', { flags: WRITE }), flags: INDIRECT | NEXT });
      scene.expose(0);
    },
  },
  'indirect/table-holds-whole-descriptors': {
    scene: indirect,
    act: (scene) => {
      scene.describe({ span: buffer(scene), flags: INDIRECT, length: 24 });
      scene.expose(0);
    },
  },
  'reserved/driver-passes-physical-addresses': {
    act: (scene) => {
      scene.split.writeDescriptor(0, { addr: 7n << 60n, len: 16, flags: WRITE });
      scene.expose(0);
    },
  },
  'init/exposed-buffers-unaltered': {
    act: (scene) => {
      const change = (): void => scene.split.writeDescriptor(0, { len: 17 });
      meddle(scene.device, change);
      scene.send(scene.request(4, 0n, 0));
    },
  },
  'notify/avail-flags-zero-or-one': {
    act: (scene) => {
      scene.split.setAvailFlags(2);
      scene.send(scene.request(4, 0n, 0));
    },
  },
  'notify/avail-flags-zero-with-event-idx': {
    scene: { features: VIRTIO_F_EVENT_IDX },
    act: (scene) => {
      scene.split.setAvailFlags(1);
      scene.send(scene.request(4, 0n, 0));
    },
  },
  'notify/kicks-sent-with-flag-clear': { act: late },
  'notify/passing-avail-event-kicks': { scene: { features: VIRTIO_F_EVENT_IDX }, act: late },
  'notify/packed-kicks-sent-when-enabled': { scene: packed, act: late },
  'notify/packed-device-event-descriptor-kicks': {
    scene: { features: VIRTIO_F_EVENT_IDX | VIRTIO_F_RING_PACKED },
    act: late,
  },
  'notify/packed-driver-event-values-defined': {
    scene: packed,
    act: (scene) => {
      scene.packed.setDriverEvent(2 << 16);
      scene.send(scene.request(4, 0n, 0));
    },
  },
  'packed/readable-before-writable': {
    scene: packed,
    act: (scene) =>
      scene.describePacked({ span: buffer(scene), flags: NEXT | WRITE }, { span: buffer(scene), flags: 0 }),
  },
  'packed/flags-right-in-every-descriptor': {
    scene: packed,
    act: (scene) =>
      scene.describePacked(
        { span: buffer(scene), flags: NEXT },
        { span: buffer(scene), flags: WRITE, isExposed: false },
      ),
  },
  'packed/descriptor-untouched-until-used': {
    scene: packed,
    act: (scene) => {
      meddle(scene.device, () => scene.packed.writeDescriptor(0, { len: 17 }));
      scene.send(scene.request(4, 0n, 0));
    },
  },
  'packed-indirect/flag-needs-feature': {
    scene: packed,
    act: (scene) => scene.describePacked({ span: table(scene, 'packed', { flags: WRITE }), flags: INDIRECT }),
  },
  'packed-indirect/only-write-flag-inside-table': {
    scene: packedIndirect,
    act: (scene) => {
      const entries = table(scene, 'packed', { flags: NEXT }, { flags: WRITE });
      scene.describePacked({ span: entries, flags: INDIRECT });
    },
  },
  'packed-indirect/chain-within-device-limit': {
    scene: packedIndirect,
    act: (scene) => {
      const entries = Array.from({ length: 9 }, () => ({ flags: WRITE }));
      scene.describePacked({ span: table(scene, 'packed', ...entries), flags: INDIRECT });
    },
  },
  'packed-indirect/never-inside-list': {
    scene: packedIndirect,
    act: (scene) => scene.describePacked({ span: table(scene, 'packed', { flags: WRITE }), flags: INDIRECT | NEXT }),
  },
  'packed-indirect/table-holds-whole-descriptors': {
    scene: packedIndirect,
    act: (scene) => scene.describePacked({ span: buffer(scene), flags: INDIRECT, length: 24 }),
  },
  'blk/driver-places-header-and-status': {
    act: (scene) => scene.send([readable(scene.guest.allocate({ size: 15 })), scene.status]),
  },
  'blk/driver-data-in-whole-sectors': { act: (scene) => scene.send(scene.request(1, 0n, 100)) },
  'blk/driver-stays-within-capacity': { act: (scene) => scene.send(scene.request(1, 64n, 512)) },
  'blk/driver-flush-sector-zero': { act: (scene) => scene.send(scene.request(4, 1n, 0)) },
  'blk/driver-flush-carries-no-data': { act: (scene) => scene.send(scene.request(4, 0n, 512)) },
  'blk/driver-get-id-length': {
    act: (scene) => scene.send([scene.header(8), writable(scene.guest.allocate({ size: 30 })), scene.status]),
  },
  'blk/driver-range-commands-whole-segments': { act: (scene) => scene.send(scene.request(11, 0n, 24)) },
  'blk/driver-discard-segments-bounded': { act: (scene) => scene.send(scene.ranges(11, 9, 0)) },
  'blk/driver-write-zeroes-segments-bounded': { act: (scene) => scene.send(scene.ranges(13, 9, 0)) },
  'blk/driver-secure-erase-segments-bounded': { act: (scene) => scene.send(scene.ranges(14, 9, 0)) },
  'blk/driver-discard-unmap-clear': { act: (scene) => scene.send(scene.ranges(11, 1, 1)) },
  'net/tx-num-buffers-zero': { scene: transmit(), act: (scene) => scene.packet({ numBuffers: 1 }) },
  'net/tx-data-valid-and-rsc-info-clear': { scene: transmit(CSUM), act: (scene) => scene.packet({ flags: 2 }) },
  'net/tx-flags-zero-without-csum': { scene: transmit(), act: (scene) => scene.packet({ flags: 1 }) },
  'net/tx-checksum-offsets-describe-checksum': {
    scene: transmit(CSUM),
    act: (scene) => scene.packet({ flags: 1, csumStart: 59 }),
  },
  'net/tx-gso-none-without-features': { scene: transmit(CSUM), act: (scene) => scene.packet({ gsoType: 0x80 }) },
  'net/tx-tcpv4-needs-host-tso4': segmented(1, TSO6),
  'net/tx-udp-needs-host-ufo': segmented(3, TSO6),
  'net/tx-tcpv6-needs-host-tso6': segmented(4, TSO4),
  'net/tx-udp-l4-needs-host-uso': segmented(5, TSO4),
  'net/tx-ecn-needs-host-ecn': segmented(0x81, TSO4),
  'net/tx-segmentation-sets-needs-csum': {
    scene: transmit(CSUM, TSO4),
    act: (scene) => scene.packet({ gsoType: 1, gsoSize: 500 }),
  },
  'net/tx-segmentation-sets-gso-size': {
    scene: transmit(CSUM, TSO4),
    act: (scene) => scene.packet({ flags: 1, gsoType: 1 }),
  },
  'net/driver-transmits-within-mtu': { scene: transmit(MTU), act: (scene) => scene.packet({}, 1519) },
  'net/driver-posts-full-frame-receive-buffers': { scene: { device: 'net' }, act: (scene) => received(scene, 1525) },
  'net/driver-mergeable-buffers-hold-header': {
    scene: { device: 'net', features: 1n << 15n },
    act: (scene) => received(scene, 11),
  },
  'entropy/driver-places-no-readable-buffer': {
    scene: { device: 'entropy' },
    act: (scene) => scene.send([readable(buffer(scene)), writable(buffer(scene))]),
  },
};

function segmented(gsoType: number, feature: number): DriverMisbehaviour {
  return {
    scene: transmit(CSUM, feature),
    act: (scene) => scene.packet({ flags: 1, gsoType, gsoSize: 500 }),
  };
}

/** The device looks at a receive buffer once a frame waits for it. */
function received(scene: Scene, length: number): void {
  const { guest, device } = scene;
  const sending = guest.ring({ layout: 'split', size: 8 });
  const areas = { descriptor: sending.areas.descriptor, driver: sending.areas.driver, device: sending.areas.device };
  device.wrapRings(undefined);
  device.startQueue(1, {
    size: 8,
    areas: {
      descriptor: areas.descriptor.userAddress,
      driver: areas.driver.userAddress,
      device: areas.device.userAddress,
    },
    ringSpace: 'user',
    bufferSpace: 'guest-physical',
    position: sending.position,
  });
  device.setQueueEnabled(1, true);
  const frame = guest.allocate({ size: 72 });
  sending.writeDescriptor(0, { addr: frame.guestAddress, len: 72, flags: 0, next: 0 });
  sending.setAvailHead(0, 0);
  sending.setAvailIdx(1);
  device.notify(1);
  scene.driver.add([writable(guest.allocate({ size: length }))]);
  scene.driver.publish();
  scene.kick();
}
