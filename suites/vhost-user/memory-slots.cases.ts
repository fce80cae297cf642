import type { ControlOutcome, DriverPort, Guest, VhostUserSession } from '../../drivers/port/port.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { changes, snapshot } from '../../reference-impl/memory/snapshot.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { presupposed } from '../premise.ts';
import { growsNot } from '../resource-growth.ts';
import { addMemReg, fieldsOf, type RegionFields, remMemReg } from './memory-table.ts';
import { refusesMessage, stillServes } from './refusal.ts';
import { getBase } from './ring-messages.ts';
import { wordOf } from './words.ts';

/** GET_MAX_MEM_SLOTS, ADD_MEM_REG and REM_MEM_REG (vhost-user, protocol feature CONFIGURE_MEM_SLOTS). */

const applies = {
  start: 'negotiated',
  transports: ['vhost-user'],
  shareMemory: false,
  negotiate: ['VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS', 'VHOST_USER_PROTOCOL_F_REPLY_ACK'],
} as const;
const page = 4096n;
/** More slots than any front-end has use for are not tried out. */
const mostSlots = 1024;

/** ADD_MEM_REG for every region of the guest. */
function addAll(port: DriverPort<VhostUserSession>, session: VhostUserSession, guest: Guest, check: Check): void {
  for (const region of guest.regions) {
    const added = addMemReg(fieldsOf(region), port.descriptors.ofRegion(region));
    check.accepted(session.messages.acknowledged(added), `ADD_MEM_REG of region ${region.index}`);
  }
}

function slotsOf(session: VhostUserSession, check: Check): number {
  const answer = session.messages.exchange({ request: 'VHOST_USER_GET_MAX_MEM_SLOTS' });
  return Number(wordOf(check.reply(answer, 'GET_MAX_MEM_SLOTS')));
}

/** Small regions that follow each other at distances, all of one file. */
const smallRegion = (n: number): RegionFields => ({
  guestAddress: 0x10_0000n + 2n * page * BigInt(n),
  size: page,
  userAddress: 0x7000_0000n + 2n * page * BigInt(n),
  mmapOffset: 0n,
});

export const maxSlots = defineCase({
  id: 'vhost-user/memory-slots/max-mem-slots-are-told',
  title: 'GET_MAX_MEM_SLOTS answers how many regions can be added: one at least, and the same each time',
  proves: { 'vu-memory/max-mem-slots-answered': 'max-mem-slots-zero' },
  applies: { ...applies, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vu-memory/max-mem-slots-answered');
    const slots = slotsOf(session, check);
    check.atLeast(slots, 1, 'slots');
    check.equal(slotsOf(session, check), slots, 'slots, when asked again');
  },
});

export const added = defineCase({
  id: 'vhost-user/memory-slots/added-regions-are-all-there',
  title: 'each ADD_MEM_REG maps one more region, beside those before it',
  proves: { 'vu-memory/add-mem-reg-maps-one-region': ['add-mem-reg-forgets-the-others', 'add-mem-reg-ignored'] },
  applies,
  variants: { layout: ['below-and-above-4gib', 'adjacent-regions', 'one-file', 'eight-regions'] },
  run({ port, session, driverOf, ring, variant, requirement }) {
    const check = requirement('vu-memory/add-mem-reg-maps-one-region');
    const guest = port.createGuest(guestLayouts[variant.layout]);
    const driver = driverOf(session, guest);
    addAll(port, session, guest, check);
    const queue = driver.attach(ring({ guest, size: 16 }));
    const writes = driver.writes(queue);
    for (let seed = 1; seed <= guest.regions.length; seed++) {
      writes.ask({ seed });
      writes.written.waitForUsed(1);
      check.equal(writes.problem, undefined, `what is wrong with buffer ${seed}`);
    }
  },
});

