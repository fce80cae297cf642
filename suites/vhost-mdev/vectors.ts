import type { VhostMdevSession } from '../../drivers/port/port.ts';
import { encodeStructure } from '../../reference-impl/wire/structure.ts';
import {
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_DATA_EVENTFD,
  vfioIrqSet,
  vfioRequests,
} from '../../reference-impl/wire/vfio-structures.ts';
import type { CountedEvent } from '../counted-event.ts';
import { type Answer, answerOf } from './ring-messages.ts';

/** Gives the rings' vectors from `start` on an event each, and takes theirs away where there is none. */
export const setEvents = (
  { vfio, places }: VhostMdevSession,
  start: number,
  events: readonly (CountedEvent | undefined)[],
): Answer =>
  answerOf(
    vfio.setIrqEvents(
      places.interrupts,
      start,
      events.map((event) => event?.fd ?? -1),
    ),
  );

export const triggerByEvents = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;

export const descriptorData = (...descriptors: readonly number[]): Uint8Array =>
  new Uint8Array(Int32Array.from(descriptors).buffer);

export interface IrqFields {
  readonly argsz?: number;
  readonly flags?: number;
  readonly index?: number;
  readonly start?: number;
  readonly count?: number;
}

/**
 * VFIO_DEVICE_SET_IRQS with any fields: one event descriptor for the first vector of the rings, which is none, unless
 * told otherwise.
 */
export function setIrqs(
  { vfio, places }: VhostMdevSession,
  fields: IrqFields,
  data: Uint8Array = descriptorData(-1),
): Answer {
  const fixed = encodeStructure(vfioIrqSet, {
    argsz: vfioIrqSet.size + data.length,
    flags: triggerByEvents,
    index: places.interrupts,
    start: 0,
    count: 1,
    ...fields,
  });
  const argument = new Uint8Array(fixed.length + data.length);
  argument.set(fixed);
  argument.set(data, fixed.length);
  return answerOf(vfio.file.ioctl(vfioRequests.VFIO_DEVICE_SET_IRQS, argument));
}
