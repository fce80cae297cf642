import { familyNames, sizedRequests } from '../../reference-impl/faults/transport/vhost-user/request-family.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { defineCase } from '../case.ts';
import type { LawfulRequest } from './lawful-requests.ts';
import { type Answers, answersTo, openFor } from './request-answers.ts';
import { cutTo, undersizedPoints } from './undersized.ts';
import { needReply, wordOf } from './words.ts';

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
    const { points, requirement } = context;
    const check = requirement('vu-header/undersized-payload-refused');
    /** What came for the whole message, by request. */
    const controls = new Map<string, Outcome>();
    const outcomeOf = (of: LawfulRequest, size: number | undefined): Outcome => {
      const setting = openFor(context, of, check);
      const message = { ...of.message(setting, 0), ...(of.answer === 'own-reply' ? {} : { flags: needReply }) };
      const answers = answersTo(setting.session, size === undefined ? message : cutTo(message, size));
      setting.session.close();
      return outcomeFrom(of, answers);
    };
    points(undersizedPoints(context, check), ({ key, of, size }) => {
      const whole = controls.get(of.request) ?? outcomeOf(of, undefined);
      controls.set(of.request, whole);
      if (whole.kind !== 'zero acknowledgement' && whole.kind !== 'reply') {
        check.inconclusive(`the whole ${of.request} is not accepted: ${whole.kind}`);
        return;
      }
      const cut = outcomeOf(of, size);
      if (cut.kind === 'ended') {
        check.failsBy(cut.by, key, 'a refusal');
        return;
      }
      // A reply that has no payload cannot say that the request failed.
      const isSame = cut.kind === 'reply' && whole.kind === 'reply' && cut.bytes === whole.bytes && whole.bytes > 0;
      check.oneOf(isSame ? 'the reply to the whole request' : cut.kind, refusals, key);
    });
  },
});

type Outcome =
  | { readonly kind: Exclude<(typeof refusals)[number], 'reply'> | 'zero acknowledgement' }
  | { readonly kind: 'reply'; readonly bytes: number }
  | { readonly kind: 'ended'; readonly by: NonNullable<Answers['ended']> };

const refusals = ['closed connection', 'non-zero answer', 'no answer', 'reply'] as const;

function outcomeFrom(of: LawfulRequest, { messages: [answer], ended }: Answers): Outcome {
  if (ended !== undefined)
    return ended.kind === 'closed' ? { kind: 'closed connection' } : { kind: 'ended', by: ended };
  if (answer?.request !== requestId[of.request]) return { kind: 'no answer' };
  if (of.answer === 'own-reply' && of.request !== 'VHOST_USER_SET_LOG_BASE')
    return { kind: 'reply', bytes: answer.size };
  if (answer.payload.length !== 8) return { kind: 'reply', bytes: answer.size };
  return { kind: wordOf(answer) === 0n ? 'zero acknowledgement' : 'non-zero answer' };
}
