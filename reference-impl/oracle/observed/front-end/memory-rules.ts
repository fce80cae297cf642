import type { RegionDescription } from '../../../vhost-user/memory-rules.ts';
import { vhostIotlbType } from '../../../wire/vhost-user-constants.ts';
import { breach, keptIf } from '../judgement.ts';
import { hexWord, type ObservedMessageRule } from './message-rule.ts';
import { contains, isSameRegion } from './story.ts';

const share = (one: bigint, oneSize: bigint, other: bigint, otherSize: bigint): boolean =>
  one < other + otherSize && other < one + oneSize;

const overlap = (one: RegionDescription, other: RegionDescription): boolean =>
  share(one.guestAddress, one.size, other.guestAddress, other.size) ||
  share(one.userAddress, one.size, other.userAddress, other.size);

/** A pair of regions that share addresses. */
function overlapping(regions: readonly RegionDescription[]): readonly RegionDescription[] | undefined {
  for (const [index, one] of regions.entries()) {
    const other = regions.slice(index + 1).find((next) => overlap(one, next));
    if (other !== undefined) return [one, other];
  }
  return undefined;
}

const inWords = ({ guestAddress, userAddress, size }: RegionDescription): string =>
  `guest ${hexWord(guestAddress)}, user ${hexWord(userAddress)}, ${hexWord(size)} bytes`;

const changesMemory: readonly string[] = [
  'VHOST_USER_SET_MEM_TABLE',
  'VHOST_USER_ADD_MEM_REG',
  'VHOST_USER_REM_MEM_REG',
];

const pageSize = 0x1000n;

/** Bytes of a dirty log that has a bit for each page below the end of the highest region. */
const logBytes = (regions: readonly RegionDescription[]): bigint => {
  const end = regions.reduce((most, { guestAddress, size }) => {
    return guestAddress + size > most ? guestAddress + size : most;
  }, 0n);
  const pages = (end + pageSize - 1n) / pageSize;
  return (pages + 7n) / 8n;
};

export const memoryRules: readonly ObservedMessageRule[] = [
  {
    requirement: 'vu-front-end/memory-regions-disjoint',
    judge: (request, before) => {
      if (request.name !== 'VHOST_USER_SET_MEM_TABLE' && request.name !== 'VHOST_USER_ADD_MEM_REG') return undefined;
      const pair = overlapping(before.regionsAfter(request));
      return keptIf(pair === undefined, () =>
        breach(request.name, 'regions that share no address', (pair ?? []).map(inWords).join(' and ')),
      );
    },
  },
  {
    requirement: 'vu-front-end/memory-slots-within-limit',
    judge: (request, { regions, offer }) => {
      if (request.name !== 'VHOST_USER_ADD_MEM_REG') return undefined;
      return keptIf(regions.length < offer.memorySlots, () =>
        breach(request.name, `${offer.memorySlots} regions at most`, `one more than ${regions.length}`),
      );
    },
  },
  {
    requirement: 'vu-front-end/removed-region-was-added',
    judge: (request, { regions }) => {
      if (request.name !== 'VHOST_USER_REM_MEM_REG') return undefined;
      return keptIf(
        regions.some((region) => isSameRegion(region, request.value)),
        () => breach(request.name, 'a region that is there', inWords(request.value)),
      );
    },
  },
  {
    requirement: 'vu-front-end/ring-lies-in-memory',
    judge: (request, before) => {
      if (!changesMemory.includes(request.name) || before.translates) return undefined;
      const started = [...before.rings].filter(([, ring]) => ring.isStarted && ring.areas !== undefined);
      if (started.length === 0) return undefined;
      const after = before.regionsAfter(request);
      for (const [index, ring] of started) {
        const outside = before.areaOutside(ring, after);
        if (outside === undefined) continue;
        const where = `the ${outside.area} area of ring ${index} at user address ${hexWord(outside.address)}`;
        return breach(request.name, `regions that hold ${where}`, 'the ring is started, and it lies in none');
      }
      return 'kept';
    },
  },
  {
    requirement: 'vu-front-end/log-covers-memory',
    judge: (request, { regions }) => {
      if (request.name !== 'VHOST_USER_SET_LOG_BASE' || !('logSize' in request.value)) return undefined;
      const { logSize } = request.value;
      const needed = logBytes(regions);
      return keptIf(logSize >= needed, () => breach(request.name, `${needed} bytes or more`, `${logSize} bytes`));
    },
  },
  {
    requirement: 'vu-front-end/iotlb-update-lies-in-memory',
    judge: (request, { regions }) => {
      if (request.name !== 'VHOST_USER_IOTLB_MSG') return undefined;
      const { type, userAddress, size } = request.value;
      if (type !== vhostIotlbType.VHOST_IOTLB_UPDATE) return undefined;
      return keptIf(
        regions.some((region) => contains(region, userAddress, size)),
        () => breach(request.name, 'a range in a memory region', `${hexWord(size)} bytes at ${hexWord(userAddress)}`),
      );
    },
  },
];
