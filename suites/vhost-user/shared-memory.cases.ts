import { kernelPageSize } from '../../drivers/port/page-size.ts';
import type { ReceivedMessage, VhostUserSession } from '../../drivers/port/port.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { settled, stoppedAt } from '../ring-positions.ts';
import { backEndMessages, cameOf, channelFeatures, serveBackEnd, servedQueue } from './back-end-messages.ts';
import { waited } from './ring-by-hand.ts';
import { payloadOf } from './words.ts';

/** VIRTIO shared memory regions (vhost-user, "VHOST_USER_GET_SHMEM_CONFIG"). */

const applies = {
  start: 'negotiated',
  transports: ['vhost-user'],
  negotiate: ['VHOST_USER_PROTOCOL_F_SHMEM'],
} as const;

const regions = 256;
const firstSizeAt = 8;

/** The sizes of all regions, used or not. */
function sizesOf(session: VhostUserSession, check: Check): bigint[] {
  const answer = session.messages.exchange({ request: 'VHOST_USER_GET_SHMEM_CONFIG' });
  const view = payloadOf(check.reply(answer, 'GET_SHMEM_CONFIG'), firstSizeAt + 8 * regions);
  return Array.from({ length: regions }, (_, id) => view.getBigUint64(firstSizeAt + 8 * id, true));
}

const shown = (sizes: readonly bigint[]): string =>
  sizes.flatMap((size, id) => (size === 0n ? [] : [`${id}: ${size}`])).join(', ') || 'none';

export const constantLayout = defineCase({
  id: 'vhost-user/shared-memory/layout-stays-the-same',
  title: 'GET_SHMEM_CONFIG tells the same regions before a ring runs, while it runs and behind its stop',
  proves: { 'vu-shmem/layout-constant-per-connection': 'shared-memory-layout-grows' },
  applies,
  run({ session, driver, ring, requirement }) {
    const check = requirement('vu-shmem/layout-constant-per-connection');
    const first = shown(sizesOf(session, check));
    const queue = servedQueue({ driver, ring });
    check.equal(shown(sizesOf(session, check)), first, 'the sizes of regions while a ring runs');
    queue.stop();
    check.equal(shown(sizesOf(session, check)), first, 'the sizes of regions behind the stop');
  },
});

export const wholePages = defineCase({
  id: 'vhost-user/shared-memory/regions-have-whole-pages',
  title: 'the size of each shared memory region is a multiple of the page size, or 0',
  proves: { 'vu-shmem/region-sizes-page-multiples': 'shared-memory-of-half-a-page' },
  applies: { ...applies, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vu-shmem/region-sizes-page-multiples');
    for (const [id, size] of sizesOf(session, check).entries()) {
      check.equal(size % BigInt(kernelPageSize()), 0n, `bytes of region ${id} behind its last whole page`);
    }
  },
});

interface Mapping {
  readonly shmid: number;
  readonly start: bigint;
  readonly length: bigint;
}

function mappingOf(message: ReceivedMessage): Mapping {
  const view = payloadOf(message, 40);
  return { shmid: view.getUint8(0), start: view.getBigUint64(16, true), length: view.getBigUint64(24, true) };
}

const named = ({ shmid, start, length }: Mapping): string => `${length} bytes at ${start} of region ${shmid}`;

const meet = (one: Mapping, other: Mapping): boolean =>
  one.shmid === other.shmid && one.start < other.start + other.length && other.start < one.start + one.length;

const isSame = (one: Mapping, other: Mapping): boolean =>
  one.shmid === other.shmid && one.start === other.start && one.length === other.length;

