import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import type { Breakdown } from '../../../vhost-user/back-end-edge.ts';
import type { BackEndRules } from '../../../vhost-user/back-end-rules.ts';
import type { Handled } from '../../../vhost-user/handled.ts';
import type { MessageRule, RequestContext } from '../../../vhost-user/message-rule.ts';
import type { ReferenceRules } from '../../../vhost-user/reference-rules.ts';
import type { SessionState } from '../../../vhost-user/session-state.ts';
import type { FrontEndMessageName } from '../../../wire/vhost-user-messages.ts';
import type { VhostUserFault } from '../../fault.ts';

export type Change = (rules: ReferenceRules) => ReferenceRules;
type TableName = Exclude<keyof BackEndRules, 'messages'>;

/**
 * Declares a fault of the vhost-user back-end. What it changes comes from the functions below; several changes are made
 * in order.
 */
export function vhostUserFault(
  requirement: RequirementSlug,
  text: string,
  ...changes: readonly Change[]
): VhostUserFault {
  return {
    layer: 'transport',
    transport: 'vhost-user',
    requirement,
    text,
    apply: (rules) => changes.reduce((changed, change) => change(changed), rules),
  };
}

/** Replaces entries of one of the session's tables. A function is given the right entries, to build on. */
export function inTable<Name extends TableName>(
  name: Name,
  entries: Partial<BackEndRules[Name]> | ((right: BackEndRules[Name]) => Partial<BackEndRules[Name]>),
): Change {
  return (rules) => ({
    ...rules,
    [name]: { ...rules[name], ...(typeof entries === 'function' ? entries(rules[name]) : entries) },
  });
}

/** Replaces parts of the entry of one request. */
export function onMessage(
  name: FrontEndMessageName,
  change: (right: MessageRule, rules: ReferenceRules) => Partial<MessageRule>,
): Change {
  return (rules) => ({
    ...rules,
    messages: rules.messages.map((entry) => (entry.name === name ? { ...entry, ...change(entry, rules) } : entry)),
  });
}

/** Replaces what one request does; `right` does what it should. */
export function handling<Value = never>(
  name: FrontEndMessageName,
  handle: (right: () => Handled, session: SessionState, value: Value, context: RequestContext) => Handled,
): Change {
  return onMessage(name, (entry) => ({
    handle: (session, value, context) =>
      handle(() => entry.handle(session, value, context), session, value as Value, context),
  }));
}

/** Ends the back-end, or stops it for good, before the message that `isFatal` picks is looked at. */
export const breaksDownAt = (
  how: Breakdown,
  isFatal: (message: { readonly request: number; readonly flags: number; readonly size: number }) => boolean,
): Change => inTable('stream', { breakdownAt: (message) => (isFatal(message) ? how : undefined) });
