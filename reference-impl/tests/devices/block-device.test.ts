import t from 'tap';
import { BlockDevice } from '../../devices/block-device.ts';
import {
  encodeBlockHeader,
  VIRTIO_BLK_T_GET_ID,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
} from '../../devices/block-layout.ts';
import type { Span } from '../../memory/span.ts';
import { readable, type Segment, writable } from '../../virtqueue/segment.ts';
import { harness } from './queue-harness.ts';

function requests(device: BlockDevice, options: Parameters<typeof harness>[1] = {}) {
  const h = harness(device, options);
  const queue = h.queue(0);
  /** Answers status, used len and what the data part of the answer holds. */
  const request = (type: number, sector: bigint, out: Uint8Array, inLength: number) => {
    const header = h.guest.allocate({ size: 16 });
    header.store(encodeBlockHeader({ type, sector }));
    const chain: Segment[] = [readable(header)];
    if (out.length > 0) {
      const data = h.guest.allocate({ size: out.length });
      data.store(out);
      chain.push(readable(data));
    }
    let answer: Span | undefined;
    if (inLength > 0) {
      answer = h.guest.allocate({ size: inLength });
      answer.fill(0xee);
      chain.push(writable(answer));
    }
    const status = h.guest.allocate({ size: 1 });
    status.fill(0xee);
    chain.push(writable(status));
    const head = queue.driver.add(chain);
    queue.run();
    const [used, ...more] = queue.driver.reapUsed();
    return { head, used, more: more.length, status: status.load()[0], data: answer?.load() ?? new Uint8Array() };
  };
  return { ...h, request };
}

const NONE = new Uint8Array();

t.test('a write is read back byte for byte', async (t) => {
  const device = new BlockDevice();
  const { request, calls } = requests(device);
  const data = Uint8Array.from({ length: 1536 }, (_, n) => (n * 7 + 3) & 0xff);
  const wrote = request(VIRTIO_BLK_T_OUT, 5n, data, 0);
  t.same(wrote.used, { id: wrote.head, len: 1 });
  t.equal(wrote.status, 0);
  t.same(device.disk.slice(5 * 512, 8 * 512), data);
  const read = request(VIRTIO_BLK_T_IN, 5n, NONE, 1536);
  t.same(read.used, { id: read.head, len: 1537 });
  t.equal(read.status, 0);
  t.same(read.data, data);
  t.same(calls, [2]);
});

t.test('the serial number is 20 bytes, padded with zeroes', async (t) => {
  const { request } = requests(new BlockDevice({ serial: 'abc' }));
  const { status, data } = request(VIRTIO_BLK_T_GET_ID, 0n, NONE, 20);
  t.equal(status, 0);
  t.same(data, Uint8Array.from([97, 98, 99, ...Array.from({ length: 17 }, () => 0)]));
});
