import t from 'tap';
import { BLOCK_HEADER_SIZE, encodeBlockHeader } from '../devices/block-layout.ts';
import { makeDevice } from '../devices/device-rules.ts';
import { type FaultName, withFaults } from '../faults/faults.ts';
import { inSplitRing } from '../faults/ring/ring-fault.ts';
import { plainGuest } from '../memory/guest.ts';
import { mapOf } from '../memory/guest-map.ts';
import { snapshot } from '../memory/snapshot.ts';
import { ringMemoryViolations, usedElementViolations } from '../oracle/ring-invariants.ts';
import { type ReferenceRules, referenceRules } from '../vhost-user/reference-rules.ts';
import { areaAddresses, splitPosition } from '../virtqueue/ring.ts';
import { readable, writable } from '../virtqueue/segment.ts';
import { SplitDriver } from '../virtqueue/split/driver-ring.ts';

/** Three requests to a RAM disk with these rules; the violations that memory shows afterwards. */
function violationsUnder(rules: ReferenceRules, base = 0) {
  const guest = plainGuest();
  const ring = guest.ring({ layout: 'split', size: 16, position: splitPosition(base) });
  const driver = new SplitDriver(ring);
  const device = makeDevice('block', rules, 1);
  device.setMemory(mapOf(guest));
  device.setFeatures(1n << 32n);
  const areas = areaAddresses(ring, 'user');
  t.equal(
    device.startQueue(0, {
      size: 16,
      areas,
      ringSpace: 'user',
      bufferSpace: 'guest-physical',
      position: ring.position,
    }),
    undefined,
  );
  device.setQueueEnabled(0, true);
  const outstanding = [0, 1, 2].map((type) => {
    const header = guest.allocate({ size: BLOCK_HEADER_SIZE });
    header.store(encodeBlockHeader({ type: type % 2, sector: BigInt(type) }));
    const data = guest.allocate({ size: 512 });
    const status = guest.allocate({ size: 1 });
    data.fill(type + 1);
    status.fill(0xa5);
    const segments = [readable(header), type === 1 ? readable(data) : writable(data), writable(status)];
    return { head: Number(driver.add(segments)), segments };
  });
  driver.publish();
  const before = snapshot(guest);
  device.notify(0);
  for (let n = 0; n < 100 && device.step() === 'progressed'; n++);
  return ringMemoryViolations(before, [{ ring, usedIdx: base, outstanding }]);
}

t.test('a device that keeps the rules breaks none, wherever the ring begins', async (t) => {
  for (const base of [0, 7, 65534]) t.same(violationsUnder(referenceRules, base), []);
});

const { publishUsed } = referenceRules.transport.ring.split;
const named = (name: FaultName): ReferenceRules => withFaults(referenceRules, [name]);

const seen: readonly (readonly [string, ReferenceRules])[] = [
  ['split/descriptor-table-never-written', named('descriptor-table-scribbled')],
  ['split/avail-ring-never-written', named('avail-ring-scribbled')],
  ['split/readable-buffers-never-written', named('readable-buffer-scribbled')],
  ['split/nothing-written-outside-buffers', named('byte-behind-buffer-scribbled')],
  ['split/chain-used-once', named('chain-used-twice')],
  ['split/used-id-is-chain-head', inSplitRing({ usedId: ({ id }) => id + 1 }).apply(referenceRules)],
  ['split/used-len-bytes-written', inSplitRing({ usedLen: ({ written }) => written + 1 }).apply(referenceRules)],
  [
    'split/used-element-position',
    inSplitRing({
      publishUsed: (ring, slot, id, len, next) => publishUsed(ring, (slot + 5) % 16, id, len, next),
    }).apply(referenceRules),
  ],
];
for (const [requirement, rules] of seen) {
  t.test(`${requirement} is seen to be broken`, async (t) => {
    const broken = violationsUnder(rules);
    t.ok(
      broken.some((violation) => violation.requirement === requirement),
      JSON.stringify(broken),
    );
  });
}

t.test('a head that is used twice, and an id that the driver did not give', async (t) => {
  const guest = plainGuest();
  const ring = guest.ring({ layout: 'split', size: 4 });
  const buffer = writable(guest.allocate({ size: 8 }));
  ring.setUsedElement(0, 1, 8);
  ring.setUsedElement(1, 1, 9);
  ring.setUsedElement(2, 3, 0);
  ring.setUsedIdx(3);
  const outstanding = [0, 1, 2].map((head) => ({ head, segments: [buffer] }));
  const found = usedElementViolations({ ring, usedIdx: 0, outstanding });
  t.same(
    found.map(({ requirement, what, actual }) => [requirement, what, actual]),
    [
      ['split/chain-used-once', 'used element 1', 'id 1 once more'],
      ['split/used-id-is-chain-head', 'used element 2', 'id 3'],
    ],
  );
  ring.setUsedIdx(4);
  t.match(usedElementViolations({ ring, usedIdx: 0, outstanding }), [{ actual: '4' }]);
});
