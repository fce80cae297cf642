import type { MdevState } from '../../../vhost-mdev/mdev-state.ts';
import type { MdevOutcome } from '../../../vhost-mdev/message-rules.ts';
import type { RingRecord } from '../../../vhost-mdev/ring-set.ts';
import { BrokenDown } from '../../../vhost-user/back-end-edge.ts';
import { errno } from '../../../wire/errno.ts';
import { encodeStructure } from '../../../wire/structure.ts';
import { vringStatePayload } from '../../../wire/vhost-user-payloads.ts';
import type { MdevFault } from '../../fault.ts';
import { inMdevTable, mdevFault, mdevHandling } from './mdev-fault.ts';
import { scribble } from './scribble.ts';

type RingMessage = 'VHOST_SET_VRING_NUM' | 'VHOST_SET_VRING_BASE' | 'VHOST_SET_VRING_ADDR' | 'VHOST_GET_VRING_BASE';

interface RingChange {
  readonly right: () => MdevOutcome;
  readonly device: MdevState;
  readonly ring: RingRecord;
  /** The number that the message tells. */
  readonly num: number;
}

/** Takes the place of a message of a ring that there is. */
const atRing = (name: RingMessage, handle: (change: RingChange) => MdevOutcome) =>
  mdevHandling(name, (right, device, payload) => {
    const ring = device.rings.records[payload.getUint32(0, true)];
    return ring === undefined ? right() : handle({ right, device, ring, num: payload.getUint32(4, true) });
  });

const atSize = (handle: (change: RingChange) => MdevOutcome) => atRing('VHOST_SET_VRING_NUM', handle);
const atBase = (handle: (change: RingChange) => MdevOutcome) => atRing('VHOST_SET_VRING_BASE', handle);
const atAddresses = (handle: (change: RingChange) => MdevOutcome) => atRing('VHOST_SET_VRING_ADDR', handle);
const atAskedBase = (handle: (change: RingChange) => MdevOutcome) => atRing('VHOST_GET_VRING_BASE', handle);

/** Takes the index of a message to be another. */
const takenAs = (name: RingMessage, indexOf: (index: number) => number) =>
  mdevHandling(name, (right, _, payload) => {
    payload.setUint32(0, indexOf(payload.getUint32(0, true)), true);
    return right();
  });

/** Messages about missing rings end with `outcome`. */
const atMissing = (name: RingMessage, isMeant: (index: number) => boolean, outcome: number) =>
  mdevHandling(name, (right, { rings }, payload) => {
    const index = payload.getUint32(0, true);
    return rings.records[index] === undefined && isMeant(index) ? outcome : right();
  });

const lowHalf = (index: number): number => index & 0xffff;

