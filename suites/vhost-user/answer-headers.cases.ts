import {
  familyNames,
  rareReplies,
  sizedReplies,
} from '../../reference-impl/faults/transport/vhost-user/request-family.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { defineCase } from '../case.ts';
import { answersTo, hasOwnReply, isEnded, openFor, pointsOf } from './request-answers.ts';
import { needReply } from './words.ts';

/** The header of each answer, request by request (vhost-user, "Message Specification", "Header"). */

const versionMask = 3;
const replyFlag = 4;

export const answersWellFormed = defineCase({
  id: 'vhost-user/header/each-answer-is-well-formed',
  title:
    'each acknowledgement and each reply has version 1, the reply flag, the number of its request and its own size',
  proves: {
    'vu-header/reply-carries-version-1': ['acknowledgement-with-version-0', 'queue-num-with-version-3'],
    'vu-header/reply-carries-reply-flag': ['acknowledgement-without-reply-flag', 'queue-num-without-reply-flag'],
    'vu-header/reply-repeats-request-number': [
      'acknowledgement-with-other-request-number',
      'queue-num-with-other-request-number',
    ],
    'vu-header/reply-size-equals-payload': ['acknowledgement-size-beyond-payload', 'queue-num-size-short-of-payload'],
  },
  applies: {
    start: 'closed',
    transports: ['vhost-user'],
    offers: ['VHOST_USER_PROTOCOL_F_REPLY_ACK'],
    ring: 'none',
  },
  run(context) {
    const { points, requirement } = context;
    const version = requirement('vu-header/reply-carries-version-1');
    const flag = requirement('vu-header/reply-carries-reply-flag');
    const number = requirement('vu-header/reply-repeats-request-number');
    const size = requirement('vu-header/reply-size-equals-payload');
    points(pointsOf(context, version), ({ key, of }) => {
      const setting = openFor(context, of, size);
      const message = of.message(setting, 0);
      const asked = of.answer === 'own-reply' ? message : { ...message, flags: needReply };
      const { messages, ended } = answersTo(setting.session, asked);
      if (ended?.kind === 'died') {
        size.failsBy(ended, `answer to ${key}`, 'a message of its size');
        return;
      }
      // A request that ends the connection has no answer to look at; what else came in its place is found elsewhere.
      if (ended?.kind === 'closed' && messages.length === 0) return;
      // A size that is wrong takes the answers behind it along.
      if (!size.equal(ended?.kind, undefined, `what ended the session behind the answer to ${key}`)) return;
      const [answer] = messages;
      if (answer === undefined) return;
      version.equal(answer.flags & versionMask, 1, `version in the answer to ${key}`);
      flag.equal(answer.flags & replyFlag, replyFlag, `reply flag in the answer to ${key}`);
      number.equal(answer.request, requestId[of.request], `request number of the answer to ${key}`);
      size.equal(answer.payload.length, answer.size, `bytes of payload of the answer to ${key}`);
    });
  },
});

export const replyHasPayload = defineCase({
  id: 'vhost-user/header/each-own-reply-has-its-payload',
  title: 'each reply has as many bytes of payload as its request asks for',
  proves: {
    'vu-header/reply-has-its-payload': [
      ...familyNames(sizedReplies, 'reply-empty'),
      ...familyNames(sizedReplies, 'reply-of-four-bytes'),
    ],
  },
  applies: { start: 'closed', transports: ['vhost-user'], ring: 'none' },
  run(context) {
    const { points, requirement } = context;
    const check = requirement('vu-header/reply-has-its-payload');
    points(pointsOf(context, check, hasOwnReply), ({ key, of }) => {
      const setting = openFor(context, of, check);
      const { messages, ended } = answersTo(setting.session, of.message(setting, 0));
      check.equal(ended?.kind, undefined, `what ended the session behind the reply to ${key}`);
      const [reply] = messages;
      if (reply !== undefined) check.oneOf(reply.payload.length, of.replyBytes ?? [8], `bytes in the reply to ${key}`);
    });
  },
});

export const ownReplyComes = defineCase({
  id: 'vhost-user/header/each-own-reply-comes',
  title: 'each request that has a reply gets one before those behind it',
  proves: { 'vu-header/own-reply-comes': familyNames(rareReplies, 'not-replied-to') },
  applies: { start: 'closed', transports: ['vhost-user'], ring: 'none' },
  run(context) {
    const { points, requirement } = context;
    const check = requirement('vu-header/own-reply-comes');
    points(pointsOf(context, check, hasOwnReply), ({ key, of }) => {
      const setting = openFor(context, of, check);
      const answers = answersTo(setting.session, of.message(setting, 0));
      if (isEnded(answers, check, `the reply to ${key}`)) return;
      check.atLeast(answers.messages.length, 1, `replies to ${key}`);
    });
  },
});

export const flagsNotEchoed = defineCase({
  id: 'vhost-user/header/flags-of-a-request-do-not-come-back',
  title: 'a reply has version 1 and the reply flag, whichever other flag bits its request had',
  proves: { 'vu-header/reply-has-no-other-flags': ['need-reply-echoed', 'reserved-flags-echoed'] },
  applies: { start: 'closed', transports: ['vhost-user'], ring: 'none' },
  run(context) {
    const { points, requirement } = context;
    const check = requirement('vu-header/reply-has-no-other-flags');
    const bits = [3, 4, 5, 8, 16, 30, 31];
    const all = pointsOf(context, check, hasOwnReply).flatMap(({ key, of }) =>
      bits.map((bit) => ({ key: `${key},bit=${bit}`, of, flags: 1 + 2 ** bit })),
    );
    points(all, ({ key, of, flags }) => {
      const setting = openFor(context, of, check);
      const { messages } = answersTo(setting.session, { ...of.message(setting, 0), flags });
      const [answer] = messages;
      // A back-end may refuse flag bits that have no meaning.
      check.oneOf(answer === undefined ? 'no reply' : answer.flags, ['no reply', 1 | replyFlag], `flags of ${key}`);
    });
  },
});
