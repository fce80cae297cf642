import { pattern } from '../../../drivers/devices/request.ts';
import { readable, writable } from '../../../reference-impl/virtqueue/segment.ts';
import { defineCase } from '../../case.ts';
import { eachSurvived } from '../broken-chain.ts';
import { runningQueue } from '../running-queue.ts';

/** What an entropy device places in buffers (virtio 5.4.6). */

const devices = ['entropy'] as const;

export const placesBytes = defineCase({
  id: 'virtio/entropy/each-buffer-gets-a-byte',
  title: 'a buffer of any length, in any number of descriptors, gets at least one byte',
  proves: { 'entropy/at-least-one-byte-placed': 'entropy-places-nothing' },
  applies: { start: 'closed', devices },
  run(context) {
    const { points, requirement } = context;
    const check = requirement('entropy/at-least-one-byte-placed');
    const all = [1, 2, 3, 8, 64, 4095, 4096, 4097, 0x1_0000].flatMap((bytes) =>
      [[], [1], [1, 1, 5]]
        .filter((cuts) => cuts.reduce((sum, cut) => sum + cut, 0) < bytes)
        .map((writableCuts) => ({ key: `bytes=${bytes},descriptors=${writableCuts.length + 1}`, bytes, writableCuts })),
    );
    points(all, ({ key, bytes, writableCuts }) => {
      const { session, driver, queue } = runningQueue(context);
      queue.makeAvailable([driver.request({ bytes, writableCuts }).segments]);
      const [used] = queue.kickAndWaitForUsed(1);
      check.atLeast(used?.len ?? 0, 1, `len of the used element with ${key}`);
      check.atMost(used?.len ?? 0, bytes, `len of the used element with ${key}`);
      session.close();
    });
  },
});

export const lengthIsTold = defineCase({
  id: 'virtio/entropy/used-len-counts-what-is-placed',
  title: 'behind the bytes that the used element counts, a buffer is as it was',
  proves: { 'entropy/used-len-counts-bytes-placed': 'entropy-tells-less' },
  applies: { start: 'negotiated', devices },
  variants: { bytes: [16, 4096, 0x1_0000] },
  run({ driver, ring, guest, variant, requirement }) {
    const check = requirement('entropy/used-len-counts-bytes-placed');
    const queue = driver.attach(ring({ size: 16 }));
    const span = guest.allocate({ size: variant.bytes });
    const before = pattern(variant.bytes, 5);
    span.store(before);
    queue.makeAvailable([[writable(span)]]);
    const len = queue.kickAndWaitForUsed(1)[0]?.len ?? 0;
    check.bytesEqual(span.load().subarray(len), before.subarray(len), `bytes behind the ${len} that are told`);
  },
});

export const lengthIsWithinBuffer = defineCase({
  id: 'virtio/entropy/used-len-is-within-its-buffer',
  title: 'the used len of a buffer, short or long, is no more than the buffer holds',
  proves: { 'split/used-len-bytes-written': 'entropy-tells-more' },
  applies: { start: 'negotiated', devices },
  run({ driver, ring, requirement }) {
    const check = requirement('split/used-len-bytes-written');
    const queue = driver.attach(ring({ size: 16 }));
    for (const bytes of [20, 1, 512, 4096, 20, 0x1_0000, 1]) {
      queue.makeAvailable([driver.request({ bytes }).segments]);
      const [used] = queue.kickAndWaitForUsed(1);
      check.atMost(used?.len ?? 0, bytes, `len of the used element of a buffer of ${bytes} bytes`);
    }
  },
});

export const doNotRepeat = defineCase({
  id: 'virtio/entropy/bytes-do-not-repeat',
  title: 'buffers of 64 bytes that are filled one after another all differ, and none holds one byte alone',
  proves: { 'entropy/bytes-do-not-repeat': ['entropy-repeats-itself', 'entropy-all-bytes-alike'] },
  applies: { start: 'negotiated', devices },
  run({ driver, ring, guest, requirement }) {
    const check = requirement('entropy/bytes-do-not-repeat');
    const queue = driver.attach(ring({ size: 16 }));
    const seen = new Set<string>();
    for (let round = 1; round <= 8; round++) {
      const bytes = new Uint8Array(64);
      // A device may fill less than a buffer: as many as it takes.
      for (let at = 0; at < bytes.length; ) {
        const span = guest.allocate({ size: bytes.length - at });
        queue.makeAvailable([[writable(span)]]);
        const placed = queue.kickAndWaitForUsed(1)[0]?.len ?? 0;
        if (!check.holds(placed > 0, `bytes of buffer ${round}`, { expected: 'at least 1', actual: '0' })) return;
        bytes.set(span.load().subarray(0, placed), at);
        at += placed;
      }
      check.atLeast(new Set(bytes).size, 2, `different bytes in buffer ${round}`);
      seen.add(bytes.join());
    }
    check.equal(seen.size, 8, 'different buffers of 8');
  },
});

export const readableSurvived = defineCase({
  id: 'virtio/entropy/readable-buffers-are-survived',
  title: 'chains that hold a buffer to be read, which no driver may place there, leave a device that serves',
  proves: { 'entropy/readable-buffer-survived': 'entropy-readable-buffer-crashes' },
  applies: { start: 'closed', devices },
  run(context) {
    const { guest, requirement } = context;
    const check = requirement('entropy/readable-buffer-survived');
    const all = [
      { key: 'readable-alone', parts: [readable] },
      { key: 'readable-before-writable', parts: [readable, writable] },
      { key: 'two-readable', parts: [readable, readable] },
    ];
    const chains = all.map(({ key, parts }) => ({
      key,
      chain: () => parts.map((part) => part(guest.allocate({ size: 32 }))),
    }));
    eachSurvived(context, check, chains);
  },
});