const sizes = {
  'mdev-ring-of-one-entry-refused': mdevFault(
    'vm-rings/sizes-are-powers-of-two',
    'a ring must have two entries at least',
    inMdevTable('ring', ({ acceptsSize }) => ({
      acceptsSize: (size, layout) => size !== 1 && acceptsSize(size, layout),
    })),
  ),
  'mdev-size-cut-to-15-bits': mdevFault(
    'vm-rings/sizes-are-powers-of-two',
    'a size of 32768 is stored as 0',
    inMdevTable('ring', { storedSize: (size) => size & 0x7fff }),
  ),
  'mdev-large-rings-refused': mdevFault(
    'vm-rings/sizes-are-powers-of-two',
    'a ring may have 1024 entries at most',
    inMdevTable('ring', ({ acceptsSize }) => ({
      acceptsSize: (size, layout) => size <= 1024 && acceptsSize(size, layout),
    })),
  ),
  'mdev-any-ring-size-taken': mdevFault(
    'vm-rings/bad-size-refused',
    'a ring may have any size',
    inMdevTable('ring', { acceptsSize: () => true }),
  ),
  'mdev-size-without-upper-half': mdevFault(
    'vm-rings/bad-size-refused',
    'the upper half of a size is ignored',
    inMdevTable('ring', ({ acceptsSize }) => ({
      acceptsSize: (size, layout) => acceptsSize(lowHalf(size), layout),
      storedSize: lowHalf,
    })),
  ),
  'mdev-refused-size-stored': mdevFault(
    'vm-rings/refused-size-changes-nothing',
    'a size that is refused for its upper half is stored without it',
    atSize(({ right, ring, num }) => {
      const outcome = right();
      if (outcome === errno.EINVAL && num > 0xffff && lowHalf(num) === 16) ring.size = 16;
      return outcome;
    }),
  ),
  'mdev-refused-size-takes-ring-out': mdevFault(
    'vm-rings/refused-size-changes-nothing',
    'a size that is refused takes the ring out of use',
    atSize(({ right, ring }) => {
      const outcome = right();
      if (outcome === errno.EINVAL) ring.size = 0;
      return outcome;
    }),
  ),
  'mdev-size-zero-ignored': mdevFault(
    'vm-rings/size-zero-takes-ring-out',
    'size 0 is ignored where a ring has 512 entries',
    atSize(({ right, ring, num }) => (num === 0 && ring.size === 512 ? 0 : right())),
  ),
  'mdev-size-zero-forgets-ring': mdevFault(
    'vm-rings/size-zero-takes-ring-out',
    'size 0 forgets the addresses of a ring of 512 entries',
    atSize(({ right, ring, num }) => {
      if (num === 0 && ring.size === 512) ring.addresses = undefined;
      return right();
    }),
  ),
  'mdev-ring-never-shrinks': mdevFault(
    'vm-rings/size-replaces-one-before',
    'a size below the one of before is taken and ignored',
    atSize(({ right, ring, num }) => (num > 0 && num < ring.size ? 0 : right())),
  ),
  'mdev-ring-never-grows': mdevFault(
    'vm-rings/size-replaces-one-before',
    'a size beyond the one of before is taken and ignored',
    atSize(({ right, ring, num }) => (ring.size > 0 && num > ring.size ? 0 : right())),
  ),
} as const satisfies Record<string, MdevFault>;

const bases = {
  'mdev-base-of-15-bits': mdevFault(
    'vm-rings/base-is-told-back',
    'the highest of the 16 bits of a base is lost',
    inMdevTable('ring', { storedBase: (base) => base & 0x7fff }),
  ),
  'mdev-base-told-once': mdevFault(
    'vm-rings/base-is-told-back',
    'a base counts only while that of before is 0',
    atBase(({ right, ring }) => (ring.base === 0 ? right() : 0)),
  ),
  'mdev-base-at-first-is-256': mdevFault(
    'vm-rings/base-never-told-is-zero',
    'the base of a ring that nothing was told of is 256',
    atAskedBase(({ right, ring: { index, size, base, addresses } }) =>
      size === 0 && base === 0 && addresses === undefined
        ? encodeStructure(vringStatePayload, { index, num: 256 })
        : right(),
    ),
  ),
  'mdev-base-beyond-16-bits-taken': mdevFault(
    'vm-rings/base-beyond-16-bits-refused',
    'a base is cut to 16 bits',
    inMdevTable('ring', { acceptsBase: () => true, storedBase: lowHalf }),
  ),
  'mdev-refused-base-stored': mdevFault(
    'vm-rings/base-beyond-16-bits-refused',
    'a base beyond 16 bits is refused and its lower half stored',
    atBase(({ right, ring, num }) => {
      const outcome = right();
      if (outcome === errno.EINVAL) ring.base = lowHalf(num);
      return outcome;
    }),
  ),
  'mdev-base-1-read-as-0': mdevFault(
    'vm-rings/base-is-where-ring-starts',
    'a ring that is told base 1 is read from 0 on',
    inMdevTable('ring', { storedBase: (base) => (base === 1 ? 0 : base) }),
  ),
  'mdev-base-3-skips-a-chain': mdevFault(
    'vm-rings/base-is-where-ring-starts',
    'a ring that is told base 3 is read from 4 on',
    inMdevTable('ring', { storedBase: (base) => (base === 3 ? 4 : base) }),
  ),
  'mdev-base-as-told-after-stop': mdevFault(
    'vm-rings/base-counts-after-stop',
    'the base of a ring that stopped behind its ninth chain is told as 0',
    inMdevTable('ring', { reportedBase: (base) => (base === 9 ? 0 : base) }),
  ),
  'mdev-base-behind-by-one': mdevFault(
    'vm-rings/base-counts-after-stop',
    'the base of a ring that stopped behind its 21st chain is told as 20',
    inMdevTable('ring', { reportedBase: (base) => (base === 21 ? 20 : base) }),
  ),
  'mdev-base-while-running-as-told': mdevFault(
    'vm-rings/base-while-running-counts',
    'while the device runs a base is what was told last',
    inMdevTable('ring', { baseWhileRunning: 'as-told' }),
  ),
  'mdev-ring-goes-on-after-its-base': mdevFault(
    'vm-rings/base-while-running-stops-ring',
    'a ring whose base was asked for while the device runs goes on at once',
    atAskedBase(({ right, device }) => {
      const wasRunning = device.isRunning;
      const outcome = right();
      device.setRunning(false);
      device.setRunning(wasRunning);
      return outcome;
    }),
  ),
  'mdev-base-of-one-ring-stops-all': mdevFault(
    'vm-rings/base-of-one-ring-stops-no-other',
    'all rings rest once the base of one was asked for while the device runs',
    atAskedBase(({ right, device }) => {
      const outcome = right();
      if (device.isRunning) for (const { index } of device.rings.records) device.rings.tellBase(index);
      return outcome;
    }),
  ),
} as const satisfies Record<string, MdevFault>;