export const addedWhileRunning = defineCase({
  id: 'vhost-user/memory-slots/region-is-added-while-a-ring-runs',
  title: 'a region that is added while a ring runs takes buffers at once',
  proves: { 'vu-memory/add-mem-reg-maps-one-region': ['add-mem-reg-ignored', 'add-mem-reg-forgets-the-others'] },
  applies,
  run({ port, session, driverOf, ring, requirement }) {
    const check = requirement('vu-memory/add-mem-reg-maps-one-region');
    const first = port.createGuest(guestLayouts['single-region']);
    const second = port.createGuest(guestLayouts['below-and-above-4gib']);
    const driver = driverOf(session, first);
    addAll(port, session, first, check);
    const queue = driver.attach(ring({ guest: first, size: 16 }));
    const earlier = driver.writes(queue);
    earlier.ask({ seed: 3 });
    earlier.written.waitForUsed(1);
    addAll(port, session, second, check);
    const buffers = driverOf(session, second);
    const writes = driver.writes(queue, buffers);
    for (const seed of [1, 2]) {
      writes.ask({ seed });
      writes.written.waitForUsed(1);
      check.equal(writes.problem, undefined, `what is wrong with buffer ${seed} in an added region`);
    }
  },
});

export const upToLimit = defineCase({
  id: 'vhost-user/memory-slots/as-many-regions-as-slots-are-added',
  title: 'as many regions as GET_MAX_MEM_SLOTS tells are added, and one more is refused',
  proves: {
    'vu-memory/regions-up-to-slot-limit-added': 'last-mem-slot-refused',
    'vu-memory/region-over-slot-limit-refused': 'region-over-slot-limit-accepted',
  },
  applies: { ...applies, ring: 'none' },
  run(context) {
    const { port, session, connect, refusal, requirement } = context;
    const within = requirement('vu-memory/regions-up-to-slot-limit-added');
    const over = requirement('vu-memory/region-over-slot-limit-refused');
    const slots = slotsOf(session, within);
    if (slots > mostSlots) {
      for (const check of [within, over]) check.inconclusive(`${slots} slots are more than are tried out`);
      return;
    }
    const file = port.descriptors.memoryFile(Number(page));
    for (let n = 0; n < slots; n++) {
      const answer = session.messages.acknowledged(addMemReg(smallRegion(n), file));
      if (!within.accepted(answer, `ADD_MEM_REG ${n + 1} of ${slots}`)) return;
    }
    session.close();
    const fill = (next: VhostUserSession, count: number): ControlOutcome => {
      for (let n = 0; n < count; n++) next.messages.acknowledged(addMemReg(smallRegion(n), file));
      return next.messages.acknowledged(addMemReg(smallRegion(slots), file));
    };
    const tried = refusal({
      open: () => connect('negotiated'),
      flawed: (next) => fill(next, slots),
      behind: (next) => stillServes(port, next, over, 'service after one region more than there are slots'),
      control: (next) => fill(next, slots - 1),
      controlName: 'the last slot',
    });
    over.refused(tried, `ADD_MEM_REG ${slots + 1} of ${slots}`);
  },
});

