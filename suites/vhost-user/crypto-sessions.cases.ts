import type { OutgoingMessage, VhostUserSession } from '../../drivers/port/port.ts';
import { defineCase } from '../case.ts';
import type { Check } from '../check.ts';
import { CryptoDescription, ciphers, descriptionForms } from './crypto-description.ts';
import { payloadOf } from './words.ts';

/** Sessions of crypto devices (vhost-user, "VHOST_USER_CREATE_CRYPTO_SESSION"). */

const rule = 'vu-crypto/session-id-or-negative-error';

/** The id in the reply, which has the form of the request. */
function created(session: VhostUserSession, check: Check, description: CryptoDescription, what: string): bigint {
  const request = description.message();
  const reply = check.reply(session.messages.exchange(request), what);
  const view = payloadOf(reply, description.form.bytes);
  return view.getBigInt64(description.form.sessionIdAt, true);
}

const close = (id: bigint): OutgoingMessage => ({
  request: 'VHOST_USER_CLOSE_CRYPTO_SESSION',
  payload: { u64: BigInt.asUintN(64, id) },
});

export const sessionIds = defineCase({
  id: 'vhost-user/crypto/session-ids-are-told-or-negative-numbers',
  title:
    'CREATE_CRYPTO_SESSION tells each open session an id of its own, 0 or more, and a negative number for a session of no cipher',
  proves: { [rule]: ['crypto-failure-tells-positive', 'crypto-sessions-share-an-id'] },
  applies: {
    start: 'closed',
    transports: ['vhost-user'],
    devices: ['crypto'],
    negotiate: ['VHOST_USER_PROTOCOL_F_CRYPTO_SESSION'],
    ring: 'none',
  },
  run({ connect, requirement }) {
    const check = requirement(rule);
    // The text does not say what a description is made of: the first that brings a session is one of this back-end.
    for (const form of descriptionForms) {
      for (const cipher of ciphers) {
        const session = connect('negotiated');
        const sound = new CryptoDescription(form, cipher);
        // A back-end with another form may close the connection, or take no notice of it.
        const answer = session.messages.exchange(sound.message());
        const isOfForm = answer.kind === 'reply' && answer.message.payload.length === form.bytes;
        const first = isOfForm ? payloadOf(answer.message, form.bytes).getBigInt64(form.sessionIdAt, true) : -1n;
        if (first < 0n) {
          session.close();
          continue;
        }
        const second = created(session, check, sound, 'CREATE_CRYPTO_SESSION a second time');
        check.holds(second >= 0n && second !== first, 'id of the second session', {
          expected: `0 or more, and not ${first}`,
          actual: String(second),
        });
        const unknown = new CryptoDescription(form, { ...cipher, algorithm: 0xffff_fff0 });
        const refused = created(session, check, unknown, 'CREATE_CRYPTO_SESSION of a cipher that there is not');
        check.holds(refused < 0n, 'id of a session of a cipher that there is not', {
          expected: 'a negative number',
          actual: String(refused),
        });
        for (const id of [first, second]) session.messages.send(close(id));
        check.reply(session.messages.fence(), 'GET_FEATURES behind CLOSE_CRYPTO_SESSION');
        const again = created(session, check, sound, 'CREATE_CRYPTO_SESSION behind the end of both');
        check.holds(again >= 0n, 'id of a session behind the end of both', {
          expected: '0 or more',
          actual: String(again),
        });
        session.close();
        return;
      }
    }
    check.presumes(false, 'a session is made of a description that some implementation has');
  },
});
