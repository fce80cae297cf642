import { defineCase } from '../../case.ts';
import { configFrom, fieldFrom } from '../device-parts.ts';

/** Configuration of the file system device (virtio 5.11.4). */

const applies = { start: 'negotiated', devices: ['fs'], needs: ['device.config'], ring: 'none' } as const;
const tagBytes = 36;

export const requestQueues = defineCase({
  id: 'virtio/fs/request-queues-are-told',
  title: 'num_request_queues is 1 or more',
  proves: { 'fs/num-request-queues-at-least-one': 'fs-tells-no-request-queue' },
  applies,
  run({ session, requirement }) {
    const check = requirement('fs/num-request-queues-at-least-one');
    const told = fieldFrom(session, check, { name: 'num_request_queues', at: tagBytes, bytes: 4 });
    check.atLeast(told, 1, 'num_request_queues');
  },
});

export const tag = defineCase({
  id: 'virtio/fs/tag-is-text-that-is-padded',
  title: 'the tag is UTF-8, and behind its end there are NUL bytes alone',
  proves: { 'fs/tag-is-utf8-padded-with-nul': ['fs-tag-before-rest', 'fs-tag-of-latin1'] },
  applies,
  run({ session, requirement }) {
    const check = requirement('fs/tag-is-utf8-padded-with-nul');
    const field = configFrom(session, check, tagBytes);
    const end = field.includes(0) ? field.indexOf(0) : tagBytes;
    check.bytesEqual(field.subarray(end), new Uint8Array(tagBytes - end), `bytes behind the ${end} of the tag`);
    const name = field.subarray(0, end);
    const text = Buffer.from(name).toString('utf8');
    check.bytesEqual(Buffer.from(text, 'utf8'), name, 'the tag, read as UTF-8 and written again');
  },
});