export const removalIgnoresOffset = defineCase({
  id: 'vhost-user/memory-slots/removal-takes-no-notice-of-the-mmap-offset',
  title: 'REM_MEM_REG finds a region by addresses and size, whatever mmap offset it is given',
  proves: { 'vu-memory/rem-mem-reg-ignores-mmap-offset': 'rem-mem-reg-compares-mmap-offset' },
  applies: { ...applies, start: 'closed', ring: 'none' },
  variants: { mmapOffset: [0, 4096, 65536] },
  run({ port, connect, refusal, variant, requirement }) {
    const check = requirement('vu-memory/rem-mem-reg-ignores-mmap-offset');
    const file = port.descriptors.memoryFile(3 * Number(page));
    const region = { ...smallRegion(1), mmapOffset: page };
    const removal = remMemReg({ ...region, mmapOffset: BigInt(variant.mmapOffset) });
    check.isBesideText = true;
    const other = connect('negotiated');
    // It may be acknowledged with 0 and refused by the close behind that.
    const isTaken = other.messages.acknowledged(removal).kind === 'done' && other.fence().kind === 'passed';
    other.close();
    check.presumes(!isTaken, 'a region that was never added is not removed with success');
    const remove = (session: VhostUserSession): ControlOutcome => session.messages.acknowledged(removal);
    const tried = refusal({
      open: () => {
        const session = connect('negotiated');
        check.accepted(session.messages.acknowledged(addMemReg(smallRegion(0), file)), 'ADD_MEM_REG');
        check.accepted(session.messages.acknowledged(addMemReg(region, file)), 'ADD_MEM_REG');
        return session;
      },
      // Gone, it is not found any more: the first was taken for this region.
      flawed: (session) => {
        check.accepted(remove(session), `REM_MEM_REG with mmap offset ${variant.mmapOffset}`);
        return remove(session);
      },
      control: remove,
      controlName: 'REM_MEM_REG',
    });
    check.refused(tried, 'REM_MEM_REG of the region that was removed');
  },
});

export const removalWithDescriptor = defineCase({
  id: 'vhost-user/memory-slots/removal-with-a-descriptor-is-survived',
  title: 'REM_MEM_REG with one descriptor, which a back-end may accept, is carried out, refused or ends the connection',
  proves: { 'vu-memory/rem-mem-reg-with-descriptor-survived': 'rem-mem-reg-descriptor-crashes' },
  applies: { ...applies, ring: 'none' },
  run({ port, session, requirement }) {
    const check = requirement('vu-memory/rem-mem-reg-with-descriptor-survived');
    const file = port.descriptors.memoryFile(Number(page));
    for (const n of [0, 1]) {
      check.accepted(session.messages.acknowledged(addMemReg(smallRegion(n), file)), 'ADD_MEM_REG');
    }
    const answer = session.messages.acknowledged(remMemReg(smallRegion(1), [file]));
    const what = 'REM_MEM_REG with a descriptor';
    if (answer.kind === 'died' || answer.kind === 'silent') check.failsBy(answer, what, 'an answer');
    else check.oneOf(answer.kind, ['done', 'refused', 'closed'], what);
    stillServes(port, session, check, 'service after it');
  },
});

export const removalClosesDescriptor = defineCase({
  id: 'vhost-user/memory-slots/descriptor-of-a-removal-is-closed',
  title: 'a descriptor that comes with REM_MEM_REG does not stay open',
  proves: { 'vu-memory/rem-mem-reg-descriptor-closed': 'rem-mem-reg-keeps-descriptor' },
  applies: { ...applies, needs: ['resources'], ring: 'none' },
  run({ port, session, requirement }) {
    const check = requirement('vu-memory/rem-mem-reg-descriptor-closed');
    const file = port.descriptors.memoryFile(Number(page));
    session.messages.acknowledged(addMemReg(smallRegion(0), file));
    growsNot(port, check, 'descriptors held after adding and removing a region with a descriptor', () => {
      session.messages.acknowledged(addMemReg(smallRegion(1), file));
      session.messages.acknowledged(remMemReg(smallRegion(1), [file]));
      session.messages.fence();
    });
  },
});

