import type { OutgoingMessage, VhostUserSession } from '../../drivers/port/port.ts';
import type { Attempt } from '../../judging/refusal.ts';
import { familyNames, sizedRequests } from '../../reference-impl/faults/transport/vhost-user/request-family.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { defineCase } from '../case.ts';
import type { LawfulRequest } from './lawful-requests.ts';
import { type Answers, answersTo, openFor } from './request-answers.ts';
import { cutTo, undersizedPoints } from './undersized.ts';
import { needReply, wordOf } from './words.ts';

/** A u64. */
const acknowledgementBytes = 8;

export const notTakenAsWhole = defineCase({
  id: 'vhost-user/header/undersized-payload-is-not-taken-as-whole',
  title: 'a payload cut short is not acknowledged with 0 and not replied to as the whole one is, which is accepted',
  proves: { 'vu-header/undersized-payload-refused': familyNames(sizedRequests, 'undersized-taken') },
  applies: {
    start: 'closed',
    transports: ['vhost-user'],
    offers: ['VHOST_USER_PROTOCOL_F_REPLY_ACK'],
    ring: 'none',
  },
  run(context) {
    const { points, refusal, requirement } = context;
    const check = requirement('vu-header/undersized-payload-refused');
    points(undersizedPoints(context, check), ({ key, of, size }) => {
      const tried = refusal({
        open: () => openFor(context, of, check),
        flawed: (setting) => attemptOf(of, setting.session, cutTo(of.message(setting, 0), size)),
        control: (setting) => attemptOf(of, setting.session, of.message(setting, 0)),
        controlName: of.request,
      });
      check.refused(tried, key);
    });
  },
});

export const notAcknowledged = defineCase({
  id: 'vhost-user/reply-ack/refused-own-reply-is-not-acknowledged',
  title:
    'a payload cut short, with need_reply, of a request that has a longer reply of its own brings no acknowledgement',
  proves: { 'vu-reply-ack/messages-with-own-reply-unchanged': 'refused-own-reply-acknowledged' },
  applies: {
    start: 'closed',
    transports: ['vhost-user'],
    offers: ['VHOST_USER_PROTOCOL_F_REPLY_ACK', 'VHOST_USER_PROTOCOL_F_CONFIG'],
    ring: 'none',
  },
  run(context) {
    const { points, requirement } = context;
    const check = requirement('vu-reply-ack/messages-with-own-reply-unchanged');
    const ofLongReplies = undersizedPoints(context, check).filter(({ of: { answer, replyBytes = [8] } }) => {
      return answer === 'own-reply' && !replyBytes.includes(acknowledgementBytes);
    });
    points(ofLongReplies, ({ key, of, size }) => {
      const answered = (asking: Pick<OutgoingMessage, 'flags'>): Answers => {
        const setting = openFor(context, of, check);
        const answers = answersTo(setting.session, { ...cutTo(of.message(setting, 0), size), ...asking });
        setting.session.close();
        return answers;
      };
      const asked = answered({ flags: needReply });
      if (asked.ended?.kind === 'died' || asked.ended?.kind === 'silent') {
        check.failsBy(asked.ended, key, 'a closed connection, a reply or none');
        return;
      }
      // A u64 that comes unasked as well is no change that need_reply brings.
      const isAcknowledged = hasAcknowledgement(asked) && !hasAcknowledgement(answered({}));
      check.equal(isAcknowledged, false, `whether ${key} is answered by a u64 because it asks`);
    });
  },
});

const hasAcknowledgement = ({ messages }: Answers): boolean =>
  messages.some(({ payload }) => payload.length === acknowledgementBytes);

function attemptOf(of: LawfulRequest, session: VhostUserSession, message: OutgoingMessage): Attempt {
  const { messages, ended } = answersTo(
    session,
    of.answer === 'own-reply' ? message : { ...message, flags: needReply },
  );
  if (ended !== undefined) return ended;
  const [answer] = messages;
  if (answer?.request !== requestId[of.request]) return { kind: 'shown', isAccepted: false, how: 'no answer' };
  if (of.replyBytes !== undefined && of.request !== 'VHOST_USER_SET_LOG_BASE') {
    const isAccepted = of.replyBytes.includes(answer.size);
    return { kind: 'shown', isAccepted, how: `a reply of ${answer.size} bytes` };
  }
  // A reply without payload cannot say that the request failed.
  if (answer.payload.length !== 8) return { kind: 'done', by: 'fence' };
  const value = wordOf(answer);
  const hasSucceeded = of.hasSucceeded?.(value) ?? value === 0n;
  return hasSucceeded ? { kind: 'done', by: 'acknowledgement' } : { kind: 'refused', by: 'acknowledgement', value };
}
