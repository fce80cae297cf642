import type { Attempt } from '../../judging/refusal.ts';
import { familyNames, gatedReplies } from '../../reference-impl/faults/transport/vhost-user/request-family.ts';
import { defineCase } from '../case.ts';
import type { LawfulRequest, RequestSetting } from './lawful-requests.ts';
import { answersTo, openFor, pointsOf } from './request-answers.ts';

/** Messages of protocol features that are offered and were not negotiated (vhost-user, "Communication"). */

const isGated = ({ request }: LawfulRequest): boolean => gatedReplies.some((name) => name === request);

function attemptOf(of: LawfulRequest, setting: RequestSetting): Attempt {
  const { messages, ended } = answersTo(setting.session, of.message(setting, 0));
  if (ended !== undefined) return ended;
  const [answer] = messages;
  const isAccepted = answer !== undefined && answer.size > 0;
  return { kind: 'shown', isAccepted, how: isAccepted ? 'a reply' : 'no reply' };
}

export const notAnswered = defineCase({
  id: 'vhost-user/protocol-features/unnegotiated-message-is-not-answered',
  title: 'a request that asks for a negotiated feature is not replied to before that, and is afterwards',
  proves: { 'vu-features/unnegotiated-message-not-answered': familyNames(gatedReplies, 'answered-unnegotiated') },
  applies: {
    start: 'closed',
    transports: ['vhost-user'],
    offers: ['VHOST_USER_F_PROTOCOL_FEATURES'],
    ring: 'none',
  },
  run(context) {
    const { points, refusal, requirement } = context;
    const check = requirement('vu-features/unnegotiated-message-not-answered');
    points(pointsOf(context, check, isGated), ({ key, of }) => {
      const { needs: _, ...unnegotiated } = of;
      let isNegotiated = false;
      const tried = refusal({
        // The flawed message goes first: its session is opened without the feature.
        open: () => {
          const setting = openFor(context, isNegotiated ? of : unnegotiated, check, 'not negotiated');
          isNegotiated = true;
          return setting;
        },
        flawed: (setting) => attemptOf(of, setting),
        control: (setting) => attemptOf(of, setting),
        controlName: key,
      });
      check.refused(tried, key);
    });
  },
});
