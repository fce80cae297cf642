import type { InterruptRules, IrqSet } from '../../../vhost-mdev/interrupts.ts';
import { BrokenDown } from '../../../vhost-user/back-end-edge.ts';
import { errno } from '../../../wire/errno.ts';
import {
  VFIO_IRQ_SET_ACTION_MASK,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_ACTION_TYPE_MASK,
  VFIO_IRQ_SET_ACTION_UNMASK,
  VFIO_IRQ_SET_DATA_EVENTFD,
  VFIO_IRQ_SET_DATA_NONE,
  VFIO_IRQ_SET_DATA_TYPE_MASK,
  vfioIrqSet,
  vfioRequests,
} from '../../../wire/vfio-structures.ts';
import type { MdevFault } from '../../fault.ts';
import { hidden } from '../../fault.ts';
import { inMdevTable, mdevFault, mdevHandling } from './mdev-fault.ts';

/** Has the generic checks look at another call than the one that was made; undefined: not at all. */
const checked = (as: (set: IrqSet, shape: Parameters<InterruptRules['generalError']>[1]) => IrqSet | undefined) =>
  inMdevTable('interrupt', ({ generalError }) => ({
    generalError: (set, shape, dataLength) => {
      const changed = as(set, shape);
      return changed === undefined ? 0 : generalError(changed, shape, dataLength);
    },
  }));

/** An event that its vector keeps is not let go. */
const keptNoMore: InterruptRules['released'] = (before, after) => before.filter((event) => !after.includes(event));

const isOneKind = (flags: number): boolean => {
  const kind = flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
  return (kind & (kind - 1)) === 0;
};

const takesAction = (action: number) =>
  inMdevTable('interrupt', ({ ownError }) => ({
    ownError: (set, shape) => ((set.flags & action) === 0 ? ownError(set, shape) : 0),
  }));

const takesWhere = (isTaken: (action: number) => boolean) =>
  inMdevTable('interrupt', ({ ownError }) => ({
    ownError: (set, shape) => (isTaken(set.flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) ? 0 : ownError(set, shape)),
  }));

const takesArgsz = (call: number) =>
  inMdevTable('calls', ({ acceptsArgsz }) => ({
    acceptsArgsz: (argsz, needed, request) => request === call || acceptsArgsz(argsz, needed, request),
  }));

