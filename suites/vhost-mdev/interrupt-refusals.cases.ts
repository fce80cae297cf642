import type { VhostMdevSession } from '../../drivers/port/port.ts';
import { type CaseContext, defineCase, type VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { CountedEvent } from '../counted-event.ts';
import { presupposed } from '../premise.ts';
import { refusesCall } from './refusal.ts';
import { type Answer, ringCount, setState } from './ring-messages.ts';
import { descriptorData, type IrqFields, setEvents, setIrqs, triggerByEvents } from './vectors.ts';

/** VFIO_DEVICE_SET_IRQS that is wrong, field by field, and what a refused one leaves. */

const transports = ['vhost-mdev'] as const;
const dataNone = 1;
const dataBool = 2;
const dataEvents = 4;
const mask = 8;
const unmask = 0x10;
const trigger = 0x20;

const hex = (number: number): string => `0x${number.toString(16)}`;

interface Set extends IrqFields {
  readonly data?: Uint8Array;
}

type Context = Pick<CaseContext<string, VariantAxes, VhostMdevSession>, 'connect' | 'refusal'>;

/** VFIO_DEVICE_SET_IRQS with these fields is refused, and with those of the control it is taken. */
function refusesSet(
  context: Context,
  check: Check,
  what: string,
  { flawed, control, errors }: { readonly flawed: Set; readonly control: Set; readonly errors?: 'any' },
): void {
  const set = (session: VhostMdevSession, { data, ...fields }: Set): Answer => setIrqs(session, fields, data);
  refusesCall(context, check, {
    what,
    open: () => context.connect('connected'),
    flawed: (session) => set(session, flawed),
    control: (session) => set(session, control),
    controlName: JSON.stringify(control),
    ...(errors === undefined ? {} : { errors }),
  });
}

const ringsOf = ({ connect }: Context): number => ringCount(connect('connected'));

export const startBeyond = defineCase({
  id: 'vhost-mdev/interrupts/start-beyond-vectors-is-refused',
  title: 'VFIO_DEVICE_SET_IRQS from a vector on that there is not fails with EINVAL',
  proves: { 'vm-irq/start-beyond-vectors-refused': 'mdev-start-behind-vectors-taken' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vm-irq/start-beyond-vectors-refused');
    const rings = ringsOf(context);
    for (const start of [rings, rings + 1, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff]) {
      refusesSet(context, check, `start ${hex(start)}`, { flawed: { start }, control: { start: rings - 1 } });
    }
    const none = { flags: dataNone | trigger, count: 0, data: new Uint8Array() };
    for (const start of [rings, rings + 1]) {
      refusesSet(context, check, `start ${hex(start)}, count 0`, {
        flawed: { ...none, start },
        control: { ...none, start: rings - 1 },
      });
    }
  },
});

export const countBeyond = defineCase({
  id: 'vhost-mdev/interrupts/count-beyond-vectors-is-refused',
  title: 'VFIO_DEVICE_SET_IRQS of more vectors than there are fails with EINVAL, also where start and count wrap',
  proves: { 'vm-irq/count-beyond-vectors-refused': ['mdev-vector-behind-last-taken', 'mdev-count-not-added-to-start'] },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vm-irq/count-beyond-vectors-refused');
    const rings = ringsOf(context);
    const none = new Array<number>(rings + 2).fill(-1);
    for (const [start, count] of [
      [0, rings + 1],
      [rings - 1, 2],
      [rings - 1, rings + 1],
    ] as const) {
      refusesSet(context, check, `start ${start}, count ${count}`, {
        flawed: { start, count, data: descriptorData(...none) },
        control: { start, count: rings - start, data: descriptorData(...none) },
      });
    }
    // Without data there is no other reason to refuse these.
    for (const count of [0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
      const unfilled = { flags: dataNone | trigger, start: rings - 1, data: new Uint8Array() };
      refusesSet(context, check, `start ${rings - 1}, count ${hex(count)}, without data`, {
        flawed: { ...unfilled, count },
        control: { ...unfilled, count: 1 },
      });
    }
  },
});

export const unknownIndex = defineCase({
  id: 'vhost-mdev/interrupts/set-of-unknown-index-is-refused',
  title: 'VFIO_DEVICE_SET_IRQS of every kind of index that there is not fails',
  proves: { 'vm-irq/set-of-unknown-index-refused': 'mdev-set-of-any-index' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vm-irq/set-of-unknown-index-refused');
    const info = context.connect('connected').vfio.deviceInfo();
    const count = typeof info === 'number' ? 1 : info.numIrqs;
    for (const index of [count, count + 1, 0xff, 0x1_0000, 0x7fff_ffff, 0xffff_ffff]) {
      refusesSet(context, check, `index ${hex(index)}`, { flawed: { index }, control: {}, errors: 'any' });
    }
  },
});

export const unknownFlags = defineCase({
  id: 'vhost-mdev/interrupts/set-with-unknown-flags-is-refused',
  title: 'VFIO_DEVICE_SET_IRQS with any one flag that has no meaning fails with EINVAL',
  proves: { 'vm-irq/unknown-flags-refused': ['mdev-unknown-flags-of-set-taken', 'mdev-upper-flags-of-set-taken'] },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vm-irq/unknown-flags-refused');
    for (let bit = 6; bit < 32; bit++) {
      const flags = (triggerByEvents | (1 << bit)) >>> 0;
      refusesSet(context, check, `flags ${hex(flags)}`, { flawed: { flags }, control: { flags: triggerByEvents } });
    }
  },
});

