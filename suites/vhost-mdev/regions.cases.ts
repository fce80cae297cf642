import type { VhostMdevSession } from '../../drivers/port/port.ts';
import {
  VFIO_REGION_INFO_FLAG_MMAP,
  VFIO_REGION_INFO_FLAG_READ,
  VFIO_REGION_INFO_FLAG_WRITE,
  VFIO_REGION_SHIFT,
  VFIO_REGION_SPAN,
  vfioPci,
  vfioRegionInfo,
} from '../../reference-impl/wire/vfio-structures.ts';
import { defineCase } from '../case.ts';
import { readAnswer, resultOf, sent, state } from './channel-door.ts';
import { deviceInfoOf, regionInfoOf, sizesFrom } from './device-calls.ts';
import { refusesCall } from './refusal.ts';

/** VFIO_DEVICE_GET_REGION_INFO, and accesses that are about neither messages nor queues. */

const transports = ['vhost-mdev'] as const;
const sizes = sizesFrom(vfioRegionInfo.size);
const READ_WRITE = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
const mostRings = 64;
const leastPage = 4096;

const indicesBelow = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

export const barsHaveBytes = defineCase({
  id: 'vhost-mdev/regions/l1-bars-have-bytes',
  title: 'BAR0 and BAR1 of layout L1 have bytes',
  proves: { 'vm-regions/l1-bars-have-bytes': 'mdev-bar-without-bytes' },
  applies: { start: 'connected', transports, needs: ['layout-l1'], ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-regions/l1-bars-have-bytes');
    for (const bar of [0, 1]) check.notEqual(regionInfoOf(session, bar).size, 0n, `size of BAR${bar}`);
  },
});

export const channelSize = defineCase({
  id: 'vhost-mdev/regions/l2-channel-size',
  title: 'the CONFIG region of layout L2 has 16 MiB',
  proves: { 'vm-regions/l2-channel-size': 'mdev-config-region-of-one-page' },
  applies: { start: 'connected', transports, needs: ['layout-l2'], ring: 'none' },
  run({ session, requirement }) {
    requirement('vm-regions/l2-channel-size').equal(regionInfoOf(session, 0).size, 0x100_0000n, 'size of CONFIG');
  },
});

export const channelFlags = defineCase({
  id: 'vhost-mdev/regions/channel-is-read-and-written',
  title: 'the region of messages can be read and written, and not mapped, by its flags',
  proves: { 'vm-regions/channel-is-read-and-written': 'mdev-channel-claims-mmap' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const { flags } = regionInfoOf(session, session.places.messages);
    const seen = flags & (READ_WRITE | VFIO_REGION_INFO_FLAG_MMAP);
    requirement('vm-regions/channel-is-read-and-written').equal(seen, READ_WRITE, 'its flags of access');
  },
});

export const doorbellFlags = defineCase({
  id: 'vhost-mdev/regions/l2-doorbells-can-be-mapped',
  title: 'the NOTIFY region of layout L2 can be read, written and mapped, by its flags',
  proves: { 'vm-regions/l2-doorbells-can-be-mapped': 'mdev-doorbells-claim-no-mmap' },
  applies: { start: 'connected', transports, needs: ['layout-l2'], ring: 'none' },
  run({ session, requirement }) {
    const { flags } = regionInfoOf(session, session.places.doorbells);
    const all = READ_WRITE | VFIO_REGION_INFO_FLAG_MMAP;
    requirement('vm-regions/l2-doorbells-can-be-mapped').equal(flags & all, all, 'its flags of access');
  },
});

export const pageForEachRing = defineCase({
  id: 'vhost-mdev/regions/doorbell-page-for-each-ring',
  title: 'the region of doorbells has a page for each ring whose base can be asked for',
  proves: { 'vm-regions/doorbell-page-for-each-ring': 'mdev-doorbell-page-too-few' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    let rings = 0;
    while (rings < mostRings && sent(session, 'VHOST_GET_VRING_BASE', state(rings, 0)) === '24 bytes') rings++;
    readAnswer(session);
    const check = requirement('vm-regions/doorbell-page-for-each-ring');
    if (!check.atLeast(rings, 1, 'rings whose base can be asked for')) return;
    const page = Number(regionInfoOf(session, session.places.doorbells).size) / rings;
    const isPage = page >= leastPage && Number.isInteger(Math.log2(page));
    check.holds(isPage, `bytes for each of ${rings} rings`, { expected: 'a page', actual: String(page) });
  },
});

export const offsetShifted = defineCase({
  id: 'vhost-mdev/regions/l2-offset-is-index-shifted',
  title: 'regions of layout L2 begin in the file at their index shifted by 40, whatever room the caller has',
  proves: { 'vm-regions/l2-offset-is-index-shifted': 'mdev-offset-shifted-by-32' },
  applies: { start: 'connected', transports, needs: ['layout-l2'], ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-regions/l2-offset-is-index-shifted');
    for (const index of [0, 1]) {
      for (const argsz of sizes) {
        const expected = BigInt(index) << BigInt(VFIO_REGION_SHIFT);
        check.equal(regionInfoOf(session, index, argsz).offset, expected, `offset of region ${index}, argsz ${argsz}`);
      }
    }
  },
});

export const lieApart = defineCase({
  id: 'vhost-mdev/regions/lie-apart',
  title: 'no two regions share bytes of the file, as told to callers with room and without',
  proves: { 'vm-regions/regions-lie-apart': 'mdev-regions-overlap' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-regions/regions-lie-apart');
    for (const argsz of sizes) {
      const all = indicesBelow(deviceInfoOf(session).numRegions)
        .map((index) => regionInfoOf(session, index, argsz))
        .filter(({ size }) => size > 0n)
        .sort((a, b) => (a.offset < b.offset ? -1 : 1));
      const shared = all.filter(({ offset }, n) => {
        const before = all[n - 1];
        return before !== undefined && before.offset + before.size > offset;
      });
      check.equal(shared.length, 0, `regions that begin within another, told with argsz ${argsz}`);
    }
  },
});