/** VFIO_DEVICE_GET_IRQ_INFO and SET_IRQS. */
export const mdevIrqFaults = {
  'mdev-vectors-of-rings-in-use': mdevFault(
    'vm-irq/vector-for-each-ring',
    'once an address was told, vectors are counted up to the last ring that has one',
    inMdevTable('interrupt', ({ told }) => ({
      told: (inUse, rings) => (inUse === 0 ? told(inUse, rings) : inUse),
    })),
  ),
  'mdev-interrupt-without-eventfd': mdevFault(
    'vm-irq/vectors-are-events',
    'the flags of interrupt indices are 0',
    inMdevTable('calls', { interruptFlags: () => 0 }),
  ),
  'mdev-interrupt-maskable': hidden(
    { 'vhost-mdev-l1': 'the MSI-X index of layout L1 may be maskable' },
    mdevFault(
      'vm-irq/vectors-are-events',
      'the flags of interrupt indices say that they can be masked',
      inMdevTable('calls', { interruptFlags: (flags) => flags | 2 }),
    ),
  ),
  'mdev-last-interrupt-for-unknown-index': mdevFault(
    'vm-irq/info-of-unknown-index-refused',
    'GET_IRQ_INFO of an index that there is not tells of the last one',
    inMdevTable('calls', { interruptAskedFor: (index, count) => Math.min(index, count - 1) }),
  ),
  'mdev-bad-pointers-are-taken': mdevFault(
    'vm-identity/bad-pointers-refused',
    'a call whose argument cannot be read is said to be done',
    inMdevTable('calls', { badPointer: 0 }),
  ),
  'mdev-short-argsz-of-interrupt-taken': mdevFault(
    'vm-irq/info-short-argsz-refused',
    'GET_IRQ_INFO does not look at argsz',
    takesArgsz(vfioRequests.VFIO_DEVICE_GET_IRQ_INFO),
  ),
  'mdev-vector-of-every-index': mdevFault(
    'vm-irq/l1-other-indices-have-no-vectors',
    'every interrupt index has a vector at least',
    inMdevTable('calls', { vectorsOf: (_, count) => Math.max(1, count) }),
  ),
  'mdev-vectors-swapped': mdevFault(
    'vm-irq/vector-is-ring-index',
    'rings signal the vectors of their neighbours',
    inMdevTable('interrupt', { signalled: (queue) => [queue ^ 1] }),
  ),
  'mdev-all-vectors-signalled': mdevFault(
    'vm-irq/no-other-vector-signals',
    'a ring signals all vectors',
    inMdevTable('interrupt', { signalled: (_, vectors) => [...new Array(vectors).keys()] }),
  ),
  'mdev-signal-without-descriptor-crashes': mdevFault(
    'vm-irq/ring-works-without-descriptor',
    'a signal of a vector without an event descriptor ends the device',
    inMdevTable('interrupt', {
      signalling: (events) => {
        if (events.length === 0) throw new BrokenDown('abort');
      },
    }),
  ),
  'mdev-first-descriptor-stays': mdevFault(
    'vm-irq/new-descriptor-takes-over',
    'an event descriptor in place of another is taken and not signalled',
    inMdevTable('interrupt', ({ armed }) => ({
      armed: (before, next) => (before.length > 0 && next !== undefined ? before : armed(before, next)),
      released: keptNoMore,
    })),
  ),
  'mdev-old-descriptor-signalled-too': mdevFault(
    'vm-irq/old-descriptor-falls-silent',
    'an event descriptor that another took the place of is signalled too',
    inMdevTable('interrupt', ({ armed }) => ({
      armed: (before, next) => (next === undefined ? armed(before, next) : [...before, next]),
      released: keptNoMore,
    })),
  ),
  'mdev-descriptor-busy-while-running': mdevFault(
    'vm-irq/descriptor-set-while-running',
    'SET_IRQS while the device runs fails with EBUSY',
    inMdevTable('interrupt', ({ ownError }) => ({
      ownError: (set, shape) => (shape.isRunning ? errno.EBUSY : ownError(set, shape)),
    })),
  ),
  'mdev-stop-drops-descriptors': mdevFault(
    'vm-irq/descriptors-survive-stop-and-start',
    'a stop takes all event descriptors away',
    mdevHandling('VHOST_DEVICE_SET_STATE', (right, device) => {
      const ran = device.isRunning;
      const outcome = right();
      if (ran && !device.isRunning) device.interrupts.dropAll();
      return outcome;
    }),
  ),
  'mdev-first-descriptor-for-all': mdevFault(
    'vm-irq/one-call-sets-many',
    'SET_IRQS of several vectors gives all of them the first descriptor',
    inMdevTable('interrupt', { descriptorOf: () => 0 }),
  ),
  'mdev-suppressed-ring-signals': mdevFault(
    'vm-irq/suppressed-ring-is-silent',
    'every used element signals the vector of its ring, whether or not the driver wants it',
    inMdevTable('interrupt', { atUsed: (interrupts, queue) => interrupts.call(queue) }),
  ),
  'mdev-minus-one-keeps-descriptor': mdevFault(
    'vm-irq/minus-one-drops-descriptor',
    'descriptor -1 changes nothing',
    inMdevTable('interrupt', ({ armed }) => ({
      armed: (before, next) => (next === undefined ? before : armed(before, next)),
      released: keptNoMore,
    })),
  ),
  'mdev-count-zero-keeps-descriptors': mdevFault(
    'vm-irq/count-zero-drops-descriptors',
    'SET_IRQS with count 0 changes nothing',
    inMdevTable('interrupt', { droppedAtCountZero: () => false }),
  ),
  'mdev-count-zero-drops-all': mdevFault(
    'vm-irq/count-zero-drops-from-start',
    'SET_IRQS with count 0 takes all event descriptors away, whatever its start',
    inMdevTable('interrupt', { droppedAtCountZero: () => true }),
  ),
  'mdev-dropped-descriptors-held': mdevFault(
    'vm-irq/dropped-descriptor-is-released',
    'event descriptors that were taken away or replaced stay held',
    inMdevTable('interrupt', { released: () => [] }),
  ),
  'mdev-start-behind-vectors-taken': mdevFault(
    'vm-irq/start-beyond-vectors-refused',
    'SET_IRQS from the vector behind the last is taken',
    checked((set, { vectors }) => (set.start === vectors ? undefined : set)),
  ),
  'mdev-vector-behind-last-taken': mdevFault(
    'vm-irq/count-beyond-vectors-refused',
    'SET_IRQS of one vector more than there are is taken',
    checked((set, { vectors }) => (set.start < vectors && set.start + set.count === vectors + 1 ? undefined : set)),
  ),
  'mdev-count-not-added-to-start': mdevFault(
    'vm-irq/count-beyond-vectors-refused',
    'SET_IRQS checks count and start apart from each other',
    checked((set, { vectors }) => (set.count <= vectors && set.start < vectors ? { ...set, start: 0 } : set)),
  ),
  'mdev-set-of-any-index': mdevFault(
    'vm-irq/set-of-unknown-index-refused',
    'SET_IRQS of an index that there is not is taken',
    checked((set, { vectors }) => (vectors === 0 ? undefined : set)),
  ),
  'mdev-unknown-flags-of-set-taken': mdevFault(
    'vm-irq/unknown-flags-refused',
    'SET_IRQS looks at the lower six flags alone',
    checked((set) => ({ ...set, flags: set.flags & 0x3f })),
  ),
  'mdev-upper-flags-of-set-taken': mdevFault(
    'vm-irq/unknown-flags-refused',
    'SET_IRQS looks at the lower 16 flags alone',
    checked((set) => ({ ...set, flags: set.flags & 0xffff })),
  ),
  'mdev-no-kind-of-data-taken': mdevFault(
    'vm-irq/two-kinds-of-data-refused',
    'SET_IRQS that says no kind of data is taken',
    checked((set) =>
      (set.flags & VFIO_IRQ_SET_DATA_TYPE_MASK) === 0 ? { ...set, flags: set.flags | VFIO_IRQ_SET_DATA_NONE } : set,
    ),
  ),
  'mdev-two-kinds-of-data-taken': mdevFault(
    'vm-irq/two-kinds-of-data-refused',
    'SET_IRQS that says several kinds of data is taken for one with event descriptors',
    checked((set) =>
      isOneKind(set.flags)
        ? set
        : { ...set, flags: (set.flags & ~VFIO_IRQ_SET_DATA_TYPE_MASK) | VFIO_IRQ_SET_DATA_EVENTFD },
    ),
  ),
  'mdev-data-of-set-not-measured': mdevFault(
    'vm-irq/data-shorter-than-count-refused',
    'SET_IRQS takes data from behind the argsz that it was told',
    checked((set) => ({ ...set, argsz: Math.max(set.argsz, 4096) })),
  ),
  'mdev-data-of-first-vector-measured': mdevFault(
    'vm-irq/data-shorter-than-count-refused',
    'SET_IRQS measures the data of one vector, however many it is told of',
    checked((set) => (set.argsz >= vfioIrqSet.size + 4 ? { ...set, argsz: Math.max(set.argsz, 4096) } : set)),
  ),
  'mdev-no-action-taken': mdevFault(
    'vm-irq/other-than-one-action-refused',
    'SET_IRQS without an action is taken as one to trigger',
    takesWhere((action) => action === 0),
  ),
  'mdev-two-actions-taken': mdevFault(
    'vm-irq/other-than-one-action-refused',
    'SET_IRQS with further actions beside that to trigger is taken',
    takesWhere((action) => action > VFIO_IRQ_SET_ACTION_TRIGGER),
  ),
  'mdev-argsz-of-set-unchecked': mdevFault(
    'vm-irq/data-shorter-than-count-refused',
    'SET_IRQS does not look at argsz where there is no data',
    takesArgsz(vfioRequests.VFIO_DEVICE_SET_IRQS),
    checked((set) => ({ ...set, argsz: Math.max(set.argsz, vfioIrqSet.size) })),
  ),
  'mdev-no-event-for-none': mdevFault(
    'vm-irq/no-event-descriptor-refused',
    'a descriptor of no event is taken for -1',
    inMdevTable('interrupt', { noEventError: 0 }),
  ),
  'mdev-descriptors-before-bad-one-kept': mdevFault(
    'vm-irq/refused-call-changes-nothing',
    'of a SET_IRQS that is refused, the descriptors before the bad one are set',
    inMdevTable('interrupt', { keptAtFailure: (held) => held }),
  ),
  'mdev-mask-taken': mdevFault(
    'vm-irq/mask-and-unmask-refused',
    'SET_IRQS to mask is taken',
    takesAction(VFIO_IRQ_SET_ACTION_MASK),
  ),
  'mdev-unmask-taken': mdevFault(
    'vm-irq/mask-and-unmask-refused',
    'SET_IRQS to unmask is taken',
    takesAction(VFIO_IRQ_SET_ACTION_UNMASK),
  ),
  'mdev-trigger-without-data-drops': mdevFault(
    'vm-irq/trigger-without-data-signals',
    'SET_IRQS to trigger without data drops the descriptors',
    inMdevTable('interrupt', { withoutDescriptor: 'drop' }),
  ),
  'mdev-bools-not-looked-at': mdevFault(
    'vm-irq/trigger-by-bools-signals',
    'SET_IRQS to trigger by bools signals every vector',
    inMdevTable('interrupt', { triggers: () => true }),
  ),
  'mdev-bools-signal-nobody': mdevFault(
    'vm-irq/trigger-by-bools-signals',
    'SET_IRQS to trigger by bools signals no vector',
    inMdevTable('interrupt', { triggers: () => false }),
  ),
} as const satisfies Record<string, MdevFault>;
