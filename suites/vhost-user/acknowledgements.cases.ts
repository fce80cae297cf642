import {
  acknowledgedRequests,
  familyNames,
  repliedRequests,
} from '../../reference-impl/faults/transport/vhost-user/request-family.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { defineCase } from '../case.ts';
import {
  answersTo,
  hasOwnReply,
  isAcknowledged,
  isEnded,
  numbersIn,
  openFor,
  pointsOf,
  shown,
} from './request-answers.ts';
import { needReply, wordOf } from './words.ts';

/** REPLY_ACK request by request: each that a front-end may send is a point (vhost-user, "REPLY_ACK", "Communication"). */

const applies = {
  start: 'closed',
  transports: ['vhost-user'],
  offers: ['VHOST_USER_PROTOCOL_F_REPLY_ACK'],
  ring: 'none',
} as const;

const zero = 0n;

export const eachIsAcknowledged = defineCase({
  id: 'vhost-user/reply-ack/each-request-is-acknowledged-once-with-zero',
  title: 'each lawful request without a reply of its own that carries need_reply is answered once, by a u64 of 0',
  proves: {
    'vu-reply-ack/need-reply-answered-with-u64': [
      ...familyNames(acknowledgedRequests, 'unanswered'),
      'kick-without-descriptor-unanswered',
      'call-without-descriptor-unanswered',
      'err-without-descriptor-unanswered',
      'disabling-unanswered',
    ],
    'vu-reply-ack/success-is-zero': familyNames(acknowledgedRequests, 'acknowledged-with-one'),
    'vu-reply-ack/one-answer-per-request-in-order': familyNames(acknowledgedRequests, 'answered-twice'),
  },
  applies,
  run(context) {
    const isAnswered = context.requirement('vu-reply-ack/need-reply-answered-with-u64');
    const isZero = context.requirement('vu-reply-ack/success-is-zero');
    const isOnce = context.requirement('vu-reply-ack/one-answer-per-request-in-order');
    context.points(pointsOf(context, isAnswered, isAcknowledged), ({ key, of }) => {
      const setting = openFor(context, of, isAnswered);
      const { session } = setting;
      if (of.isSentOnce !== true) {
        session.messages.send(of.message(setting, 0));
        isAnswered.reply(session.messages.fence(), `GET_FEATURES behind the first ${key}`);
      }
      const answers = answersTo(session, { ...of.message(setting, 1), flags: needReply });
      if (isEnded(answers, isAnswered, key)) return;
      const [answer, ...more] = answers.messages;
      const came = answer?.request === requestId[of.request] && answer.size === 8;
      isAnswered.holds(came, `${key} with need_reply`, {
        expected: `a message with request number ${requestId[of.request]} and 8 bytes of payload`,
        actual: answer === undefined ? 'no message' : `number ${answer.request} and ${answer.size} bytes`,
      });
      if (answer === undefined) return;
      isOnce.equal(more.length, 0, `messages behind the answer to ${key}`);
      if (answer.payload.length === 8) isZero.equal(wordOf(answer), zero, `answer to ${key}`);
    });
  },
});

export const noneUnlessAsked = defineCase({
  id: 'vhost-user/reply-ack/no-request-is-answered-unless-it-asks',
  title: 'a request without a reply of its own and without need_reply is not answered, with REPLY_ACK and without',
  proves: { 'vu-reply-ack/no-answer-unless-asked': familyNames(acknowledgedRequests, 'answered-unasked') },
  applies,
  run(context) {
    const check = context.requirement('vu-reply-ack/no-answer-unless-asked');
    const all = pointsOf(context, check, isAcknowledged).flatMap(({ key, of }) =>
      (['negotiated', 'not negotiated'] as const)
        .filter((replyAck) => replyAck === 'negotiated' || !of.needs?.includes('VHOST_USER_PROTOCOL_F_REPLY_ACK'))
        .map((replyAck) => ({ key: `${key},REPLY_ACK=${replyAck}`, of, replyAck })),
    );
    context.points(all, ({ key, of, replyAck }) => {
      const setting = openFor(context, of, check, replyAck);
      check.isBesideText = true;
      for (let time = 0; time < (of.isSentOnce === true ? 1 : 2); time++) {
        const answers = answersTo(setting.session, of.message(setting, time));
        // A close is no answer.
        const isClosed = answers.ended?.kind === 'closed';
        if (!isClosed && isEnded(answers, check, key)) return;
        check.equal(numbersIn(answers), '', `request numbers of what came for ${key}`);
        if (isClosed) return;
      }
    });
  },
});

export const ownReplies = defineCase({
  id: 'vhost-user/reply-ack/each-own-reply-comes-alone-and-unchanged',
  title: 'each request with a reply of its own gets that reply once, the same with need_reply and without it',
  proves: {
    'vu-reply-ack/messages-with-own-reply-unchanged': [
      ...familyNames(repliedRequests, 'also-acknowledged'),
      ...familyNames(repliedRequests, 'unanswered-when-asked'),
    ],
  },
  applies,
  run(context) {
    const check = context.requirement('vu-reply-ack/messages-with-own-reply-unchanged');
    context.points(pointsOf(context, check, hasOwnReply), ({ key, of }) => {
      const first = openFor(context, of, check);
      const plain = answersTo(first.session, of.message(first, 0));
      if (isEnded(plain, check, key)) return;
      // What is sent once on a connection may be answered otherwise the second time.
      if (of.isSentOnce === true) first.session.close();
      const [second, time] =
        of.isSentOnce === true ? ([openFor(context, of, check), 0] as const) : ([first, 1] as const);
      const asked = answersTo(second.session, { ...of.message(second, time), flags: needReply });
      if (isEnded(asked, check, `${key} with need_reply`)) return;
      const [reply] = plain.messages;
      const [same] = asked.messages;
      check.equal(shown(plain), String(requestId[of.request]), `request numbers of what came for ${key}`);
      check.equal(
        shown(asked),
        String(requestId[of.request]),
        `request numbers of what came for ${key} with need_reply`,
      );
      if (reply === undefined || same === undefined) return;
      check.bytesEqual(same.payload, reply.payload, `payload of the reply to ${key} with need_reply`);
      check.equal(same.descriptors.length, reply.descriptors.length, `descriptors with the reply to ${key}`);
    });
  },
});
