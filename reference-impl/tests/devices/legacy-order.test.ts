import t from 'tap';
import { BlockDevice } from '../../devices/block-device.ts';
import {
  encodeBlockHeader,
  VIRTIO_BLK_F_WRITE_ZEROES,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_WRITE_ZEROES,
} from '../../devices/block-layout.ts';
import { NetDevice } from '../../devices/net-device.ts';
import { headerInOrder, VIRTIO_NET_F_MRG_RXBUF } from '../../devices/net-layout.ts';
import { VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC } from '../../virtqueue/feature-bits.ts';
import { readable, writable } from '../../virtqueue/segment.ts';
import { BigEndianSplitRing } from '../../virtqueue/split/big-endian-ring.ts';
import { splitSizes } from '../../virtqueue/split/layout.ts';
import { harness } from './queue-harness.ts';

/** Devices before a legacy driver that is big-endian. */

t.test('each field of a big-endian ring is written and read with its first byte highest', async (t) => {
  const size = 4;
  const sizes = splitSizes(size);
  const areas = {
    descriptor: new Uint8Array(sizes.descriptor),
    driver: new Uint8Array(sizes.driver + (sizes.driver % 2)),
    device: new Uint8Array(sizes.device + (4 - (sizes.device % 4))),
  };
  const ring = new BigEndianSplitRing(size, areas);
  const descriptor = { addr: 0x0102_0304_0506_0708n, len: 0x090a_0b0c, flags: 0x0d0e, next: 0x0f10 };
  ring.setDescriptor(1, descriptor.addr, descriptor.len, descriptor.flags, descriptor.next);
  t.same(
    [...areas.descriptor.subarray(16, 32)],
    Array.from({ length: 16 }, (_, at) => at + 1),
  );
  t.same(ring.readDescriptor(1), descriptor);
  ring.writeDescriptor(1, { len: 0x8000_0001, next: 0xff00 });
  t.same(ring.readDescriptor(1), { ...descriptor, len: 0x8000_0001, next: 0xff00 });
  ring.writeDescriptor(1, { addr: 1n, flags: 2 });
  t.same(ring.readDescriptor(1), { addr: 1n, len: 0x8000_0001, flags: 2, next: 0xff00 });

  ring.setAvailFlags(0x0102);
  ring.setAvailIdx(0x0304);
  ring.setAvailHead(0, 0x0506);
  ring.setUsedEvent(0x0708);
  t.same([...areas.driver.subarray(0, 6), ...areas.driver.subarray(12, 14)], [1, 2, 3, 4, 5, 6, 7, 8]);
  t.same([ring.availFlags(), ring.availIdx(), ring.availHead(0), ring.usedEvent()], [0x0102, 0x0304, 0x0506, 0x0708]);

  ring.setUsedFlags(0x0102);
  ring.setUsedIdx(0x0304);
  ring.setUsedElement(0, 0x0506_0708, 0x090a_0b0c);
  ring.setAvailEvent(0x0d0e);
  const used = [...areas.device.subarray(0, 12), ...areas.device.subarray(36, 38)];
  t.same(
    used,
    used.map((_, at) => at + 1),
  );
  t.same([ring.usedFlags(), ring.usedIdx(), ring.availEvent()], [0x0102, 0x0304, 0x0d0e]);
  t.same(ring.usedElement(0), { id: 0x0506_0708, len: 0x090a_0b0c });
});

t.test('a block device reads headers, segments and indirect tables in the order of their ring', async (t) => {
  const device = new BlockDevice();
  const features = VIRTIO_BLK_F_WRITE_ZEROES | VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC;
  const { guest, queue } = harness(device, { features, isBigEndian: true });
  device.disk.fill(0x5a, 0, 4 * 512);
  const request = (bytes: Uint8Array, inLength: number): Uint8Array => {
    const out = guest.allocate({ size: bytes.length });
    out.store(bytes);
    const data = guest.allocate({ size: inLength + 1 });
    queue(0).driver.add([readable(out), writable(data)], { indirect: 'all' });
    queue(0).run();
    t.match(queue(0).driver.reapUsed(), [{ len: inLength + 1 }]);
    return data.load();
  };
  const header = (type: number, sector: bigint): Uint8Array => encodeBlockHeader({ type, sector }, true);
  t.same(request(header(VIRTIO_BLK_T_IN, 3n), 512), new Uint8Array(513).fill(0x5a, 0, 512), 'read');
  const zeroes = new Uint8Array(32);
  zeroes.set(header(VIRTIO_BLK_T_WRITE_ZEROES, 0n));
  const range = new DataView(zeroes.buffer, 16);
  range.setBigUint64(0, 1n);
  range.setUint32(8, 2);
  range.setUint32(12, 1);
  t.same(request(zeroes, 0), [0], 'two sectors zeroed, unmapped or not');
  t.same(
    [0, 1, 2, 3].map((sector) => device.disk[512 * sector]),
    [0x5a, 0, 0, 0x5a],
  );
});

t.test('a network device writes the fields of its header in the order of their ring', async (t) => {
  const { guest, queue } = harness(new NetDevice(), { features: VIRTIO_NET_F_MRG_RXBUF, isBigEndian: true });
  const [first, second] = [guest.allocate({ size: 40 }), guest.allocate({ size: 40 })];
  for (const buffer of [first, second]) queue(0).driver.add([writable(buffer)]);
  queue(0).run();
  const packet = guest.allocate({ size: 12 + 50 });
  packet.fill(0);
  queue(1).driver.add([readable(packet)]);
  queue(1).run();
  t.same(
    queue(0)
      .driver.reapUsed()
      .map(({ len }) => len),
    [40, 22],
  );
  t.same([...first.load().subarray(8, 12)], [0, 0, 0, 2], 'num_buffers');
  const header = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
  t.equal(headerInOrder(header, false), header);
  t.same(headerInOrder(header, true), [1, 2, 4, 3, 6, 5, 8, 7, 10, 9]);
});
