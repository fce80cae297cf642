import { isFailure } from '../../../memory/memory-map.ts';
import type { MdevState } from '../../../vhost-mdev/mdev-state.ts';
import { ringsInUse } from '../../../vhost-mdev/ring-set.ts';
import { BrokenDown } from '../../../vhost-user/back-end-edge.ts';
import { ringAreasAt } from '../../../vhost-user/vring-rules.ts';
import { ringLayoutOf } from '../../../virtqueue/feature-bits.ts';
import { errno } from '../../../wire/errno.ts';
import { decodeVringBase } from '../../../wire/vring-base.ts';
import type { MdevFault } from '../../fault.ts';
import { inMdevTable, mdevFault, mdevHandling } from './mdev-fault.ts';
import { scribble } from './scribble.ts';

/** Takes the place of DEVICE_SET_STATE with the state that was told; `right` does what it should. */
const atState = (handle: (right: () => number, device: MdevState, state: bigint) => number) =>
  mdevHandling('VHOST_DEVICE_SET_STATE', (right, device, payload) =>
    handle(() => right() as number, device, payload.getBigUint64(0, true)),
  );

const knowsRingOf = (device: MdevState, entries: number): boolean =>
  device.rings.records.some(({ size }) => size === entries);

/** A ring that was stopped at one base goes on at another. */
const resumesAt = (at: number, instead: number) =>
  inMdevTable('ring', { resumedBase: (base) => (base === at ? instead : base) });

/** Has the parent work on each ring that is told in full; what is known of the rings does not change. */
function startRings({ parent, rings, rules: { layout } }: MdevState): void {
  for (const { index, size, base, addresses } of rings.records) {
    if (size === 0 || addresses === undefined) continue;
    const position = decodeVringBase(ringLayoutOf(parent.features), base);
    const { ringSpace, bufferSpace } = layout;
    parent.startQueue(index, { size, areas: ringAreasAt(addresses), ringSpace, bufferSpace, position });
    parent.setQueueEnabled(index, true);
  }
}

/** What runs and what rests. */
const states = {
  'mdev-runs-once-told-of-ring': mdevFault(
    'vm-state/stopped-at-first',
    'a device that was told of a ring of 128 entries, its addresses last, runs',
    mdevHandling('VHOST_SET_VRING_ADDR', (right, device) => {
      const outcome = right();
      if (knowsRingOf(device, 128)) device.setRunning(true);
      return outcome;
    }),
  ),
  'mdev-start-without-effect': mdevFault(
    'vm-state/start-serves-rings',
    'a start with a ring of 32 entries is taken and starts nothing',
    atState((right, device, state) => (state === 1n && knowsRingOf(device, 32) ? 0 : right())),
  ),
  'mdev-stop-of-large-ring-ignored': mdevFault(
    'vm-state/stop-ends-service',
    'a stop is taken while a ring of 128 entries runs, and stops nothing',
    atState((right, device, state) => (state === 0n && device.isRunning && knowsRingOf(device, 128) ? 0 : right())),
  ),
  'mdev-writes-used-flags-while-stopped': mdevFault(
    'vm-state/stop-ends-writes',
    'GET_FEATURES while the device is stopped sets the used flags of a ring of 128 entries',
    mdevHandling('VHOST_GET_FEATURES', (right, device) => {
      for (const { size, addresses } of device.isRunning ? [] : device.rings.records) {
        if (size === 128 && addresses !== undefined) scribble(device, addresses.used, 1);
      }
      return right();
    }),
  ),
  'mdev-start-waits-for-doorbells': mdevFault(
    'vm-state/start-looks-at-rings',
    'a ring is not looked at before its first doorbell after the start',
    inMdevTable('ring', { servesAtStart: () => false }),
  ),
  'mdev-second-start-begins-anew': mdevFault(
    'vm-state/start-again-is-nothing',
    'a start of a device that runs stops it and begins each ring at 0',
    atState((right, device, state) => {
      if (state === 1n && device.isRunning) {
        device.setRunning(false);
        for (const ring of device.rings.records) ring.base = 0;
      }
      return right();
    }),
  ),
  'mdev-second-start-refused': mdevFault(
    'vm-state/start-again-is-nothing',
    'a start of a device that runs fails with EBUSY',
    atState((right, device, state) => (state === 1n && device.isRunning ? errno.EBUSY : right())),
  ),
  'mdev-second-stop-forgets-base': mdevFault(
    'vm-state/stop-again-is-nothing',
    'a stop of a device that is stopped forgets where a ring of 8 entries is',
    atState((right, device, state) => {
      for (const ring of device.isRunning || state !== 0n ? [] : device.rings.records)
        if (ring.size === 8) ring.base = 0;
      return right();
    }),
  ),
  'mdev-second-stop-refused': mdevFault(
    'vm-state/stop-again-is-nothing',
    'a stop of a device that is stopped fails where a ring of 8 entries has run',
    atState((right, device, state) =>
      state === 0n && !device.isRunning && device.rings.records.some(({ size, base }) => size === 8 && base > 0)
        ? errno.EINVAL
        : right(),
    ),
  ),
} as const satisfies Record<string, MdevFault>;