export const indexRepeated = defineCase({
  id: 'vhost-mdev/regions/index-is-repeated',
  title: 'information about a region has its index',
  proves: { 'vm-regions/index-is-repeated': 'mdev-region-info-tells-index-zero' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-regions/index-is-repeated');
    for (const index of indicesBelow(deviceInfoOf(session).numRegions)) {
      const seen = regionInfoOf(session, index);
      if (check.equal(seen.resultOf, '0 bytes', `information about region ${index}`)) {
        check.equal(seen.index, index, 'its index');
      }
    }
  },
});

export const indexBeyond = defineCase({
  id: 'vhost-mdev/regions/index-beyond-count-is-refused',
  title: 'information about a region that there is not is refused, from the first one on',
  proves: { 'vm-regions/index-beyond-count-refused': 'mdev-region-beyond-is-the-last' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vm-regions/index-beyond-count-refused');
    const { numRegions } = deviceInfoOf(context.connect('connected'));
    for (const index of [numRegions, numRegions + 1, 255, 65536, 0x7fff_ffff, 0xffff_ffff]) {
      refusesCall(context, check, {
        what: `information about region ${index} of ${numRegions}`,
        open: () => context.connect('connected'),
        flawed: (session) => regionInfoOf(session, index).resultOf,
        control: (session) => regionInfoOf(session, numRegions - 1).resultOf,
        controlName: 'the last region',
      });
    }
  },
});

export const shortArgsz = defineCase({
  id: 'vhost-mdev/regions/short-argsz-is-refused',
  title: 'a caller of region information that has no room for it is refused',
  proves: { 'vm-regions/short-argsz-refused': 'mdev-region-info-short-argsz-taken' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vm-regions/short-argsz-refused');
    for (const argsz of [0, 4, 16, 24, 31]) {
      refusesCall(context, check, {
        what: `region information with argsz ${argsz}`,
        open: () => context.connect('connected'),
        flawed: (session) => regionInfoOf(session, 0, argsz).resultOf,
        control: (session) => regionInfoOf(session, 0).resultOf,
        controlName: 'argsz 32',
      });
    }
  },
});

export const otherIndicesEmpty = defineCase({
  id: 'vhost-mdev/regions/l1-other-indices-are-empty',
  title: 'ROM, VGA and the BARs that layout L1 does not have are told without bytes',
  proves: { 'vm-regions/l1-other-indices-are-empty': 'mdev-absent-region-with-bytes' },
  applies: { start: 'connected', transports, needs: ['layout-l1'], ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-regions/l1-other-indices-are-empty');
    for (const index of [3, 4, 5, 6, 8].filter((one) => one < deviceInfoOf(session).numRegions)) {
      const { resultOf: came, size, flags } = regionInfoOf(session, index);
      check.equal(`${came}, size ${size}, flags ${flags}`, '0 bytes, size 0, flags 0', `region ${index}`);
    }
  },
});

export const doorbellReadEmpty = defineCase({
  id: 'vhost-mdev/regions/doorbell-read-is-empty',
  title: 'doorbells cannot be read: a read of any length returns 0',
  proves: { 'vm-regions/doorbell-read-is-empty': 'mdev-doorbell-read-gives-bytes' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-regions/doorbell-read-is-empty');
    const { vfio, places } = session;
    for (const [offset, length] of [
      [0, 1],
      [0, 2],
      [0, 4],
      [4, 4],
      [4096, 4],
      [0, 4096],
    ] as const) {
      const came = resultOf(vfio.read(places.doorbells, offset, new Uint8Array(length)));
      check.equal(came, '0 bytes', `a read of ${length} bytes at ${offset}`);
    }
  },
});

export const absentRegionEmpty = defineCase({
  id: 'vhost-mdev/regions/absent-region-is-empty',
  title: 'reads and writes behind the last region return 0',
  proves: { 'vm-regions/absent-region-is-empty': 'mdev-absent-region-refused' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vm-regions/absent-region-is-empty');
    const { file } = session.vfio;
    const { numRegions } = deviceInfoOf(session);
    for (const index of [numRegions, numRegions + 1, 255]) {
      const position = index * VFIO_REGION_SPAN;
      check.equal(resultOf(file.pread(position, new Uint8Array(24))), '0 bytes', `a read of region ${index}`);
      check.equal(resultOf(file.pwrite(position, new Uint8Array(24))), '0 bytes', `a write to region ${index}`);
    }
  },
});

export const channelUnmappable = defineCase({
  id: 'vhost-mdev/regions/channel-cannot-be-mapped',
  title: 'the region of messages cannot be mapped, nor can configuration space of layout L1',
  proves: { 'vm-regions/channel-cannot-be-mapped': 'mdev-channel-mapped' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vm-regions/channel-cannot-be-mapped');
    const { places } = context.connect('connected');
    const map = ({ vfio }: VhostMdevSession, region: number): string => {
      const mapping = vfio.map(region, 0, leastPage);
      if (typeof mapping === 'number') return resultOf(mapping);
      mapping.unmap();
      return 'mapped';
    };
    const regions = places.name === 'l1' ? [places.messages, vfioPci.CONFIG_REGION_INDEX] : [places.messages];
    for (const region of regions) {
      refusesCall(context, check, {
        what: `mapping region ${region}`,
        open: () => context.connect('connected'),
        flawed: (session) => map(session, region),
        control: (session) => map(session, session.places.doorbells),
        controlName: 'the region of doorbells',
      });
    }
  },
});
