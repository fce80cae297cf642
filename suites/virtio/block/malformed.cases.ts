import {
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_GET_ID,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
} from '../../../drivers/devices/block-requests.ts';
import type { DeviceDriver } from '../../../drivers/devices/device-driver.ts';
import { pattern } from '../../../drivers/devices/request.ts';
import { readable, type Segment, writable } from '../../../reference-impl/virtqueue/segment.ts';
import { defineCase } from '../../case.ts';
import { type BrokenChain, eachSurvived } from '../broken-chain.ts';

/** Requests that no driver may make: the text leaves open what becomes of them, a device must only survive. */

export const partialSector = defineCase({
  id: 'virtio/block/partial-sector-is-survived',
  title: 'a read or write of a length that is no multiple of 512 bytes is survived',
  proves: { 'blk/partial-sector-survived': 'block-partial-sector-crashes' },
  applies: { start: 'closed', devices: ['block'] },
  run(context) {
    const check = context.requirement('blk/partial-sector-survived');
    const all = [0, 1, 511, 513, 1025].flatMap((bytes): BrokenChain[] => [
      {
        key: `read,bytes=${bytes}`,
        chain: ({ block }) => block.raw({ type: VIRTIO_BLK_T_IN, sector: 1, writableBytes: bytes }).segments,
      },
      {
        key: `write,bytes=${bytes}`,
        chain: ({ block }) => block.raw({ type: VIRTIO_BLK_T_OUT, sector: 1, data: pattern(bytes, 5) }).segments,
      },
    ]);
    eachSurvived(context, check, all);
  },
});

export const shortRequest = defineCase({
  id: 'virtio/block/short-request-is-survived',
  title: 'a chain too short for a header or a status byte is survived',
  proves: { 'blk/short-request-survived': 'block-short-request-crashes' },
  applies: { start: 'closed', devices: ['block'] },
  run(context) {
    const { guest } = context;
    const check = context.requirement('blk/short-request-survived');
    const span = (size: number): ReturnType<typeof guest.allocate> => {
      const made = guest.allocate({ size });
      made.fill(0);
      return made;
    };
    const header = (bytes: number): Segment => readable(span(bytes));
    const all: BrokenChain[] = [
      ...[1, 8, 15].map((bytes) => ({
        key: `header=${bytes},status`,
        chain: () => [header(bytes), writable(span(513))],
      })),
      { key: 'header,no-writable', chain: () => [header(16)] },
      { key: 'short-header,no-writable', chain: () => [header(4)] },
      { key: 'no-readable,status', chain: () => [writable(span(1))] },
      { key: 'no-readable,data', chain: () => [writable(span(512)), writable(span(1))] },
      ...[VIRTIO_BLK_T_GET_ID, VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_T_IN].map((type) => ({
        key: `type=${type},status-only`,
        chain: ({ block }: DeviceDriver) => block.raw({ type, sector: 0 }).segments,
      })),
      {
        key: 'get-id-into-3-bytes',
        chain: ({ block }) => block.raw({ type: VIRTIO_BLK_T_GET_ID, sector: 0, writableBytes: 3 }).segments,
      },
    ];
    eachSurvived(context, check, all);
  },
});