const indices = {
  'mdev-missing-ring-taken': mdevFault(
    'vm-rings/missing-ring-refused',
    'SET_VRING_BASE of a ring that there is not is taken and ignored',
    atMissing('VHOST_SET_VRING_BASE', () => true, 0),
  ),
  'mdev-far-ring-taken': mdevFault(
    'vm-rings/missing-ring-refused',
    'SET_VRING_ADDR of a ring whose index has the highest bit is taken and ignored',
    atMissing('VHOST_SET_VRING_ADDR', (index) => index > 0x7fff_ffff, 0),
  ),
  'mdev-base-of-missing-ring-told': mdevFault(
    'vm-rings/base-of-missing-ring-refused',
    'the base of a ring that there is not is 0',
    inMdevTable('ring', { baseOfMissingRing: 0 }),
  ),
  'mdev-base-of-index-cut-to-16-bits': mdevFault(
    'vm-rings/base-of-missing-ring-refused',
    'GET_VRING_BASE ignores the upper half of the index',
    takenAs('VHOST_GET_VRING_BASE', lowHalf),
  ),
  'mdev-ring-index-cut-to-16-bits': mdevFault(
    'vm-rings/missing-ring-survived',
    'SET_VRING_BASE ignores the upper half of the index',
    takenAs('VHOST_SET_VRING_BASE', lowHalf),
  ),
  'mdev-far-ring-crashes': mdevFault(
    'vm-rings/missing-ring-survived',
    'SET_VRING_NUM of ring 0xffffffff crashes the device',
    mdevHandling('VHOST_SET_VRING_NUM', (right, _, payload) => {
      if (payload.getUint32(0, true) === 0xffff_ffff) throw new BrokenDown('abort');
      return right();
    }),
  ),
  'mdev-base-told-to-all-rings': mdevFault(
    'vm-rings/rings-are-told-apart',
    'a base is told to all rings',
    atBase(({ right, device, num }) => {
      const outcome = right();
      if (outcome === 0) for (const ring of device.rings.records) ring.base = num;
      return outcome;
    }),
  ),
  'mdev-size-told-to-next-ring-too': mdevFault(
    'vm-rings/rings-are-told-apart',
    'a size is told to the next ring as well where that has 4 entries',
    atSize(({ right, device, ring, num }) => {
      const next = device.rings.records[ring.index + 1];
      if (next?.size === 4) next.size = num;
      return right();
    }),
  ),
} as const satisfies Record<string, MdevFault>;

