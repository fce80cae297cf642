import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { BlockDevice } from '../devices/block-device.ts';
import { encodeBlockHeader, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT } from '../devices/block-layout.ts';
import { NetDevice } from '../devices/net-device.ts';
import { changes, snapshot } from '../memory/snapshot.ts';
import type { MdevMode } from '../vhost-mdev/mdev-rule-tables.ts';
import { VIRTIO_F_VERSION_1 } from '../virtqueue/feature-bits.ts';
import { splitPosition } from '../virtqueue/ring.ts';
import { readable, type Segment, writable } from '../virtqueue/segment.ts';
import type { SplitDriver } from '../virtqueue/split/driver-ring.ts';
import { errno } from '../wire/errno.ts';
import { VFIO_REGION_SPAN } from '../wire/vfio-structures.ts';
import { address, type MdevUser, mdevUser, memoryTable, shareMemory, state, u64 } from './vhost-mdev/mdev-harness.ts';

const modes: readonly MdevMode[] = ['l1', 'l2-strict', 'l2-faithful'];

const run = (user: MdevUser, running = true): number => user.send('VHOST_DEVICE_SET_STATE', u64(running ? 1n : 0n));

interface Disk {
  readonly user: MdevUser;
  readonly driver: SplitDriver;
  /** Puts a request that writes this byte to its sector. */
  put(sector: number, byte: number): void;
}

/** A block device with its first ring told, not yet running. */
function disk(mode: MdevMode, size: number, base = 0): Disk {
  const user = mdevUser(mode, { parent: new BlockDevice({ queues: 2 }) });
  user.send('VHOST_SET_FEATURES', u64(VIRTIO_F_VERSION_1));
  shareMemory(user);
  const ring = user.guest.ring({ layout: 'split', size, position: splitPosition(base), placement: 'apart' });
  user.tell(0, ring, base);
  const driver = user.driver(ring);
  return {
    user,
    driver,
    put: (sector, byte) => {
      const out = user.guest.allocate({ size: 16 + 512 });
      out.fill(byte);
      out.store(encodeBlockHeader({ type: VIRTIO_BLK_T_OUT, sector: BigInt(sector) }));
      const status = user.guest.allocate({ size: 1 });
      status.fill(0xff);
      assert.notEqual(driver.add([readable(out), writable(status)]), 'ring-full');
      driver.publish();
    },
  };
}

const diskOf = ({ parent }: MdevUser): Uint8Array => {
  assert.ok(parent instanceof BlockDevice);
  return parent.disk;
};