/** Carries out what was asked for, in order, and looks at each. */
function follow(requests: readonly ReceivedMessage[], sizes: readonly bigint[], map: number, check: Check): void {
  let mapped: Mapping[] = [];
  for (const message of requests) {
    const asked = mappingOf(message);
    if (message.request === map) {
      const end = asked.start + asked.length;
      const isWithin = asked.length > 0n && end <= (sizes[asked.shmid] ?? 0n);
      const expected = `bytes within the ${sizes[asked.shmid]} of region ${asked.shmid}`;
      check.holds(isWithin, 'a range to be mapped', { expected, actual: named(asked) });
      const taken = mapped.filter((other) => meet(asked, other)).map(named);
      check.equal(taken.join(', '), '', `what was mapped already where ${named(asked)} are to be mapped`);
      mapped.push(asked);
    } else {
      const isWhole = mapped.some((other) => isSame(asked, other));
      const expected = `one of ${mapped.map(named).join(', ') || 'none'}`;
      check.holds(isWhole, 'a range to be unmapped', { expected, actual: named(asked) });
      mapped = mapped.filter((other) => !isSame(asked, other));
    }
  }
}

export const freeRanges = defineCase({
  id: 'vhost-user/shared-memory/what-is-mapped-is-free-and-what-is-unmapped-is-whole',
  title: 'over starts and stops of a ring, free ranges within regions are mapped, and whole mappings are unmapped',
  proves: {
    'vu-shmem/map-free-range-unmap-whole-mapping': [
      'shared-memory-mapped-twice',
      'shared-memory-mapped-past-end',
      'shared-memory-unmapped-in-part',
    ],
  },
  applies: {
    ...applies,
    negotiate: [...applies.negotiate, ...channelFeatures],
    needs: ['initial-base', 'shared-mappings'],
  },
  // What could not be asked for is not mapped.
  variants: { channel: ['ahead-of-the-ring', 'behind-its-start'] },
  run({ port, session, driver, ring, variant, requirement }) {
    const check = requirement('vu-shmem/map-free-range-unmap-whole-mapping');
    if (variant.channel === 'ahead-of-the-ring') serveBackEnd(session, check);
    const sizes = sizesOf(session, check);
    let queue = servedQueue({ driver, ring });
    if (variant.channel === 'behind-its-start') serveBackEnd(session, check);
    const all = [queue, ...driver.companions()];
    const stopped = all.map((each) => stoppedAt(check, each.stop(), `GET_VRING_BASE of ring ${each.index}`));
    const again = all.map((each, n) => ({ each, position: stopped[n] })).toReversed();
    for (const { each, position } of again) {
      if (position === undefined) return;
      queue = driver.attach(each.ring, { index: each.index, position: settled(position) });
    }
    driver.warmUp(queue);
    const maps = cameOf(port, session, 'VHOST_USER_BACKEND_SHMEM_MAP', 2);
    const [first] = maps;
    if (first === undefined) return check.inconclusive('the back-end maps nothing');
    const unmaps = backEndMessages(session, 'VHOST_USER_BACKEND_SHMEM_UNMAP');
    follow(
      [...maps, ...unmaps].sort((one, other) => one.seq - other.seq),
      sizes,
      first.request,
      check,
    );
  },
});

/** No text has a back-end map anything: the target says that it does, and a case on its mappings would show nothing without. */
export const knownMappings = defineCase({
  id: 'vhost-user/shared-memory/something-is-mapped-where-the-target-says-so',
  title: 'a back-end that is known to map shared memory asks for a mapping, with a descriptor, once a ring has started',
  proves: { 'vu-shmem/known-mappings-made': 'shared-memory-never-mapped' },
  applies: {
    ...applies,
    negotiate: [...applies.negotiate, ...channelFeatures],
    needs: ['shared-mappings'],
  },
  run({ port, session, driver, ring, requirement }) {
    const check = requirement('vu-shmem/known-mappings-made');
    serveBackEnd(session, check);
    sizesOf(session, check);
    servedQueue({ driver, ring });
    const maps = () => backEndMessages(session, 'VHOST_USER_BACKEND_SHMEM_MAP');
    if (!waited(port, check, 'a ring that runs', 'SHMEM_MAP', () => maps().length > 0)) return;
    for (const { descriptors } of maps()) check.equal(descriptors.length, 1, 'descriptors with SHMEM_MAP');
  },
});