export const kindsOfData = defineCase({
  id: 'vhost-mdev/interrupts/set-with-other-than-one-kind-of-data-is-refused',
  title: 'VFIO_DEVICE_SET_IRQS that says no kind of data, two kinds or all three fails with EINVAL',
  proves: { 'vm-irq/two-kinds-of-data-refused': ['mdev-no-kind-of-data-taken', 'mdev-two-kinds-of-data-taken'] },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vm-irq/two-kinds-of-data-refused');
    const kinds = [0, dataNone | dataBool, dataNone | dataEvents, dataBool | dataEvents, 7];
    for (const kind of kinds) {
      const flags = kind | trigger;
      refusesSet(context, check, `flags ${hex(flags)}`, { flawed: { flags }, control: { flags: triggerByEvents } });
    }
  },
});

export const shortData = defineCase({
  id: 'vhost-mdev/interrupts/data-shorter-than-count-is-refused',
  title: 'VFIO_DEVICE_SET_IRQS whose argsz leaves no room for its count, or for its own fields, fails with EINVAL',
  proves: {
    'vm-irq/data-shorter-than-count-refused': [
      'mdev-data-of-set-not-measured',
      'mdev-data-of-first-vector-measured',
      'mdev-argsz-of-set-unchecked',
    ],
  },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vm-irq/data-shorter-than-count-refused');
    for (const argsz of [20, 21, 23]) {
      const what = `argsz ${argsz} with one event descriptor`;
      refusesSet(context, check, what, { flawed: { argsz }, control: { argsz: 24 } });
    }
    const two = { count: 2, data: descriptorData(-1, -1) };
    for (const argsz of ringsOf(context) > 1 ? [20, 22, 24, 27] : []) {
      const what = `argsz ${argsz} with two event descriptors`;
      refusesSet(context, check, what, { flawed: { ...two, argsz }, control: { ...two, argsz: 28 } });
    }
    const bools = { flags: dataBool | trigger };
    refusesSet(context, check, 'argsz 20 with one bool', {
      flawed: { ...bools, argsz: 20 },
      control: { ...bools, argsz: 21 },
    });
    const unfilled = { flags: dataNone | trigger };
    for (const argsz of [0, 4, 19]) {
      refusesSet(context, check, `argsz ${argsz} without data`, {
        flawed: { ...unfilled, argsz },
        control: { ...unfilled, argsz: 20 },
      });
    }
  },
});

