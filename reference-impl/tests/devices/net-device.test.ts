import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { NetDevice, type NetOptions } from '../../devices/net-device.ts';
import { VIRTIO_NET_F_MQ, VIRTIO_NET_F_MRG_RXBUF } from '../../devices/net-layout.ts';
import { transportRules } from '../../devices/queued-device.ts';
import type { Span } from '../../memory/span.ts';
import { VIRTIO_F_EVENT_IDX, VIRTIO_F_VERSION_1 } from '../../virtqueue/feature-bits.ts';
import { areaAddresses, splitPosition } from '../../virtqueue/ring.ts';
import { readable, writable } from '../../virtqueue/segment.ts';
import { type SplitDeviceRules, splitDeviceRules } from '../../virtqueue/split/device-rules.ts';
import { type HarnessOptions, harness } from './queue-harness.ts';

const HEADER = 12;
const frameOf = (length: number, seed = 1): Uint8Array => Uint8Array.from({ length }, (_, n) => (n * 13 + seed) & 0xff);

function bench(options: NetOptions = {}, more: HarnessOptions = {}) {
  const device = new NetDevice(options);
  const h = harness(device, more);
  const posted = new Map<number, Span>();
  const post = (length: number, rx = 0): void => {
    const span = h.guest.allocate({ size: length });
    span.fill(0xee);
    const head = h.queue(rx).driver.add([writable(span)]);
    assert.notEqual(head, 'ring-full');
    posted.set(Number(head), span);
  };
  const send = (frame: Uint8Array, tx = 1): void => {
    const header = h.guest.allocate({ size: HEADER });
    header.fill(0);
    const body = h.guest.allocate({ size: frame.length });
    body.store(frame);
    assert.notEqual(h.queue(tx).driver.add([readable(header), readable(body)]), 'ring-full');
  };
  /** What each used receive buffer holds, as long as it was told to be. */
  const received = (rx = 0): Uint8Array[] =>
    h
      .queue(rx)
      .driver.reapUsed()
      .map(({ id, len }) => {
        const span = posted.get(id);
        assert.ok(span);
        const bytes = span.load();
        assert.ok(
          bytes.subarray(len).every((byte) => byte === 0xee),
          'written past the used length',
        );
        return bytes.slice(0, len);
      });
  return { device, ...h, post, send, received };
}

const headed = (frame: Uint8Array, buffers = 1): Uint8Array => {
  const bytes = new Uint8Array(HEADER + frame.length);
  bytes[10] = buffers;
  bytes.set(frame, HEADER);
  return bytes;
};

t.test('a frame that was sent comes back, with a header that says one buffer', async (t) => {
  const { queue, post, send, received, calls } = bench();
  post(2048);
  queue(0).run();
  send(frameOf(64));
  queue(1).run();
  t.same(received(), [headed(frameOf(64))]);
  t.same(
    queue(1)
      .driver.reapUsed()
      .map(({ len }) => len),
    [0],
  );
  t.same(calls, [1, 1]);
});

t.test('frames keep their order and their bytes, over as many buffers as they need', async (t) => {
  let frames = 0;
  let spread = 0;
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 12 }),
      fc.array(fc.integer({ min: 20, max: 700 }), { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      fc.constantFrom(0, 65530),
      (lengths, buffers, eventIdx, base) => {
        const features = VIRTIO_F_VERSION_1 | VIRTIO_NET_F_MRG_RXBUF | (eventIdx ? VIRTIO_F_EVENT_IDX : 0n);
        const { queue, post, send, received } = bench({}, { features, size: 256, base });
        let room = lengths.reduce((sum, length) => sum + length + HEADER + 700, 0);
        for (let n = 0; room > 0 && n < 256; n++) {
          const length = buffers[n % buffers.length] ?? 64;
          post(length);
          room -= length;
        }
        queue(0).run();
        for (const [n, length] of lengths.entries()) send(frameOf(length, n));
        queue(1).run();
        const parts = received();
        let at = 0;
        for (const [n, length] of lengths.entries()) {
          const count = (parts[at]?.[10] ?? 0) | ((parts[at]?.[11] ?? 0) << 8);
          if (room > 0 && count === 0) break;
          assert.ok(count >= 1);
          const whole = Uint8Array.from(parts.slice(at, at + count).flatMap((part) => [...part]));
          const expected = headed(frameOf(length, n));
          expected[10] = count & 0xff;
          assert.deepEqual(whole, expected);
          at += count;
          frames++;
          if (count > 1) spread++;
        }
        assert.equal(at, parts.length);
      },
    ),
    { numRuns: 80, seed: 8 },
  );
  t.ok(frames > 200 && spread > 100, `${frames} frames, ${spread} over several buffers`);
});

t.test('without MRG_RXBUF a frame that does not fit its buffer is dropped, and the buffer stays', async (t) => {
  const { queue, post, send, received } = bench();
  post(64);
  queue(0).run();
  send(frameOf(53));
  send(frameOf(52));
  queue(1).run();
  t.same(received(), [headed(frameOf(52))]);
  t.equal(queue(1).driver.reapUsed().length, 2);
});

t.test('all buffers of a packet become used at one moment', async (t) => {
  const shown: number[] = [];
  const ring: SplitDeviceRules = {
    ...splitDeviceRules,
    publishUsed: (memory, slot, id, len, nextIdx) => {
      splitDeviceRules.publishUsed(memory, slot, id, len, nextIdx);
      if (len > 0) shown.push(memory.usedIdx());
    },
  };
  const transport = { ...transportRules, ring: { ...transportRules.ring, split: ring } };
  const features = VIRTIO_F_VERSION_1 | VIRTIO_NET_F_MRG_RXBUF;
  const { queue, post, send, received, calls, drain } = bench({ transport }, { features });
  for (let n = 0; n < 3; n++) post(60);
  queue(0).run();
  send(frameOf(150));
  queue(1).run();
  drain();
  t.same(shown, [0, 0, 3], 'used idx behind each element');
  t.equal(received().length, 3);
  t.equal(calls[0], 1, 'and one call for all of them');
});

