import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { plainGuest } from '../memory/guest.ts';
import { mapOf } from '../memory/guest-map.ts';
import { InflightBuffer } from '../vhost-user/inflight-buffer.ts';
import { type InflightRecord, inflightRegionSize, inflightRules } from '../vhost-user/inflight-rules.ts';
import type { Chain } from '../virtqueue/chain.ts';
import type { DeviceRing, RingObserver } from '../virtqueue/device-ring.ts';
import { attachPackedDevice } from '../virtqueue/packed/device-ring.ts';
import { PackedDriver } from '../virtqueue/packed/driver-ring.ts';
import { GuestPackedRing } from '../virtqueue/packed/guest-ring.ts';
import {
  areaAddresses,
  positionBeforeWrap,
  type RingLayout,
  type RingPosition,
  splitPosition,
} from '../virtqueue/ring.ts';
import { writable } from '../virtqueue/segment.ts';
import { attachSplitDevice } from '../virtqueue/split/device-ring.ts';
import { SplitDriver } from '../virtqueue/split/driver-ring.ts';
import type { GuestSplitRing } from '../virtqueue/split/guest-ring.ts';

class Died extends Error {}

type AnyRing = GuestSplitRing | GuestPackedRing;

/** A device side that records its chains and dies at its `lastStore`-th store to the ring. */
function deviceOver(
  guest: ReturnType<typeof plainGuest>,
  ring: AnyRing,
  record: InflightRecord,
  told: RingPosition,
  lastStore: number,
): DeviceRing {
  let stores = 0;
  const observer: RingObserver = {
    using: (chain) => record.using(chain),
    used: (chain, position) => record.used(chain, position),
    wroteRing: () => {
      if (++stores > lastStore) throw new Died();
    },
  };
  const isPacked = ring instanceof GuestPackedRing;
  const resumed = record.begin(told, {
    usedIdx: () => (isPacked ? 0 : ring.usedIdx()),
    flags: (slot) => (isPacked ? ring.flags(slot) : 0),
  });
  const options = {
    size: ring.size,
    memory: mapOf(guest),
    areas: areaAddresses(ring, 'user'),
    ringSpace: 'user',
    bufferSpace: 'guest-physical',
    features: { eventIdx: false, indirect: false, inOrder: false },
    observer,
    ...resumed,
  } as const;
  const device = isPacked ? attachPackedDevice(options) : attachSplitDevice(options);
  assert.ok(typeof device !== 'string', String(device));
  return device;
}

/** The next chain, entered into the record. */
function nextOf(device: DeviceRing, record: InflightRecord): ReturnType<DeviceRing['next']> {
  const chain = device.next();
  if (chain.kind === 'chain' && !chain.isResubmitted) record.fetched(chain);
  return chain;
}

/** Takes and completes chains as `picks` say, until the ring is empty and nothing is left. */
function work(device: DeviceRing, record: InflightRecord, picks: readonly number[], together: boolean): void {
  const taken: Chain[] = [];
  for (let turn = 0; turn < 100; turn++) {
    for (let n = 0; n < 2; n++) {
      const chain = nextOf(device, record);
      if (chain.kind === 'chain') taken.push(chain);
    }
    if (taken.length === 0) return;
    if (together) device.beginTogether();
    const count = turn % 3 === 0 && !together ? 1 : taken.length;
    for (let n = 0; n < count; n++) {
      const [chain] = taken.splice((picks[n % picks.length] ?? 0) % taken.length, 1) as [Chain];
      device.complete(chain, 8);
    }
    if (together) device.endTogether();
  }
}

const scenario = fc.record({
  layout: fc.constantFrom<RingLayout>('split', 'packed'),
  exponent: fc.integer({ min: 2, max: 4 }),
  odd: fc.boolean(),
  short: fc.integer({ min: 0, max: 4 }),
  lengths: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 6 }),
  picks: fc.array(fc.nat(), { minLength: 1, maxLength: 5 }),
  /** Each device side but the last dies at this store to the ring. */
  deaths: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 3 }),
  together: fc.boolean(),
});

t.test('wherever back-ends die, each chain is used exactly once by those that come after', async (t) => {
  let deaths = 0;
  let chains = 0;
  fc.assert(
    fc.property(scenario, ({ layout, exponent, odd, short, lengths, picks, deaths: plan, together }) => {
      const guest = plainGuest();
      const size = 2 ** exponent - (odd && layout === 'packed' ? 1 : 0);
      const told = positionBeforeWrap(layout, size, Math.min(short, size));
      const ring = guest.ring({ layout, size, position: told });
      const driver = ring.layout === 'split' ? new SplitDriver(ring) : new PackedDriver(ring);
      const bytes = new Uint8Array(2 * inflightRegionSize(size, layout));
      const buffer = new InflightBuffer({ bytes, unmap: () => {} }, inflightRules, size);
      const ids: number[] = [];
      for (const length of lengths) {
        const segments = Array.from({ length }, () => writable(guest.allocate({ size: 8 })));
        const id = driver.add(segments);
        if (id !== 'ring-full') ids.push(id);
      }
      driver.publish();
      for (const lastStore of [...plan, Number.POSITIVE_INFINITY]) {
        const record = buffer.record(1, size, layout);
        assert.ok(record);
        try {
          // A front-end finds in a split ring where to go on, and in a packed one nothing.
          const position = ring.layout === 'split' ? splitPosition(ring.usedIdx()) : told;
          work(deviceOver(guest, ring, record, position, lastStore), record, picks, together);
          if (lastStore < Number.POSITIVE_INFINITY) break;
        } catch (error) {
          if (!(error instanceof Died)) throw error;
          deaths++;
        }
      }
      const used = driver.reapUsed().map(({ id }) => id);
      assert.deepEqual(used.toSorted(), ids.toSorted());
      assert.equal(driver.outstanding, 0);
      chains += ids.length;
    }),
    { numRuns: 1500, seed: 1 },
  );
  t.ok(deaths > 500, `${deaths} deaths`);
  t.ok(chains > 1000, `${chains} chains`);
});

t.test('a region that makes no sense begins anew, and whatever stands in it harms nothing', async () => {
  fc.assert(
    fc.property(
      fc.constantFrom<RingLayout>('split', 'packed'),
      fc.uint8Array({ minLength: 400, maxLength: 400 }),
      fc.boolean(),
      (layout, garbage, isInUse) => {
        const guest = plainGuest();
        const ring = guest.ring({ layout, size: 8 });
        const bytes = new Uint8Array(inflightRegionSize(8, layout));
        bytes.set(garbage.subarray(0, bytes.length));
        const view = new DataView(bytes.buffer);
        if (isInUse) {
          view.setUint16(8, 1, true);
          view.setUint16(10, 8, true);
          for (let entry = 0; entry < 8; entry++)
            bytes[layout === 'split' ? 16 + 16 * entry : 32 + 32 * entry] = entry & 1;
        }
        const buffer = new InflightBuffer({ bytes, unmap: () => {} }, inflightRules, 8);
        const record = buffer.record(0, 8, layout);
        assert.ok(record);
        const device = deviceOver(guest, ring, record, ring.position, Number.POSITIVE_INFINITY);
        for (let n = 0; n < 20; n++) {
          const chain = nextOf(device, record);
          if (chain.kind !== 'chain') break;
          device.complete(chain, 0);
        }
      },
    ),
    { numRuns: 500, seed: 2 },
  );
});
