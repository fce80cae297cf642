import t from 'tap';
import { plainGuest } from '../memory/guest.ts';
import { GuestWatch, plainAccess } from '../oracle/guest-watch.ts';
import { type InvariantViolation, invariants, requirementOfInvariant } from '../oracle/invariants.ts';
import { RingWatch } from '../oracle/ring-watch.ts';
import { PackedDriver } from '../virtqueue/packed/driver-ring.ts';
import { packedPosition, splitPosition } from '../virtqueue/ring.ts';
import { readable, type Segment, writable } from '../virtqueue/segment.ts';
import { SplitDriver } from '../virtqueue/split/driver-ring.ts';

const outsideOfSplit = invariants.otherMemory;

/** A split ring of 8 under watch, with one chain of 16 readable and 32 writable bytes made available. */
function watched(inOrder = false) {
  const guest = plainGuest();
  const memory = new GuestWatch(guest);
  const ring = guest.ring({ layout: 'split', size: 8 });
  memory.placed(ring);
  const found: InvariantViolation[] = [];
  let byHand = 0;
  const watch = new RingWatch({
    ring,
    space: 'guest-physical',
    memory,
    guests: () => [memory],
    found: (violation) => found.push(violation),
    byHand: () => {
      byHand++;
    },
  });
  const driver = new SplitDriver(ring, { observer: watch, inOrder });
  const [question, answer] = [guest.allocate({ size: 16 }), guest.allocate({ size: 32 })];
  question.store(new Uint8Array(16).fill(7));
  const chain: Segment[] = [readable(question), writable(answer)];
  const head = Number(driver.add(chain));
  driver.publish();
  const use = (idx: number, id: number, len: number): void => {
    ring.setUsedElement((idx - 1) % 8, id, len);
    ring.setUsedIdx(idx);
    driver.takeUsed();
  };
  const requirements = (): string[] => [
    ...found.map(({ requirement }) => requirement),
    ...memory.violations(plainAccess, outsideOfSplit).map(({ requirement }) => requirement),
  ];
  return {
    guest,
    memory,
    ring,
    watch,
    driver,
    question,
    answer,
    chain,
    head,
    use,
    requirements,
    found,
    byHand: () => byHand,
  };
}

t.test('a device that keeps the rules breaks none', async (t) => {
  const { ring, driver, answer, head, use, requirements, chain } = watched();
  answer.view.fill(9);
  use(1, head, 32);
  ring.setAvailFlags(1);
  ring.setUsedEvent(3);
  driver.add(chain);
  driver.publish();
  t.same(requirements(), []);
});

const writes: readonly (readonly [string, (ring: ReturnType<typeof watched>) => void])[] = [
  ['split/descriptor-table-never-written', ({ ring }) => ring.writeDescriptor(0, { flags: 0xff })],
  ['split/avail-ring-never-written', ({ ring }) => ring.setAvailHead(5, 0xffff)],
  ['split/readable-buffers-never-written', ({ question }) => question.view.fill(1, 3, 4)],
  [
    'split/nothing-written-outside-buffers',
    ({ answer }) => {
      answer.region.bytes[answer.offset + 32] = 1;
    },
  ],
];
for (const [requirement, write] of writes) {
  t.test(`a write behind the driver's back breaks ${requirement}`, async (t) => {
    const state = watched();
    write(state);
    t.same(state.requirements(), [requirement]);
    t.same(state.memory.violations(plainAccess, outsideOfSplit), [], 'it is told once');
  });
}

t.test('what a used element says is judged when it is taken', async (t) => {
  const long = watched();
  long.use(1, long.head, 33);
  t.same(long.requirements(), ['split/used-len-bytes-written']);
  const twice = watched();
  twice.use(1, twice.head, 32);
  twice.use(2, twice.head, 32);
  t.same(twice.requirements(), ['split/chain-used-once']);
  const unknown = watched();
  unknown.use(1, 6, 0);
  t.same(unknown.requirements(), ['split/used-id-is-chain-head']);
  const disordered = watched(true);
  disordered.use(1, 6, 0);
  t.ok(disordered.requirements().includes('reserved/in-order-use'));
});

t.test('elements that the driver did not take count at the stop', async (t) => {
  const { ring, driver, watch, requirements } = watched();
  ring.setUsedIdx(2);
  watch.stopped(driver);
  t.same(requirements(), ['split/chain-used-once']);
});

t.test('a ring with heads entered by hand is not judged', async (t) => {
  const { driver, use, found, byHand } = watched();
  driver.addHead(6);
  use(1, 6, 99);
  t.same(found, []);
  t.equal(byHand(), 1);
});

t.test('a view that was given away is left out, and a shadow begins at zero again', async (t) => {
  const { memory, guest, requirements } = watched();
  guest.allocate({ size: 4 }).bytes.fill(5);
  t.same(requirements(), []);
  memory.release();
  const next = plainGuest();
  const span = next.allocate({ size: 8 });
  const fresh = new GuestWatch(next);
  t.same(fresh.violations(plainAccess, outsideOfSplit), []);
  span.region.bytes[span.offset] = 1;
  t.same(
    fresh.violations(plainAccess, outsideOfSplit).map(({ actual }) => actual),
    [`1 bytes written at offset ${span.offset} of region ${span.region.index}`],
  );
});

t.test('a ring that is placed, and begins anew, is as the driver wrote it', async (t) => {
  const guest = plainGuest();
  const memory = new GuestWatch(guest);
  const split = guest.ring({ layout: 'split', size: 4, position: splitPosition(0x1234, 0x5678) });
  const packed = guest.ring({ layout: 'packed', size: 4, position: packedPosition(1, 0) });
  t.same(memory.violations(plainAccess, outsideOfSplit), []);
  split.reset(splitPosition(0xffff));
  packed.reset(packedPosition(3, 1));
  t.same(memory.violations(plainAccess, outsideOfSplit), []);
  split.areas.device.view.fill(1, 0, 1);
  t.equal(memory.violations(plainAccess, outsideOfSplit).length, 1, 'no device may write it yet');
});

t.test('a packed ring: the length of a used descriptor, and memory outside', async (t) => {
  const guest = plainGuest();
  const memory = new GuestWatch(guest);
  const ring = guest.ring({ layout: 'packed', size: 4 });
  memory.placed(ring);
  const found: string[] = [];
  const watch = new RingWatch({
    ring,
    space: 'guest-physical',
    memory,
    guests: () => [memory],
    found: ({ requirement }) => found.push(requirement),
    byHand: () => {},
  });
  const driver = new PackedDriver(ring, { observer: watch });
  const answer = guest.allocate({ size: 8 });
  const id = Number(driver.add([writable(answer)]));
  driver.publish();
  ring.setBuffer(0, 0n, 9, id);
  ring.setFlags(0, 0x8082);
  t.ok(driver.takeUsed());
  t.same(found, ['packed/used-len-bytes-written']);
  const elsewhere = requirementOfInvariant('otherMemory', 'packed');
  t.same(memory.violations(plainAccess, elsewhere), [], 'a packed device writes the descriptor ring');
  answer.region.bytes[answer.offset + 8] = 1;
  t.same(
    memory.violations(plainAccess, elsewhere).map(({ requirement }) => requirement),
    ['packed/nothing-written-outside-buffers'],
  );
});
