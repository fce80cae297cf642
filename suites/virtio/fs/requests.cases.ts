import { FUSE_OUT_SIZE, fuseSizes, nameBytes, viewOf } from '../../../reference-impl/devices/fuse-layout.ts';
import { defineCase } from '../../case.ts';
import { servedBesideFull } from '../beside-full-queue.ts';
import { contents, FuseClient, type FuseRequest, untouched } from './fuse-client.ts';

/** Requests of a FUSE session and their answers (virtio 5.11.6). */

const applies = { start: 'negotiated', devices: ['fs'] } as const;

export const data = defineCase({
  id: 'virtio/fs/written-data-are-read',
  title: 'FUSE_WRITE takes data of up to 64 KiB at any place of a file, and FUSE_READ gives them back',
  proves: {
    'fs/read-and-write-supported': ['fs-write-loses-last-byte', 'fs-read-ends-with-the-page', 'fs-write-unknown'],
  },
  applies,
  variants: { bytes: [1, 512, 4096, 0x1_0000] },
  run({ driver, guest, ring, variant, requirement }) {
    const check = requirement('fs/read-and-write-supported');
    const client = new FuseClient(guest);
    const queue = driver.attach(ring({ size: 16 }));
    const bytes = Math.min(variant.bytes, client.begin(queue, check));
    const file = client.create(queue, check, `data-${variant.bytes}`);
    for (const [seed, at] of [0, 4090, 2].entries()) {
      const written = contents(bytes, seed);
      const write = client.ask(queue, client.write(file, at, written));
      check.equal(write.error, 0, `error of FUSE_WRITE of ${bytes} bytes at ${at}`);
      check.equal(viewOf(write.data).getUint32(0, true), bytes, `size in the answer to FUSE_WRITE at ${at}`);
      const read = client.ask(queue, client.read(file, at, bytes));
      check.equal(read.error, 0, `error of FUSE_READ of ${bytes} bytes at ${at}`);
      check.bytesEqual(read.data, written, `data of FUSE_READ at ${at}`);
    }
  },
});

export const headers = defineCase({
  id: 'virtio/fs/answers-have-the-header-of-fuse',
  title:
    'the header of an answer has the number of its request, the length of the whole, and an error that is negative',
  proves: {
    'fs/answer-header-as-fuse': ['fs-unique-of-32-bits', 'fs-answer-length-without-header', 'fs-error-positive'],
  },
  applies,
  run({ driver, guest, ring, requirement }) {
    const check = requirement('fs/answer-header-as-fuse');
    const client = new FuseClient(guest);
    const queue = driver.attach(ring({ size: 64 }));
    client.begin(queue, check);
    const missing: FuseRequest = { operation: 'lookup', data: nameBytes('there-is-none'), room: fuseSizes.entryOut };
    const requests = [client.askingAttributes, missing, client.askingAttributes, missing, missing];
    const placed = new Map<number, { readonly request: FuseRequest; readonly at: ReturnType<FuseClient['placed']> }>();
    for (const request of requests) {
      const at = client.placed(request);
      for (const id of queue.makeAvailable([at.segments])) placed.set(id, { request, at });
    }
    for (const used of queue.kickAndWaitForUsed(requests.length)) {
      const { request, at } = placed.get(used.id) ?? {};
      if (request === undefined || at === undefined) continue;
      const answer = client.answerOf(at, used);
      const what = request === missing ? 'FUSE_LOOKUP of a name that there is not' : 'FUSE_GETATTR of the root';
      check.equal(answer.unique, answer.asked, `unique in the answer to ${what}`);
      const wanted = FUSE_OUT_SIZE + (request === missing ? 0 : fuseSizes.attrOut);
      check.equal(answer.length, wanted, `length in the answer to ${what}`);
      if (request === missing) {
        check.holds(answer.error < 0 && answer.error > -512, `error of ${what}`, {
          expected: 'the number of an error, negated',
          actual: `${answer.error}`,
        });
      } else check.equal(answer.error, 0, `error of ${what}`);
    }
  },
});

export const hiprio = defineCase({
  id: 'virtio/fs/hiprio-is-served-beside-requests',
  title: 'FUSE_FORGET on the queue of high priority is used while a request queue is kept full',
  proves: { 'fs/hiprio-not-paused': 'fs-hiprio-pauses-behind-requests' },
  applies,
  run({ driver, guest, ring, requirement }) {
    const check = requirement('fs/hiprio-not-paused');
    const client = new FuseClient(guest);
    const queue = driver.attach(ring({ size: 64 }));
    const urgent = driver.companion(0);
    client.begin(queue, check);
    const { node } = client.create(queue, check, 'urgent');
    servedBesideFull(
      check,
      {
        busy: queue,
        filling: () => client.placed(client.askingAttributes).segments,
        other: urgent,
        request: () => client.placed(client.forget(node)).segments,
      },
      'FUSE_FORGET while the request queue is kept full',
      { expected: 'requests', actual: 'the request queue' },
    );
  },
});

export const forget = defineCase({
  id: 'virtio/fs/forget-has-no-answer',
  title: 'FUSE_FORGET on the queue of high priority is used with nothing written, with room for an answer or without',
  proves: { 'fs/forget-has-no-answer': 'fs-forget-answered' },
  applies,
  run({ driver, guest, ring, requirement }) {
    const check = requirement('fs/forget-has-no-answer');
    const client = new FuseClient(guest);
    const queue = driver.attach(ring({ size: 16 }));
    const urgent = driver.companion(0);
    client.begin(queue, check);
    const { node } = client.create(queue, check, 'forgotten');
    const placed = client.placed(client.forget(node));
    urgent.makeAvailable([placed.segments]);
    const [used] = urgent.kickAndWaitForUsed(1);
    check.equal(used?.len, 0, 'len of the used element of FUSE_FORGET');
    check.bytesEqual(
      placed.answer(),
      new Uint8Array(FUSE_OUT_SIZE).fill(untouched),
      'place of an answer to FUSE_FORGET',
    );
    const bare = client.placed(client.forget(node)).segments.filter((segment) => !segment.writable);
    urgent.makeAvailable([bare]);
    check.equal(urgent.kickAndWaitForUsed(1)[0]?.len, 0, 'len of the used element of FUSE_FORGET without room');
    check.equal(client.attributesOfRoot(queue).error, 0, 'error of FUSE_GETATTR behind both');
  },
});