export const removedNotAccessed = defineCase({
  id: 'vhost-user/memory-slots/removed-region-is-not-written',
  title: 'buffers in a region that REM_MEM_REG removed are not written any more',
  proves: { 'vu-memory/removed-region-not-accessed': 'removed-region-still-used' },
  applies,
  run({ port, session, driverOf, ring, requirement }) {
    const check = requirement('vu-memory/removed-region-not-accessed');
    const kept = port.createGuest(guestLayouts['single-region']);
    const gone = port.createGuest(guestLayouts['below-and-above-4gib']);
    const driver = driverOf(session, kept);
    addAll(port, session, kept, check);
    addAll(port, session, gone, check);
    const queue = driver.attach(ring({ guest: kept, size: 16 }));
    const buffers = driverOf(session, gone);
    const writes = driver.writes(queue, buffers);
    writes.ask({ seed: 1 });
    writes.written.waitForUsed(1);
    check.equal(writes.problem, undefined, 'what is wrong with a buffer before the removal');
    for (const region of gone.regions) {
      check.accepted(session.messages.acknowledged(remMemReg(fieldsOf(region))), `REM_MEM_REG ${region.index}`);
    }
    let before = snapshot(gone);
    writes.ask({
      seed: 2,
      laidOut: () => {
        before = snapshot(gone);
      },
    });
    if (session.isOpen) session.messages.fence();
    writes.stopAll();
    check.unchanged(before.guest, changes(before), 'memory in the removed regions');
  },
});

export const ringRemoved = defineCase({
  id: 'vhost-user/memory-slots/ring-in-a-removed-region-is-not-used',
  title: 'a ring that runs while REM_MEM_REG removes its region uses nothing that is made available there afterwards',
  proves: {
    'vu-memory/removed-region-not-accessed': ['ring-in-removed-region-crashes', 'removed-region-still-used'],
  },
  applies,
  run({ port, session, driverOf, ring, requirement }) {
    const check = requirement('vu-memory/removed-region-not-accessed');
    const kept = port.createGuest(guestLayouts['single-region']);
    const gone = port.createGuest(guestLayouts['below-and-above-4gib']);
    addAll(port, session, kept, check);
    addAll(port, session, gone, check);
    const driver = driverOf(session, kept);
    const queue = driver.attach(ring({ guest: gone, size: 16 }));
    presupposed(port, check, 'a request is served before the removal', () => driver.transfer(queue, { seed: 1 }));
    for (const region of gone.regions) {
      // Whether a region that a ring lies in can be removed is another requirement's affair.
      check.granted(session.messages.acknowledged(remMemReg(fieldsOf(region))), `REM_MEM_REG ${region.index}`);
    }
    const before = queue.usedCount();
    queue.makeAvailable([driver.request({ seed: 2 }).segments]);
    queue.kick();
    if (session.isOpen) session.messages.fence();
    if (session.isOpen) getBase(session, driver.queueIndex);
    check.equal(queue.usedCount() - before, 0, 'chains that are used in the removed region');
    stillServes(port, session, check, 'service behind the removal of a region with a ring');
  },
});

export const unknownRemoval = defineCase({
  id: 'vhost-user/memory-slots/removal-of-an-unknown-region-is-refused',
  title: 'REM_MEM_REG is refused where no region has these addresses and this size',
  proves: { 'vu-memory/unknown-region-removal-refused': 'unknown-region-removal-accepted' },
  applies: { ...applies, start: 'closed', ring: 'none' },
  run(context) {
    const { port, connect, points, requirement } = context;
    const check = requirement('vu-memory/unknown-region-removal-refused');
    const right = smallRegion(1);
    const unknown: Readonly<Record<string, RegionFields>> = {
      elsewhere: smallRegion(5),
      'other-guest-address': { ...right, guestAddress: right.guestAddress + page },
      'other-user-address': { ...right, userAddress: right.userAddress + page },
      'other-size': { ...right, size: 2n * page },
      zeros: { guestAddress: 0n, size: 0n, userAddress: 0n, mmapOffset: 0n },
    };
    points(
      Object.keys(unknown).map((key) => ({ key })),
      ({ key }) => {
        const file = port.descriptors.memoryFile(Number(page));
        refusesMessage(context, check, {
          what: `REM_MEM_REG of a region with ${key}`,
          open: () => {
            const session = connect('negotiated');
            for (const n of [0, 1]) session.messages.acknowledged(addMemReg(smallRegion(n), file));
            return session;
          },
          flawed: remMemReg(unknown[key] ?? right),
          sound: remMemReg(right),
        });
        port.descriptors.close(file);
      },
    );
  },
});
