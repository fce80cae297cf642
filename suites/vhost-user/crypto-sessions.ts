import type { VhostUserSession } from '../../drivers/port/port.ts';
import type { CaseContext, VariantAxes } from '../case.ts';
import type { Check } from '../check.ts';
import { createSession, type DescriptionForm, descriptionForms, type SessionWish } from './crypto-description.ts';
import { payloadOf } from './words.ts';

/** A connection whose back-end makes crypto sessions of one form of description, with the first of them. */
export interface CryptoConnection {
  readonly session: VhostUserSession;
  readonly form: DescriptionForm;
  readonly id: bigint;
}

type Connect = CaseContext<string, VariantAxes, VhostUserSession>['connect'];

/**
 * The text does not say what a description is made of: the first form that brings a session is that of the back-end.
 * Undefined where none does.
 */
export function madeByAnyForm(connect: Connect, wish: SessionWish = {}): CryptoConnection | undefined {
  for (const form of descriptionForms) {
    const session = connect('negotiated');
    // A back-end with another form may close the connection, or take no notice of it.
    const answer = session.messages.exchange(createSession(form, wish));
    const isOfForm = answer.kind === 'reply' && answer.message.payload.length === form.bytes;
    const id = isOfForm ? payloadOf(answer.message, form.bytes).getBigInt64(form.sessionIdAt, true) : -1n;
    if (id >= 0n) return { session, form, id };
    session.close();
  }
  return undefined;
}

/** The same; the check is inconclusive where no form brings a session. @throws CaseEnded */
export function cryptoConnection(connect: Connect, check: Check, wish: SessionWish = {}): CryptoConnection {
  const what = 'a session is made of a description that some implementation has';
  return madeByAnyForm(connect, wish) ?? (check.presumes(false, what) as never);
}

/** The id in the reply, which has the form of the request. */
export function createdId(
  { session, form }: CryptoConnection,
  check: Check,
  what: string,
  wish: SessionWish = {},
): bigint {
  const reply = check.reply(session.messages.exchange(createSession(form, wish)), what);
  return payloadOf(reply, form.bytes).getBigInt64(form.sessionIdAt, true);
}
