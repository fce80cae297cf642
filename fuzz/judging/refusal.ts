import type { Transport } from '../../reference-impl/catalogue/transport.ts';
import { messageById } from '../../reference-impl/wire/vhost-user-messages.ts';
import type { OutcomeClass } from '../executor/outcomes.ts';
import { mdevRequestOf } from '../program/mdev-request.ts';
import { isQuestion } from '../program/message-lawfulness.ts';
import type { Call } from '../program/program.ts';

/**
 * Whether a call was refused in a way that leaves the IUT as it was, whatever the IUT is: no session was opened, or the
 * message that was refused asks for something and changes nothing, or has no meaning to the transport. Of any other message
 * that was refused, a part may have been carried out.
 */
export function isRefusedUnchanged(call: Call, outcome: OutcomeClass, transport: Transport): boolean {
  if (outcome !== 'refused') return false;
  if (call.kind === 'connect') return true;
  if (call.kind !== 'message' || call.declared !== undefined || call.truncate !== undefined) return false;
  return isQuestion(call.request) || !hasMeaning(call.request, transport);
}

const hasMeaning = (request: number, transport: Transport): boolean =>
  transport === 'vhost-user' ? messageById('front-end', request) !== undefined : mdevRequestOf(request) !== undefined;