export const noEvent = defineCase({
  id: 'vhost-mdev/interrupts/descriptor-of-no-event-is-refused',
  title: 'VFIO_DEVICE_SET_IRQS with a descriptor of a file, a pipe, a device or nothing at all fails',
  proves: { 'vm-irq/no-event-descriptor-refused': 'mdev-no-event-for-none' },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vm-irq/no-event-descriptor-refused');
    const { descriptors } = context.port;
    const event = descriptorData(descriptors.eventfd());
    const pipe = descriptors.pipe();
    const closed = descriptors.eventfd();
    descriptors.close(closed);
    for (const [what, descriptor] of [
      ['a memory file', descriptors.memoryFile(4096)],
      ['a pipe to read from', pipe.readEnd],
      ['a pipe to write to', pipe.writeEnd],
      ['the null device', descriptors.nullDevice()],
      ['a descriptor that was closed', closed],
      ['a number that no descriptor has', 0x7fff_fffe],
    ] as const) {
      refusesSet(context, check, what, {
        flawed: { data: descriptorData(descriptor) },
        control: { data: event },
        errors: 'any',
      });
    }
  },
});

export const refusedChangesNothing = defineCase({
  id: 'vhost-mdev/interrupts/refused-call-leaves-descriptors',
  title: 'after a VFIO_DEVICE_SET_IRQS that was refused at its second descriptor, the first vector is as it was',
  proves: { 'vm-irq/refused-call-changes-nothing': 'mdev-descriptors-before-bad-one-kept' },
  applies: { start: 'negotiated', transports, devices: ['net'] },
  run({ session, port, driver, ring, requirement }) {
    const check = requirement('vm-irq/refused-call-changes-nothing');
    const queue = driver.attach(ring({ size: 16 }));
    const [event, other] = [new CountedEvent(port), new CountedEvent(port)];
    setEvents(session, 0, [event, event]);
    presupposed(port, check, 'a frame there and back', () => driver.transfer(queue));
    const data = descriptorData(other.fd, port.descriptors.nullDevice());
    check.notEqual(setIrqs(session, { count: 2 }, data), 'taken', 'a call with one event and one that is none');
    setIrqs(session, { start: ringCount(session) - 1, count: 2 }, descriptorData(other.fd, other.fd));
    setIrqs(session, { flags: dataEvents | mask }, descriptorData(other.fd));
    event.take();
    presupposed(port, check, 'a frame there and back', () => driver.transfer(queue, { seed: 2 }));
    check.holds(event.wait() > 0, 'signals of the descriptor of before', { expected: 'at least 1', actual: '0' });
    setState(session, 0);
    check.equal(other.take(), 0, 'signals of the descriptor in the calls that were refused');
  },
});

export const maskRefused = defineCase({
  id: 'vhost-mdev/interrupts/mask-and-unmask-are-refused',
  title: 'VFIO_DEVICE_SET_IRQS to mask or unmask fails with EINVAL, with every kind of data',
  proves: { 'vm-irq/mask-and-unmask-refused': ['mdev-mask-taken', 'mdev-unmask-taken'] },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vm-irq/mask-and-unmask-refused');
    for (const action of [mask, unmask]) {
      for (const kind of [dataNone, dataBool, dataEvents]) {
        const flags = kind | action;
        refusesSet(context, check, `flags ${hex(flags)}`, { flawed: { flags }, control: { flags: kind | trigger } });
      }
    }
  },
});