const addresses = {
  'mdev-addresses-told-once': mdevFault(
    'vm-rings/addresses-replace-those-before',
    'the addresses of a ring of 16 entries that has run count once',
    atAddresses(({ right, ring }) => (ring.addresses !== undefined && ring.size === 16 && ring.base > 1 ? 0 : right())),
  ),
  'mdev-used-address-told-once': mdevFault(
    'vm-rings/addresses-replace-those-before',
    'the used ring of a ring of 16 entries with base 0 stays where it was told to be first',
    atAddresses(({ right, ring }) => {
      const before = ring.base === 0 && ring.size === 16 ? ring.addresses : undefined;
      const outcome = right();
      if (before !== undefined && ring.addresses !== undefined)
        ring.addresses = { ...ring.addresses, used: before.used };
      return outcome;
    }),
  ),
  'mdev-descriptors-cut-to-alignment': mdevFault(
    'vm-rings/unaligned-ring-fails-start',
    'the lowest four bits of the address of descriptors are ignored',
    atAddresses(({ right, ring }) => {
      const outcome = right();
      const told = ring.addresses;
      if (told !== undefined) ring.addresses = { ...told, desc: told.desc & ~0xfn };
      return outcome;
    }),
  ),
  'mdev-used-ring-cut-to-alignment': mdevFault(
    'vm-rings/unaligned-ring-fails-start',
    'the lowest two bits of the address of a used ring are ignored',
    atAddresses(({ right, ring }) => {
      const outcome = right();
      const told = ring.addresses;
      if (told !== undefined) ring.addresses = { ...told, used: told.used & ~0x3n };
      return outcome;
    }),
  ),
  'mdev-addresses-forget-size': mdevFault(
    'vm-rings/ring-messages-in-any-order',
    'addresses that are told behind base 5 forget the size',
    atAddresses(({ right, ring }) => {
      if (ring.base === 5) ring.size = 0;
      return right();
    }),
  ),
  'mdev-size-forgets-base': mdevFault(
    'vm-rings/ring-messages-in-any-order',
    'a size that is told behind base 5 forgets the base',
    atSize(({ right, ring, num }) => {
      if (ring.base === 5 && num === 16) ring.base = 0;
      return right();
    }),
  ),
  'mdev-address-flags-refused': mdevFault(
    'vm-rings/address-flags-ignored',
    'SET_VRING_ADDR with flags fails with EINVAL',
    atAddresses(({ right, num }) => (num === 0 ? right() : errno.EINVAL)),
  ),
  'mdev-log-address-written': mdevFault(
    'vm-rings/log-address-not-written',
    'a start writes where the log address of a ring points',
    mdevHandling('VHOST_DEVICE_SET_STATE', (right, device) => {
      const outcome = right();
      for (const { logAddress } of device.isRunning ? device.rings.records : []) {
        if (logAddress !== 0n) scribble(device, logAddress, 0xff);
      }
      return outcome;
    }),
  ),
} as const satisfies Record<string, MdevFault>;

/** What is told of a ring while the device runs. */
const whileRunning = {
  'mdev-size-while-running-taken': mdevFault(
    'vm-rings/num-while-running-refused',
    'a size is taken while the device runs, and dropped',
    atSize(({ right, device }) => (device.isRunning ? 0 : right())),
  ),
  'mdev-base-while-running-taken': mdevFault(
    'vm-rings/base-set-while-running-refused',
    'a base is taken while the device runs, and dropped',
    atBase(({ right, device }) => (device.isRunning ? 0 : right())),
  ),
  'mdev-addresses-while-running-taken': mdevFault(
    'vm-rings/addr-while-running-refused',
    'addresses are taken while the device runs, and dropped',
    atAddresses(({ right, device }) => (device.isRunning ? 0 : right())),
  ),
  'mdev-size-while-running-disturbs': mdevFault(
    'vm-rings/change-while-running-disturbs-nobody',
    'a size is refused while the device runs, and the ring rests',
    atSize(({ right, device, ring }) => {
      if (device.isRunning) device.rings.tellBase(ring.index);
      return right();
    }),
  ),
  'mdev-base-while-running-disturbs': mdevFault(
    'vm-rings/change-while-running-disturbs-nobody',
    'a base is refused while the device runs, and the ring rests',
    atBase(({ right, device, ring }) => {
      if (device.isRunning) device.rings.tellBase(ring.index);
      return right();
    }),
  ),
  'mdev-addresses-while-running-disturb': mdevFault(
    'vm-rings/change-while-running-disturbs-nobody',
    'addresses are refused while the device runs, and count from the next start on',
    mdevHandling('VHOST_SET_VRING_ADDR', (right, device, payload) => {
      const ring = device.rings.records[payload.getUint32(0, true)];
      if (device.isRunning && ring !== undefined) {
        const at = (offset: number): bigint => payload.getBigUint64(offset, true);
        ring.addresses = { desc: at(8), used: at(16), avail: at(24) };
      }
      return right();
    }),
  ),
} as const satisfies Record<string, MdevFault>;

/** What is told of rings. */
export const mdevRingFaults = {
  ...sizes,
  ...bases,
  ...indices,
  ...addresses,
  ...whileRunning,
} as const satisfies Record<string, MdevFault>;
