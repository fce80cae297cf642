import t from 'tap';
import { BlockDevice } from '../devices/block-device.ts';
import { encodeBlockHeader, VIRTIO_BLK_T_IN } from '../devices/block-layout.ts';
import { NetDevice } from '../devices/net-device.ts';
import { VIRTIO_NET_F_MRG_RXBUF } from '../devices/net-layout.ts';
import type { ParentDriver } from '../devices/parent-driver.ts';
import type { MdevMode } from '../vhost-mdev/mdev-rule-tables.ts';
import {
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_IN_ORDER,
  VIRTIO_F_RING_PACKED,
  VIRTIO_F_VERSION_1,
} from '../virtqueue/feature-bits.ts';
import { PackedDriver } from '../virtqueue/packed/driver-ring.ts';
import { type PackedPosition, packedPosition } from '../virtqueue/ring.ts';
import { readable, writable } from '../virtqueue/segment.ts';
import { encodeVringBase } from '../wire/vring-base.ts';
import { type MdevUser, mdevUser, shareMemory, state, u64 } from './vhost-mdev/mdev-harness.ts';

const modes: readonly MdevMode[] = ['l1', 'l2-strict', 'l2-faithful'];

const run = (user: MdevUser, running = true): number => user.send('VHOST_DEVICE_SET_STATE', u64(running ? 1n : 0n));

/** A device whose packed rings of 7 entries begin at a position; the driver side of each. */
function packedUser(mode: MdevMode, parent: ParentDriver, features: bigint, position: PackedPosition) {
  const user = mdevUser(mode, { parent });
  t.equal(user.send('VHOST_SET_FEATURES', u64(VIRTIO_F_VERSION_1 | VIRTIO_F_RING_PACKED | features)), 24);
  shareMemory(user);
  const drivers = Array.from({ length: parent.queueCount }, (_, index) => {
    const ring = user.guest.ring({ layout: 'packed', size: 7, position, placement: 'apart' });
    user.tell(index, ring);
    const options = {
      space: user.rules.layout.bufferSpace,
      eventIdx: (features & VIRTIO_F_EVENT_IDX) !== 0n,
      inOrder: (features & VIRTIO_F_IN_ORDER) !== 0n,
    };
    return new PackedDriver(ring, options);
  });
  return { user, drivers };
}

for (const mode of modes) {
  t.test(`${mode}: requests on a packed ring, over a stop and a start`, async (t) => {
    const { user, drivers } = packedUser(mode, new BlockDevice(), 0n, packedPosition(5, 0));
    const [driver] = drivers;
    if (driver === undefined) throw new Error('a ring');
    t.equal(run(user), 24);
    for (let round = 0; round < 4; round++) {
      for (let n = 0; n < 2; n++) {
        const header = user.guest.allocate({ size: 16 });
        header.store(encodeBlockHeader({ type: VIRTIO_BLK_T_IN, sector: 0n }));
        driver.add([readable(header), writable(user.guest.allocate({ size: 513 }))]);
      }
      driver.publish();
      user.notify(0);
      user.drain();
      t.same(
        driver.reapUsed().map(({ len }) => len),
        [513, 513],
      );
      t.equal(run(user, false), 24);
      t.equal(user.ask('VHOST_GET_VRING_BASE', state(0, 0)), encodeVringBase(driver.position));
      t.equal(run(user), 24);
    }
  });

  for (const features of [0n, VIRTIO_F_IN_ORDER, VIRTIO_F_EVENT_IDX]) {
    t.test(`${mode}: a frame over several buffers of a packed ring, with features ${features}`, async (t) => {
      const parent = new NetDevice();
      const { user, drivers } = packedUser(mode, parent, VIRTIO_NET_F_MRG_RXBUF | features, packedPosition(6));
      const [receive, transmit] = drivers;
      if (receive === undefined || transmit === undefined) throw new Error('two rings');
      run(user);
      for (let round = 0; round < 3; round++) {
        const frame = Uint8Array.from({ length: 12 + 100 }, (_, n) => (n < 12 ? 0 : n + round));
        const out = user.guest.allocate({ size: frame.length });
        out.store(frame);
        const buffers = [60, 40, 30].map((size) => user.guest.allocate({ size }));
        for (const buffer of buffers) receive.add([writable(buffer)]);
        receive.publish();
        user.notify(0);
        transmit.add([readable(out)]);
        transmit.publish();
        user.notify(1);
        user.drain();
        t.equal(transmit.reapUsed().length, 1);
        t.same(
          receive.reapUsed().map(({ len }) => len),
          [60, 40, 12],
        );
        const came = Uint8Array.from(buffers.flatMap((buffer) => [...buffer.load()]));
        t.same(came.subarray(12, 112), frame.subarray(12));
        t.equal(came[10], 3, 'num_buffers');
      }
    });
  }
}

t.test('sizes of packed rings are any up to 32768', async (t) => {
  const { user } = packedUser('l2-strict', new BlockDevice(), 0n, packedPosition(0));
  for (const size of [1, 3, 255, 257, 32767, 32768]) t.equal(user.send('VHOST_SET_VRING_NUM', state(0, size)), 24);
  t.ok(user.send('VHOST_SET_VRING_NUM', state(0, 32769)) < 0);
});