/** Values of the state. */
const values = {
  'mdev-state-2-taken': mdevFault(
    'vm-state/unknown-state-refused',
    'state 2 is taken and ignored',
    atState((right, _, state) => (state === 2n ? 0 : right())),
  ),
  'mdev-state-with-high-bit-taken': mdevFault(
    'vm-state/unknown-state-refused',
    'a state with the highest bit set is taken and ignored',
    atState((right, _, state) => (state >> 63n === 1n ? 0 : right())),
  ),
  'mdev-all-ones-stop': mdevFault(
    'vm-state/unknown-state-changes-nothing',
    'a state of all ones is refused and stops the device',
    atState((right, device, state) => {
      if (state === 0xffff_ffff_ffff_ffffn) device.setRunning(false);
      return right();
    }),
  ),
  'mdev-state-4-starts': mdevFault(
    'vm-state/unknown-state-changes-nothing',
    'state 4 is refused and starts the device',
    atState((right, device, state) => {
      if (state === 4n) device.setRunning(true);
      return right();
    }),
  ),
  'mdev-state-without-upper-half': mdevFault(
    'vm-state/state-has-64-bits',
    'the upper half of a state is ignored',
    mdevHandling('VHOST_DEVICE_SET_STATE', (right, _, payload) => {
      payload.setUint32(4, 0, true);
      return right();
    }),
  ),
} as const satisfies Record<string, MdevFault>;

