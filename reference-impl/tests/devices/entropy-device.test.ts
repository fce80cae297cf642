import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { EntropyDevice, seededEntropy } from '../../devices/entropy-device.ts';
import { VIRTIO_F_VERSION_1 } from '../../virtqueue/feature-bits.ts';
import { readable, writable } from '../../virtqueue/segment.ts';
import { mdevUser, shareMemory, u64 } from '../vhost-mdev/mdev-harness.ts';
import { harness } from './queue-harness.ts';

const expected = (length: number): number[] => {
  const bytes = new Uint8Array(length);
  seededEntropy(1)(bytes);
  return [...bytes];
};

t.test('buffers are filled from the source', async (t) => {
  const h = harness(new EntropyDevice());
  const { driver, run } = h.queue(0);
  const into = [5, 100].map((size) => h.guest.allocate({ size }));
  for (const span of into) driver.add([writable(span)]);
  run();
  t.same(
    driver.reapUsed().map(({ len }) => len),
    [5, 100],
  );
  t.same(
    into.flatMap((span) => [...span.load()]),
    expected(105),
  );
  t.equal(h.calls[0], 2);
});

t.test('a long buffer is filled in part, one without room not at all', async (t) => {
  const h = harness(new EntropyDevice({ source: (bytes) => bytes.fill(0xaa) }));
  const { driver, run } = h.queue(0);
  const long = h.guest.allocate({ size: 5000 });
  const none = h.guest.allocate({ size: 8 });
  long.fill(0);
  none.fill(1);
  driver.add([writable(long)]);
  driver.add([readable(none)]);
  run();
  t.same(
    driver.reapUsed().map(({ len }) => len),
    [4096, 0],
  );
  t.same([...new Set(long.load().subarray(0, 4096))], [0xaa]);
  t.same([...new Set(long.load().subarray(4096))], [0]);
  t.same([...new Set(none.load())], [1]);
});

t.test('it has no configuration and none of its own features', async (t) => {
  const device = new EntropyDevice();
  t.equal(device.deviceId, 4);
  t.equal(device.configSize, 0);
  t.equal(device.readConfig(0, 1), undefined);
  t.equal(device.restoreConfig(0, Uint8Array.of(1)), false);
});

t.test('reached by vhost-mdev', async (t) => {
  const user = mdevUser('l2-strict', { parent: new EntropyDevice() });
  user.send('VHOST_SET_FEATURES', u64(VIRTIO_F_VERSION_1));
  shareMemory(user);
  const ring = user.guest.ring({ layout: 'split', size: 4 });
  user.tell(0, ring);
  user.send('VHOST_DEVICE_SET_STATE', u64(1n));
  const driver = user.driver(ring);
  const into = user.guest.allocate({ size: 16 });
  driver.add([writable(into)]);
  driver.publish();
  user.notify(0);
  user.drain();
  t.same(driver.reapUsed(), [{ id: 0, len: 16 }]);
  t.same([...into.load()], expected(16));
});

t.test('the guide shows the device as it is', async (t) => {
  const source = readFileSync(join('reference-impl', 'devices', 'entropy-device.ts'), 'utf8');
  t.ok(readFileSync(join('docs', 'WRITING-A-PARENT-DRIVER.md'), 'utf8').includes(source));
});
