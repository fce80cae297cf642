import type { RequirementSlug } from '../../catalogue/catalogue.ts';
import type { BlockRules } from '../../devices/block-rules.ts';
import type { NetRules } from '../../devices/net-rules.ts';
import type { QueueRules } from '../../devices/queue-rules.ts';
import type { DeviceChange, DeviceFault } from '../fault.ts';

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

export const inBlock =
  (entries: Partial<BlockRules>): DeviceChange =>
  (rules) => ({ ...rules, block: { ...rules.block, ...entries } });

export const inNet =
  (entries: Partial<NetRules>): DeviceChange =>
  (rules) => ({ ...rules, net: { ...rules.net, ...entries } });
