import type { RequirementSlug } from '../../catalogue/catalogue.ts';
import type { RulesByDevice } from '../../devices/device-rules.ts';
import type { QueueRules } from '../../devices/queue-rules.ts';
import type { ReferenceDevice } from '../../devices/reference-devices.ts';
import type { DeviceChange, DeviceFault } from '../fault.ts';

/** A pair of queues that no network device here has: frames for it are lost. */
export const noPair = 0xffff;

/** Declares a fault of a device. What it changes comes from the functions below; several changes are made in order. */
export function deviceFault(
  requirement: RequirementSlug,
  text: string,
  ...changes: readonly DeviceChange[]
): DeviceFault {
  return {
    layer: 'device',
    requirement,
    text,
    apply: (rules) => changes.reduce((changed, change) => change(changed), rules),
  };
}

/** Replaces entries of the table of every device's queues. */
export const inQueue =
  (entries: Partial<QueueRules>): DeviceChange =>
  (rules) => ({ ...rules, transport: { ...rules.transport, queue: { ...rules.transport.queue, ...entries } } });

/** Replaces entries of the table of a device type. */
export const inDevice =
  <D extends ReferenceDevice>(device: D, entries: Partial<RulesByDevice[D]>): DeviceChange =>
  (rules) => ({ ...rules, [device]: { ...rules[device], ...entries } });

export const inBlock = (entries: Partial<RulesByDevice['block']>): DeviceChange => inDevice('block', entries);

export const inNet = (entries: Partial<RulesByDevice['net']>): DeviceChange => inDevice('net', entries);