for (const mode of modes) {
  t.test(`${mode}: a block written and read back`, async (t) => {
    const { user, driver } = disk(mode, 8);
    user.arm(0, 11);
    user.arm(1, 12);
    t.equal(run(user), 24);
    const { guest } = user;
    const data = Uint8Array.from({ length: 512 }, (_, n) => n & 0xff);
    const [out, into, status] = [512, 512, 1].map((size) => guest.allocate({ size }));
    if (out === undefined || into === undefined || status === undefined) throw new Error('no memory');
    out.store(data);
    const put = (type: number, segment: Segment) => {
      const header = guest.allocate({ size: 16 });
      header.store(encodeBlockHeader({ type, sector: 3n }));
      driver.add([readable(header), segment, writable(status)]);
      driver.publish();
      user.notify(0);
      user.drain();
      return driver.reapUsed();
    };
    t.same(put(VIRTIO_BLK_T_OUT, readable(out)), [{ id: 0, len: 1 }]);
    t.same(
      put(VIRTIO_BLK_T_IN, writable(into)).map(({ len }) => len),
      [513],
    );
    t.same(into.load(), data);
    t.same([user.edge.count(11), user.edge.count(12)], [2, 0], 'a call each, on the vector of the ring');
    t.equal(run(user, false), 24);
    t.equal(user.ask('VHOST_GET_VRING_BASE', state(0, 0)), 2);
  });

  t.test(`${mode}: a frame comes back`, async (t) => {
    const user = mdevUser(mode, { parent: new NetDevice() });
    user.send('VHOST_SET_FEATURES', u64(VIRTIO_F_VERSION_1));
    shareMemory(user);
    const [receive, transmit] = [0, 1].map((index) => {
      const ring = user.guest.ring({ layout: 'split', size: 8 });
      user.tell(index, ring);
      user.arm(index, 20 + index);
      return user.driver(ring);
    });
    if (receive === undefined || transmit === undefined) throw new Error('two rings');
    run(user);
    const frame = Uint8Array.from({ length: 72 }, (_, n) => (n < 12 ? 0 : n));
    const [out, into] = [72, 2048].map((size) => user.guest.allocate({ size }));
    if (out === undefined || into === undefined) throw new Error('no memory');
    out.store(frame);
    receive.add([writable(into)]);
    receive.publish();
    user.notify(0);
    transmit.add([readable(out)]);
    transmit.publish();
    user.notify(1);
    user.drain();
    t.same(transmit.reapUsed(), [{ id: 0, len: 0 }]);
    t.same(receive.reapUsed(), [{ id: 0, len: 72 }]);
    t.same(into.load().subarray(12, 72), frame.subarray(12));
    t.same([user.edge.count(20), user.edge.count(21)], [1, 1]);
  });

  t.test(`${mode}: a frame that waits for a buffer ends with the stop`, async (t) => {
    const user = mdevUser(mode, { parent: new NetDevice() });
    user.send('VHOST_SET_FEATURES', u64(VIRTIO_F_VERSION_1));
    shareMemory(user);
    const rings = [0, 1].map(() => user.guest.ring({ layout: 'split', size: 8 }));
    const [receive, transmit] = rings.map((ring, index) => {
      user.tell(index, ring);
      return user.driver(ring);
    });
    if (receive === undefined || transmit === undefined) throw new Error('two rings');
    const send = (byte: number) => {
      const frame = user.guest.allocate({ size: 72 });
      frame.fill(0);
      frame.store(Uint8Array.of(byte), 12);
      transmit.add([readable(frame)]);
      transmit.publish();
      user.notify(1);
      user.drain();
    };
    run(user);
    send(1);
    t.equal(transmit.reapUsed().length, 1);
    run(user, false);
    run(user);
    t.equal(user.parent.features, VIRTIO_F_VERSION_1, 'features are as they were told');
    const into = user.guest.allocate({ size: 2048 });
    receive.add([writable(into)]);
    receive.publish();
    user.notify(0);
    send(2);
    t.equal(receive.reapUsed().length, 1);
    t.equal(into.load()[12], 2, 'it is the one that was sent since');
  });

  t.test(`${mode}: rings are served in whatever way they are stopped, started and notified`, async () => {
    const action = fc.constantFrom('put', 'notify', 'ring-page', 'stop', 'start', 'base-then-stop', 'move', 'step');
    fc.assert(
      fc.property(
        fc.constantFrom(2, 8, 256),
        fc.nat(65_535),
        fc.array(action, { maxLength: 40 }),
        (size, base, all) => {
          const { user, driver, put } = disk(mode, size, base);
          const page = user.file.map(VFIO_REGION_SPAN, 4096);
          assert.ok(page instanceof Uint8Array);
          let sector = 0;
          const reaped: number[] = [];
          const reap = () => reaped.push(...driver.reapUsed().map(({ len }) => len));
          run(user);
          for (const one of all) {
            switch (one) {
              case 'put':
                reap();
                if (driver.freeDescriptors >= 2) put(sector++, sector);
                break;
              case 'notify':
                assert.equal(user.notify(0), 4);
                break;
              case 'ring-page':
                new DataView(page.buffer).setUint16(0, 0, true);
                break;
              case 'stop':
                run(user, false);
                break;
              case 'start':
                run(user);
                break;
              case 'base-then-stop':
                user.ask('VHOST_GET_VRING_BASE', state(0, 0));
                run(user, false);
                break;
              case 'move':
                if (user.rules.layout.memory === 'table') shareMemory(user);
                else {
                  // The rings rest where they are while their memory is away.
                  run(user, false);
                  user.device.container.clear();
                  user.map();
                  run(user);
                }
                break;
              case 'step':
                user.device.step();
                break;
            }
          }
          run(user, false);
          run(user);
          user.notify(0);
          user.drain();
          reap();
          assert.deepEqual(reaped, new Array(sector).fill(1), 'each request once');
          for (let n = 0; n < sector; n++) assert.equal(diskOf(user)[n * 512 + 100], (n + 1) & 0xff);
          run(user, false);
          assert.equal(user.ask('VHOST_GET_VRING_BASE', state(0, 0)), (base + sector) & 0xffff);
        },
      ),
      { numRuns: 60 },
    );
  });

  t.test(`${mode}: nothing is done while the device is stopped`, async (t) => {
    const { user, driver, put } = disk(mode, 8);
    put(1, 0x55);
    user.notify(0);
    const before = snapshot(user.guest);
    user.drain();
    t.same(changes(before), []);
    run(user);
    user.drain();
    t.equal(driver.reapUsed().length, 1, 'a start looks at the ring unasked');
    run(user, false);
    put(2, 0x66);
    user.notify(0);
    user.drain();
    t.equal(driver.reapUsed().length, 0);
  });

  t.test(`${mode}: the base of a ring that runs`, async (t) => {
    const { user, driver, put } = disk(mode, 8, 65_535);
    run(user);
    put(0, 1);
    put(1, 2);
    user.notify(0);
    user.drain();
    t.equal(driver.reapUsed().length, 2);
    const isFaithful = mode === 'l2-faithful';
    t.equal(user.ask('VHOST_GET_VRING_BASE', state(0, 0)), isFaithful ? 65_535 : 1, 'as told, or as it is by now');
    put(2, 3);
    user.notify(0);
    user.drain();
    t.equal(driver.reapUsed().length, isFaithful ? 1 : 0, 'a ring whose base was told rests');
    run(user, false);
    run(user);
    user.drain();
    t.equal(driver.reapUsed().length, isFaithful ? 0 : 1, 'until the next start');
    run(user, false);
    t.equal(user.ask('VHOST_GET_VRING_BASE', state(0, 0)), 2);
  });

  t.test(`${mode}: changes while the device runs`, async (t) => {
    const { user } = disk(mode, 8);
    run(user);
    const answered = (count: number) => (mode === 'l2-faithful' ? count : -errno.EBUSY);
    t.equal(user.send('VHOST_SET_VRING_NUM', state(0, 16)), answered(24));
    t.equal(user.send('VHOST_SET_VRING_BASE', state(0, 16)), answered(24));
    t.equal(user.send('VHOST_SET_VRING_ADDR', address(0, { desc: 0n, used: 0n, avail: 0n })), answered(56));
    t.equal(user.send('VHOST_SET_FEATURES', u64(0n)), answered(24));
  });

  t.test(`${mode}: a ring that lies nowhere`, async (t) => {
    const { user, driver, put } = disk(mode, 8);
    user.send('VHOST_SET_VRING_NUM', state(1, 8));
    user.send('VHOST_SET_VRING_ADDR', address(1, { desc: 0x10n, used: 0x20n, avail: 0x30n }));
    const isFaithful = mode === 'l2-faithful';
    t.equal(run(user), isFaithful ? 24 : -errno.EFAULT);
    t.equal(user.device.isRunning, isFaithful, 'a start that fails leaves it stopped, or its result is dropped');
    put(0, 1);
    user.notify(0);
    user.notify(1);
    user.drain();
    t.equal(driver.reapUsed().length, isFaithful ? 1 : 0);
    user.send('VHOST_SET_VRING_NUM', state(1, 0));
    t.equal(run(user), 24, 'with size 0 it is no ring any more');
    user.notify(0);
    user.drain();
    t.equal(driver.reapUsed().length, isFaithful ? 0 : 1);
  });

  t.test(`${mode}: memory that goes away under a running ring`, async (t) => {
    const { user, driver, put } = disk(mode, 8);
    run(user);
    put(0, 1);
    const before = snapshot(user.guest);
    if (mode === 'l1') user.send('VHOST_SET_MEM_TABLE', new Uint8Array(8));
    else for (const { ioVirtualAddress, size } of user.guest.regions) user.unmap(ioVirtualAddress, BigInt(size));
    user.notify(0);
    user.drain();
    t.same(changes(before), [], 'nothing is written there');
    t.equal(driver.reapUsed().length, 0);
    if (mode === 'l1') user.send('VHOST_SET_MEM_TABLE', memoryTable(user.guest));
    else user.map();
    run(user, false);
    t.equal(run(user), 24);
    user.drain();
    t.equal(driver.reapUsed().length, 1, 'when it is back, the next start goes on where it was');
  });
}

t.test('a buffer that may only be read is not written', async (t) => {
  const { user, driver } = disk('l2-strict', 8);
  const { guest } = user;
  run(user);
  const [header, into, status] = [16, 512, 1].map((size) => guest.allocate({ size, region: 1 }));
  if (header === undefined || into === undefined || status === undefined) throw new Error('no memory');
  const [, second] = guest.regions;
  if (second === undefined) throw new Error('no second region');
  into.fill(0xee);
  const { ioVirtualAddress, userAddress, size } = second;
  user.unmap(ioVirtualAddress, BigInt(size));
  const argument = new DataView(new ArrayBuffer(32));
  argument.setUint32(0, 32, true);
  argument.setUint32(4, 1, true);
  argument.setBigUint64(8, userAddress, true);
  argument.setBigUint64(16, ioVirtualAddress, true);
  argument.setBigUint64(24, BigInt(size), true);
  t.equal(user.device.container.ioctl(0x3b71, new Uint8Array(argument.buffer)), 0);
  driver.add([readable(header), writable(into), writable(status)]);
  driver.publish();
  user.notify(0);
  user.drain();
  t.ok(into.load().every((byte) => byte === 0xee));
});