/** Starts of a device that was told of little. */
const starts = {
  'mdev-start-wants-a-ring': mdevFault(
    'vm-state/start-without-rings-taken',
    'a start fails before any ring was told of',
    atState((right, { rings }, state) => (state === 1n && ringsInUse(rings.records) === 0 ? errno.EINVAL : right())),
  ),
  'mdev-start-wants-addresses': mdevFault(
    'vm-state/ring-without-address-stays-out',
    'a start fails while a ring has a size and no addresses',
    atState((right, { rings }, state) =>
      state === 1n && rings.records.some(({ size, addresses }) => size > 0 && addresses === undefined)
        ? errno.EFAULT
        : right(),
    ),
  ),
  'mdev-start-wants-an-event': mdevFault(
    'vm-state/descriptors-not-needed',
    'a start with a ring fails while no vector has an event descriptor',
    atState((right, { rings, interrupts }, state) =>
      state === 1n && ringsInUse(rings.records) > 0 && interrupts.armedVectors.length === 0 ? errno.EINVAL : right(),
    ),
  ),
  'mdev-start-without-features-crashes': mdevFault(
    'vm-state/start-without-features-survived',
    'a start with a ring before any SET_FEATURES crashes the device',
    atState((right, { rings, parent }, state) => {
      if (state === 1n && ringsInUse(rings.records) > 0 && parent.features === 0n) throw new BrokenDown('abort');
      return right();
    }),
  ),
  'mdev-runs-without-bad-ring': mdevFault(
    'vm-state/ring-nowhere-fails-start',
    'the device runs without the ring that cannot be started',
    inMdevTable('ring', { startsAnyhow: true }),
  ),
  'mdev-used-ring-unchecked': mdevFault(
    'vm-state/ring-nowhere-fails-start',
    'a start leaves out a ring whose used ring lies nowhere',
    atState((right, device, state) => {
      const { memory, rings, rules } = device;
      for (const ring of state === 1n ? rings.records : []) {
        const used = ring.addresses?.used;
        if (used === undefined || ring.size === 0) continue;
        if (isFailure(memory.translate(rules.layout.ringSpace, used, 8, 'write'))) ring.size = 0;
      }
      return right();
    }),
  ),
  'mdev-failed-start-forgets-rings': mdevFault(
    'vm-state/failed-start-stays-stopped',
    'a start that fails forgets all rings',
    atState((right, device) => {
      const error = right();
      if (error === errno.EFAULT) device.rings.forget();
      return error;
    }),
  ),
  'mdev-failed-start-leaves-rings-started': mdevFault(
    'vm-state/failed-start-stays-stopped',
    'the parent goes on with the rings that a start reached before it failed',
    atState((right, device) => {
      const error = right();
      if (error === errno.EFAULT) startRings(device);
      return error;
    }),
  ),
} as const satisfies Record<string, MdevFault>;

/** What a stop leaves, and where the next start goes on. */
const restarts = {
  'mdev-request-lost-at-stop': mdevFault(
    'vm-state/stop-loses-nothing',
    'a ring that stops behind its 15th chain goes on behind the 16th',
    resumesAt(15, 16),
  ),
  'mdev-request-repeated-after-stop': mdevFault(
    'vm-state/stop-loses-nothing',
    'a ring that stops behind its 25th chain goes on with the 25th',
    resumesAt(25, 24),
  ),
  'mdev-restart-repeats-a-chain': mdevFault(
    'vm-state/restart-goes-on',
    'a ring that stops behind its sixth chain goes on with the sixth',
    resumesAt(6, 5),
  ),
  'mdev-restart-before-the-wrap': mdevFault(
    'vm-state/restart-goes-on',
    'a ring that stops at 65533 goes on at 65530',
    resumesAt(65533, 65530),
  ),
  'mdev-chain-151-lost-at-stop': mdevFault(
    'vm-state/many-stops-and-starts',
    'a ring that stops behind its 150th chain goes on behind the 151st',
    resumesAt(150, 151),
  ),
  'mdev-chain-148-repeated-after-stop': mdevFault(
    'vm-state/many-stops-and-starts',
    'a ring that stops behind its 148th chain goes on with the 148th',
    resumesAt(148, 147),
  ),
  'mdev-no-base-once-stopped': mdevFault(
    'vm-state/stop-before-base-reads',
    'a stopped device does not tell the base of a ring of 4 entries that stopped at 3',
    mdevHandling('VHOST_GET_VRING_BASE', (right, { isRunning, rings }, payload) => {
      const ring = rings.records[payload.getUint32(0, true)];
      return !isRunning && ring?.size === 4 && ring.base === 3 ? errno.EINVAL : right();
    }),
  ),
  'mdev-no-base-while-running': mdevFault(
    'vm-state/base-reads-before-stop',
    'a device that runs does not tell bases',
    mdevHandling('VHOST_GET_VRING_BASE', (right, { isRunning }) => (isRunning ? errno.EBUSY : right())),
  ),
} as const satisfies Record<string, MdevFault>;

/** DEVICE_SET_STATE: start and stop. */
export const mdevStateFaults = { ...states, ...values, ...starts, ...restarts } as const satisfies Record<
  string,
  MdevFault
>;