t.test('a frame waits for a receive buffer, and for enough of them', async (t) => {
  const { device, queue, post, send, received, drain } = bench(
    {},
    { features: VIRTIO_F_VERSION_1 | VIRTIO_NET_F_MRG_RXBUF },
  );
  send(frameOf(100));
  queue(1).run();
  t.equal(device.step(), 'idle');
  t.equal(queue(1).driver.reapUsed().length, 1, 'the transmit ring goes on');
  post(60);
  queue(0).run();
  t.equal(device.step(), 'idle');
  t.same(received(), []);
  t.same(device.stopQueue(0), splitPosition(0), 'the buffer that was not enough is not taken');
  const { ring } = queue(0);
  const areas = areaAddresses(ring, 'user');
  device.startQueue(0, {
    size: 16,
    areas,
    ringSpace: 'user',
    bufferSpace: 'guest-physical',
    position: splitPosition(0),
  });
  device.notify(0);
  post(60);
  queue(0).run();
  drain();
  const parts = received();
  t.same(
    parts.map(({ length }) => length),
    [60, 52],
  );
  t.equal(parts[0]?.[10], 2);
});

t.test('disabled rings discard what is sent and receive nothing', async (t) => {
  const { device, queue, post, send, received, drain } = bench();
  post(2048);
  post(2048);
  queue(0).run();
  device.setQueueEnabled(1, false);
  send(frameOf(60, 1));
  queue(1).run();
  t.equal(queue(1).driver.reapUsed().length, 1, 'used');
  device.setQueueEnabled(1, true);
  drain();
  t.same(received(), [], 'and gone');
  device.setQueueEnabled(0, false);
  send(frameOf(60, 2));
  queue(1).run();
  device.setQueueEnabled(0, true);
  drain();
  t.same(received(), []);
  send(frameOf(60, 3));
  queue(1).run();
  t.same(received(), [headed(frameOf(60, 3))]);
});

t.test('pairs do not mix', async (t) => {
  const { queue, post, send, received } = bench({ pairs: 2 }, { features: VIRTIO_F_VERSION_1 | VIRTIO_NET_F_MQ });
  post(2048, 0);
  queue(0).run();
  post(2048, 2);
  queue(2).run();
  send(frameOf(61), 3);
  queue(3).run();
  t.same(queue(0).driver.reapUsed(), []);
  t.same(received(2), [headed(frameOf(61))]);
});

t.test('a malformed receive buffer breaks the receive queue alone', async (t) => {
  const { device, queue, send, errors } = bench();
  const rx = queue(0);
  rx.ring.writeDescriptor(0, { addr: 0xffff_0000_0000_0000n, len: 2048, flags: 2, next: 0 });
  rx.driver.addHead(0);
  rx.run();
  send(frameOf(60));
  queue(1).run();
  t.same(errors, [{ queue: 0, reason: 'buffer-outside-every-region' }]);
  t.equal(queue(1).driver.reapUsed().length, 1);
  t.match(device.queueState(0), { broken: 'buffer-outside-every-region' });
  t.match(device.queueState(1), { broken: undefined });
});

t.test('chains without a frame are used', async (t) => {
  const { queue, guest, errors } = bench();
  for (const length of [1, 11, 12]) queue(1).driver.add([readable(guest.allocate({ size: length }))]);
  queue(1).run();
  t.equal(queue(1).driver.reapUsed().length, 3);
  t.same(errors, []);
});

t.test('a frame from outside waits for a receive buffer', async (t) => {
  const { device, post, received, queue } = bench({ pairs: 2 });
  for (let n = 0; n < 30; n++) device.deliver(frameOf(60, n));
  queue(0).run();
  t.same(received(), [], 'no buffer yet');
  for (let n = 0; n < 2; n++) post(100);
  queue(0).run();
  t.same(
    received().map((bytes) => bytes.subarray(HEADER)),
    [frameOf(60, 0), frameOf(60, 1)],
  );
  t.same(received(2), [], 'it is for the first pair');
  let left = 0;
  for (let more = true; more; ) {
    for (let n = 0; n < 8; n++) post(100);
    queue(0).run();
    const count = received().length;
    left += count;
    more = count > 0;
  }
  t.equal(left, 28);
});

t.test('a legacy driver has a header of 10 bytes', async (t) => {
  const { queue, guest, received, post } = bench({}, { features: 0n });
  post(2048);
  queue(0).run();
  const sent = guest.allocate({ size: 30 });
  sent.store(Uint8Array.from({ length: 30 }, (_, n) => (n < 10 ? 0 : n)));
  queue(1).driver.add([readable(sent)]);
  queue(1).run();
  t.same(received(), [Uint8Array.from({ length: 30 }, (_, n) => (n < 10 ? 0 : n))]);
});

t.test('configuration space', async (t) => {
  const device = new NetDevice({ pairs: 4, mtu: 9000, mac: Uint8Array.of(2, 3, 4, 5, 6, 7) });
  t.same(device.readConfig(0, 12), Uint8Array.of(2, 3, 4, 5, 6, 7, 1, 0, 4, 0, 0x28, 0x23));
  t.equal(device.readConfig(16, 2), undefined);
  t.notOk('writeConfig' in device, 'a driver writes no field');
  t.equal(device.queueCount, 8);
});
