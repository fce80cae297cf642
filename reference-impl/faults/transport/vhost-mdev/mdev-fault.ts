import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import type { MdevRules } from '../../../vhost-mdev/mdev-rules.ts';
import type { MdevState } from '../../../vhost-mdev/mdev-state.ts';
import type { MdevMessageRule, MdevOutcome } from '../../../vhost-mdev/message-rules.ts';
import type { VhostRequest } from '../../../wire/vhost-requests.ts';
import type { MdevFault } from '../../fault.ts';

type Change = (rules: MdevRules) => MdevRules;
type MdevTableName = Exclude<keyof MdevRules, 'messages'>;

/** Declares a fault of vhost-mdev. What it changes comes from the functions below; several changes are made in order. */
export function mdevFault(requirement: RequirementSlug, text: string, ...changes: readonly Change[]): MdevFault {
  return {
    layer: 'transport',
    transport: 'vhost-mdev',
    requirement,
    text,
    apply: (rules) => changes.reduce((changed, change) => change(changed), rules),
  };
}

/** Replaces entries of one table of `MdevRules`. A function is given the right entries, to build on. */
export function inMdevTable<Name extends MdevTableName>(
  name: Name,
  entries: Partial<MdevRules[Name]> | ((right: MdevRules[Name]) => Partial<MdevRules[Name]>),
): Change {
  return (rules) => ({
    ...rules,
    [name]: { ...rules[name], ...(typeof entries === 'function' ? entries(rules[name]) : entries) },
  });
}

/** Replaces parts of the entry of one message. */
export function onMdevMessage(
  name: VhostRequest,
  change: (right: MdevMessageRule) => Partial<MdevMessageRule>,
): Change {
  return (rules) => ({
    ...rules,
    messages: rules.messages.map((entry) => (entry.name === name ? { ...entry, ...change(entry) } : entry)),
  });
}

/** Replaces what one message does; `right` does what it should. `payload` is zero behind the bytes that came. */
export function mdevHandling(
  name: VhostRequest,
  handle: (right: () => MdevOutcome, device: MdevState, payload: DataView, size: number) => MdevOutcome,
): Change {
  return onMdevMessage(name, (entry) => ({
    handle: (device, payload, size) => handle(() => entry.handle(device, payload, size), device, payload, size),
  }));
}
