import type { EventLog } from '../../reference-impl/observations/event-log.ts';
import { setUpByMessages } from '../../reference-impl/observations/trace-notes.ts';
import type { DriverRing, DriverRingOptions } from '../../reference-impl/virtqueue/driver-ring.ts';
import { PackedDriver } from '../../reference-impl/virtqueue/packed/driver-ring.ts';
import { GuestPackedRing } from '../../reference-impl/virtqueue/packed/guest-ring.ts';
import type { GuestRing } from '../../reference-impl/virtqueue/ring.ts';
import { SplitDriver } from '../../reference-impl/virtqueue/split/driver-ring.ts';
import { GuestSplitRing } from '../../reference-impl/virtqueue/split/guest-ring.ts';
import { DriverUsageError } from '../errors.ts';
import type { CaseSideOptions } from '../port/queue.ts';
import { PackedRingTrace } from './packed-ring-trace.ts';
import type { RingTrace } from './ring-trace.ts';
import { SplitRingTrace } from './split-ring-trace.ts';
import { TableTrace } from './table-trace.ts';

/** Our side of a ring, and what writes it into the log. */
export interface DriverSide {
  readonly driver: DriverRing;
  readonly trace: RingTrace;
}

/** The one place that knows which driver side belongs to a layout. */
export function driverSide(ring: GuestRing, index: number, log: EventLog, options: DriverRingOptions): DriverSide {
  const { tables: memory, space = 'guest-physical' } = options;
  const tables = memory === undefined ? undefined : new TableTrace(log, index, memory, space);
  const traced = tables === undefined ? options : { ...options, tables };
  if (ring instanceof GuestSplitRing) {
    const driver = new SplitDriver(ring, traced);
    return { driver, trace: new SplitRingTrace(log, ring, driver, index, tables) };
  }
  if (ring instanceof GuestPackedRing) {
    const driver = new PackedDriver(ring, traced);
    return { driver, trace: new PackedRingTrace(log, ring, driver, index, tables) };
  }
  throw new DriverUsageError(`there is no driver side for this ${ring.layout} ring`);
}

/** Our side of a ring that a case makes known by messages of its own: it is traced, and not watched. */
export function caseSide(ring: GuestRing, index: number, log: EventLog, options: CaseSideOptions): DriverRing {
  log.note(setUpByMessages(index));
  let trace: RingTrace | undefined;
  const nothing = (): void => undefined;
  const side = driverSide(ring, index, log, {
    ...options,
    observer: {
      added: nothing,
      addedByHand: nothing,
      published: nothing,
      outOfOrder: nothing,
      taken: () => trace?.used(),
    },
  });
  trace = side.trace;
  return side.driver;
}