export const oneAction = defineCase({
  id: 'vhost-mdev/interrupts/set-with-other-than-one-action-is-refused',
  title: 'VFIO_DEVICE_SET_IRQS that says no action, two or all three fails',
  proves: { 'vm-irq/other-than-one-action-refused': ['mdev-no-action-taken', 'mdev-two-actions-taken'] },
  applies: { start: 'closed', transports, ring: 'none' },
  run(context) {
    const check = context.requirement('vm-irq/other-than-one-action-refused');
    for (const action of [0, mask | unmask, mask | trigger, unmask | trigger, mask | unmask | trigger]) {
      for (const kind of [dataNone, dataBool, dataEvents]) {
        const flags = kind | action;
        const control = { flags: kind | trigger };
        refusesSet(context, check, `flags ${hex(flags)}`, { flawed: { flags }, control, errors: 'any' });
      }
    }
  },
});

export const triggerNow = defineCase({
  id: 'vhost-mdev/interrupts/trigger-without-data-signals-now',
  title:
    'VFIO_DEVICE_SET_IRQS to trigger without data signals each vector of its range once, each time, running or stopped',
  proves: { 'vm-irq/trigger-without-data-signals': 'mdev-trigger-without-data-drops' },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, port, requirement }) {
    const check = requirement('vm-irq/trigger-without-data-signals');
    const events = Array.from({ length: ringCount(session) }, () => new CountedEvent(port));
    setEvents(session, 0, events);
    const ranges = events.flatMap((_, start) => events.slice(start).map((_, more) => ({ start, count: more + 1 })));
    for (const state of [0, 1, 0]) {
      setState(session, state);
      for (const { start, count } of [...ranges, ...ranges.slice(0, 1)]) {
        const how = `from vector ${start} on, ${count} of them, in state ${state}`;
        const answer = setIrqs(session, { flags: dataNone | trigger, start, count }, new Uint8Array());
        check.equal(answer, 'taken', `trigger ${how}`);
        for (const [vector, event] of events.entries()) {
          const isMeant = start <= vector && vector < start + count;
          check.equal(event.take(), isMeant ? 1 : 0, `signals of vector ${vector} by a trigger ${how}`);
        }
      }
    }
  },
});

export const triggerBools = defineCase({
  id: 'vhost-mdev/interrupts/trigger-by-bools-signals-those-that-are-set',
  title: 'VFIO_DEVICE_SET_IRQS to trigger by bools signals the vectors whose byte is not 0, and no other',
  proves: { 'vm-irq/trigger-by-bools-signals': ['mdev-bools-not-looked-at', 'mdev-bools-signal-nobody'] },
  applies: { start: 'connected', transports, ring: 'none' },
  run({ session, port, requirement }) {
    const check = requirement('vm-irq/trigger-by-bools-signals');
    const events = Array.from({ length: ringCount(session) }, () => new CountedEvent(port));
    setEvents(session, 0, events);
    const flags = dataBool | trigger;
    for (const chosen of events.keys()) {
      const bools = Uint8Array.from(events, (_, vector) => (vector === chosen ? 1 : 0));
      check.equal(setIrqs(session, { flags, count: events.length }, bools), 'taken', `trigger of vector ${chosen}`);
      for (const [vector, event] of events.entries()) {
        check.equal(event.take(), vector === chosen ? 1 : 0, `signals of vector ${vector} by that of ${chosen}`);
      }
    }
    setIrqs(session, { flags }, Uint8Array.of(0));
    check.equal(events[0]?.take(), 0, 'signals of vector 0 by a bool of 0');
    for (const start of events.keys()) {
      const behind = events.slice(start);
      const bools = Uint8Array.from(behind, (_, n) => (n === behind.length - 1 ? 0x80 : 0));
      check.equal(setIrqs(session, { flags, start, count: bools.length }, bools), 'taken', `trigger from ${start} on`);
      for (const [vector, event] of events.entries()) {
        const what = `signals of vector ${vector} by bools from ${start} on, the last of them set`;
        check.equal(event.take(), vector === events.length - 1 ? 1 : 0, what);
      }
    }
  },
});
