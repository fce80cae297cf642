import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import { errno } from '../../../wire/errno.ts';
import { decodeStructure } from '../../../wire/structure.ts';
import {
  VFIO_IRQ_SET_ACTION_MASK,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_ACTION_TYPE_MASK,
  VFIO_IRQ_SET_ACTION_UNMASK,
  VFIO_IRQ_SET_DATA_BOOL,
  VFIO_IRQ_SET_DATA_EVENTFD,
  VFIO_IRQ_SET_DATA_NONE,
  VFIO_IRQ_SET_DATA_TYPE_MASK,
  vfioIrqSet,
} from '../../../wire/vfio-structures.ts';
import type { CallCheck, Rule } from './call-check.ts';
import type { MdevFacts } from './mdev-shape.ts';

type IrqSet = NonNullable<ReturnType<typeof decodeStructure<{ argsz: number } & Fixed>>>;
interface Fixed {
  readonly flags: number;
  readonly index: number;
  readonly start: number;
  readonly count: number;
}

/** Bytes of data for each vector; undefined where the flags name no kind of data, or several. */
function bytesEach(flags: number): number | undefined {
  switch (flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
    case VFIO_IRQ_SET_DATA_NONE:
      return 0;
    case VFIO_IRQ_SET_DATA_BOOL:
      return 1;
    case VFIO_IRQ_SET_DATA_EVENTFD:
      return 4;
  }
  return undefined;
}

const known = VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK;
const masking = VFIO_IRQ_SET_ACTION_MASK | VFIO_IRQ_SET_ACTION_UNMASK;

/** An eventfd of ours that a vector has, and how often the text had it signalled by triggers. */
export interface ArmedVector {
  readonly descriptor: number;
}

/** The vectors of the rings: which event descriptor each has, and what SET_IRQS may come to. */
export class InterruptModel {
  readonly #facts: MdevFacts;
  readonly #check: CallCheck;
  readonly #armed = new Map<number, number>();
  /** By descriptor: signals that triggers owe since they were taken away last. */
  readonly #triggered = new Map<number, number>();

  constructor(facts: MdevFacts, check: CallCheck) {
    this.#facts = facts;
    this.#check = check;
  }

  /** The event descriptor of a vector. */
  armed(vector: number): number | undefined {
    return this.#armed.get(vector);
  }

  isArmed(descriptor: number): boolean {
    return [...this.#armed.values()].includes(descriptor);
  }

  /** How often triggers signalled a descriptor so far. */
  triggersOf(descriptor: number): number {
    return this.#triggered.get(descriptor) ?? 0;
  }

  dropAll(): void {
    this.#armed.clear();
  }

  /** @param isEvent whether a number of the data is an event descriptor of this process. */
  set(before: Uint8Array, result: number, isEvent: (descriptor: number) => boolean): void {
    const fixed = decodeStructure(vfioIrqSet, before);
    if (fixed === undefined) return;
    const data = before.subarray(vfioIrqSet.size);
    const rule = this.#ruleOf(fixed, data, isEvent);
    const what = `VFIO_DEVICE_SET_IRQS of ${fixed.count} vectors from ${fixed.start} of index ${fixed.index}`;
    const words = `${what}, flags 0x${fixed.flags.toString(16)}, argsz ${fixed.argsz}`;
    if (this.#check.expect(words, result, rule) && rule.allowed === 0) this.#carryOut(fixed, data);
  }

  #ruleOf({ argsz, flags, index, start, count }: IrqSet, data: Uint8Array, isEvent: (fd: number) => boolean): Rule {
    const { shape, rings } = this.#facts;
    const each = bytesEach(flags);
    const action = flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
    const isCut = data.length < (each ?? 0) * count;
    const problems: RequirementSlug[] = [];
    if (argsz < vfioIrqSet.size || (each !== undefined && argsz - vfioIrqSet.size < each * count)) {
      problems.push('vm-irq/data-shorter-than-count-refused');
    }
    if ((flags & ~known) !== 0) problems.push('vm-irq/unknown-flags-refused');
    if (each === undefined) problems.push('vm-irq/two-kinds-of-data-refused');
    if (index !== shape.interrupts) problems.push('vm-irq/set-of-unknown-index-refused');
    else if (start >= rings) problems.push('vm-irq/start-beyond-vectors-refused');
    else if (start + count > rings) problems.push('vm-irq/count-beyond-vectors-refused');
    if ((action & masking) !== 0) problems.push('vm-irq/mask-and-unmask-refused');
    const [first] = problems;
    if (first !== undefined) {
      // Which is found first is not stated: that the device has no masks, or that the data is not there.
      const isUnread = first === 'vm-irq/mask-and-unmask-refused' && isCut;
      const isKnown = problems.length === 1 && index === shape.interrupts && !isUnread;
      return { allowed: isKnown ? -errno.EINVAL : 'error', requirement: first };
    }
    if (action !== VFIO_IRQ_SET_ACTION_TRIGGER || isCut) {
      return { allowed: 'any', requirement: 'vm-irq/one-call-sets-many' };
    }
    const isBad = each === 4 && eventsIn(data, count).some((fd) => fd >= 0 && !isEvent(fd));
    if (isBad) return { allowed: 'error', requirement: 'vm-irq/no-event-descriptor-refused' };
    return { allowed: 0, requirement: this.#takenBy(each, count) };
  }

  #takenBy(each: number | undefined, count: number): RequirementSlug {
    if (count === 0) return 'vm-irq/count-zero-drops-descriptors';
    if (each === 4) return 'vm-irq/descriptor-set-while-running';
    return each === 1 ? 'vm-irq/trigger-by-bools-signals' : 'vm-irq/trigger-without-data-signals';
  }

  #carryOut({ flags, start, count }: IrqSet, data: Uint8Array): void {
    const each = bytesEach(flags);
    if (count === 0) {
      for (const vector of [...this.#armed.keys()]) if (vector >= start) this.#armed.delete(vector);
      return;
    }
    const events = each === 4 ? eventsIn(data, count) : [];
    for (let n = 0; n < count; n++) {
      const vector = start + n;
      const event = events[n];
      if (event !== undefined) {
        if (event < 0) this.#armed.delete(vector);
        else this.#armed.set(vector, event);
        continue;
      }
      const armed = this.#armed.get(vector);
      if (armed === undefined || (each === 1 && data[n] === 0)) continue;
      this.#triggered.set(armed, this.triggersOf(armed) + 1);
    }
  }
}

function eventsIn(data: Uint8Array, count: number): number[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: count }, (_, n) => view.getInt32(4 * n, true));
}
