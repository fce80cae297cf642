import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { annotateMdevMessage } from '../wire/annotate-mdev.ts';
import { annotateVfioArgument } from '../wire/annotate-vfio.ts';
import type { Annotation } from '../wire/annotator.ts';
import { encodeMdevMessage, mdevMemoryTablePayload } from '../wire/mdev-messages.ts';
import { encodeStructure } from '../wire/structure.ts';
import { vfioDmaMap, vfioGroupRequests, vfioRequests } from '../wire/vfio-structures.ts';
import { vhostRequests } from '../wire/vhost-requests.ts';
import { u64Payload } from '../wire/vhost-user-payloads.ts';

function covers(annotations: readonly Annotation[], length: number): void {
  let at = 0;
  for (const annotation of annotations) {
    assert.equal(annotation.offset, at, annotation.field);
    assert.ok(annotation.length > 0, annotation.field);
    at += annotation.length;
  }
  assert.equal(at, length);
}

const requests = fc.oneof(fc.constantFrom(...Object.values(vhostRequests)), fc.nat({ max: 0xffff_ffff }));
const calls = fc.oneof(
  fc.constantFrom(...Object.values(vfioRequests), ...Object.values(vfioGroupRequests)),
  fc.nat({ max: 0xffff_ffff }),
);

t.test('annotations cover all bytes in order, whatever they are', async (t) => {
  fc.assert(
    fc.property(
      requests,
      fc.nat({ max: 2000 }),
      fc.uint8Array({ maxLength: 200 }),
      fc.boolean(),
      (request, size, payload, isAnswer) => {
        const message = encodeMdevMessage(BigInt(request), payload, { size });
        for (const end of [message.length, 11, 0]) {
          const bytes = message.subarray(0, end);
          covers(annotateMdevMessage(bytes, isAnswer), bytes.length);
        }
      },
    ),
  );
  fc.assert(
    fc.property(calls, fc.uint8Array({ maxLength: 100 }), (request, bytes) => {
      covers(annotateVfioArgument(request, bytes), bytes.length);
    }),
  );
  t.pass('200 messages and arguments');
});

const notes = (annotations: readonly Annotation[]): string[] =>
  annotations.map(({ field, value, note }) => `${field} ${value}${note === undefined ? '' : `: ${note}`}`);

t.test('they say what people want to know', async (t) => {
  const word = encodeStructure(u64Payload, { u64: 1n << 32n });
  t.strictSame(notes(annotateMdevMessage(encodeMdevMessage('VHOST_GET_FEATURES', word, { flags: 3 }), true)), [
    'request 0x8008af00: VHOST_GET_FEATURES',
    'flags 3: need reply, unknown bits 0x2',
    'size 8',
    'u64 0x100000000 (4294967296): VIRTIO_F_VERSION_1',
  ]);
  const region = { guestAddress: 0n, size: 9n, userAddress: 4n };
  const table = encodeStructure(mdevMemoryTablePayload, { numRegions: 1, regions: [region] });
  t.match(notes(annotateMdevMessage(encodeMdevMessage('VHOST_SET_MEM_TABLE', table), false)).slice(3), [
    'numRegions 1',
    'padding 00 00 00 00',
    'regions[0].guestAddress 0',
    'regions[0].size 9',
    'regions[0].userAddress 4',
    /^regions\[0\]\.flags 00/,
  ]);
  const map = { argsz: 32, flags: 0x13, userAddress: 1n, ioVirtualAddress: 2n, size: 3n };
  t.strictSame(notes(annotateVfioArgument(vfioRequests.VFIO_IOMMU_MAP_DMA, encodeStructure(vfioDmaMap, map))), [
    'argsz 0x20 (32)',
    'flags 0x13 (19): read, write, 0x10',
    'userAddress 1',
    'ioVirtualAddress 2',
    'size 3',
  ]);
  const irqs = new Uint8Array(Uint32Array.of(28, 0x24, 0, 1, 2, 5, 0xffff_ffff).buffer);
  t.strictSame(notes(annotateVfioArgument(vfioRequests.VFIO_DEVICE_SET_IRQS, irqs)).slice(1), [
    'flags 0x24 (36): data eventfd, action trigger',
    'index 0',
    'start 1',
    'count 2',
    'vector 1 5: event descriptor',
    'vector 2 -1: no event',
  ]);
  const name = new TextEncoder().encode('83b8f4f2-509f-382f-3c1e-e6bfe0fa1001\0');
  t.strictSame(notes(annotateVfioArgument(vfioGroupRequests.VFIO_GROUP_GET_DEVICE_FD, name)), [
    'name 83b8f4f2-509f-382f-3c1e-e6bfe0fa1001',
  ]);
  t.strictSame(notes(annotateVfioArgument(vfioGroupRequests.VFIO_SET_IOMMU, Uint8Array.of(3, 0, 0, 0))), ['type 3']);
  t.strictSame(notes(annotateVfioArgument(0x1234, Uint8Array.of(1, 2))), ['argument 01 02: as it is']);
});
