import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import { VHOST_USER_NEED_REPLY_MASK } from '../../../wire/vhost-user-constants.ts';
import { messageById } from '../../../wire/vhost-user-messages.ts';
import type { WireProblem, WireProblemName } from '../../../wire/wire-problem.ts';
import { breach, type Judgement } from '../judgement.ts';

/** A message as it came, before it is understood. */
export interface SeenForm {
  readonly request: number;
  readonly flags: number;
  readonly problems: readonly WireProblem[];
}

/** What one requirement asks of the form of a message. */
export interface FormRule {
  readonly requirement: RequirementSlug;
  readonly expected: string;
  /** What the decoder says where it is broken. */
  readonly brokenBy: readonly WireProblemName[];
  /** Whether a message is one that could break it; every message, where it is left out. */
  readonly concerns?: (form: SeenForm) => boolean;
}

const isDefined = ({ request }: SeenForm): boolean => messageById('front-end', request) !== undefined;
const isNamed =
  (name: string) =>
  ({ request }: SeenForm): boolean =>
    messageById('front-end', request)?.name === name;

export const formRules: readonly FormRule[] = [
  { requirement: 'vu-front-end/version-is-1', expected: 'version 1', brokenBy: ['version-not-1'] },
  {
    requirement: 'vu-front-end/reply-flag-clear',
    expected: 'the reply flag clear',
    brokenBy: ['reply-flag-on-request'],
  },
  {
    requirement: 'vu-front-end/need-reply-needs-reply-ack',
    expected: 'need_reply clear',
    brokenBy: ['need-reply-not-negotiated'],
    concerns: ({ flags }) => (flags & VHOST_USER_NEED_REPLY_MASK) !== 0,
  },
  { requirement: 'vu-front-end/request-is-defined', expected: 'a defined request', brokenBy: ['unknown-request'] },
  {
    requirement: 'vu-front-end/payload-fits-request',
    expected: 'the payload of its request',
    brokenBy: ['size-beyond-bytes', 'trailing-bytes', 'size-short-of-payload', 'size-beyond-known-payload'],
    concerns: isDefined,
  },
  {
    requirement: 'vu-front-end/descriptors-fit-request',
    expected: 'the descriptors of its request',
    brokenBy: ['descriptors-missing', 'unexpected-descriptors', 'descriptors-late'],
    concerns: isDefined,
  },
  {
    requirement: 'vu-front-end/removed-region-without-descriptor',
    expected: 'no descriptor',
    brokenBy: ['descriptor-tolerated'],
    concerns: isNamed('VHOST_USER_REM_MEM_REG'),
  },
  {
    requirement: 'vu-front-end/memory-table-holds-at-most-eight-regions',
    expected: 'eight regions at most',
    brokenBy: ['count-beyond-maximum'],
    concerns: isNamed('VHOST_USER_SET_MEM_TABLE'),
  },
  {
    requirement: 'vu-front-end/vring-kick-num-is-zero',
    expected: 'num 0',
    brokenBy: ['reserved-bits-set'],
    concerns: isNamed('VHOST_USER_VRING_KICK'),
  },
];

/** A payload of more than it counts is a payload that does not fit; a count beyond the maximum has a rule of its own. */
export function judgeForm(rule: FormRule, form: SeenForm): Judgement {
  const { requirement, expected, brokenBy, concerns } = rule;
  if (concerns !== undefined && !concerns(form)) return undefined;
  const problem = form.problems.find(({ name }) => brokenBy.includes(name));
  if (problem === undefined) return 'kept';
  const name = messageById('front-end', form.request)?.name ?? `request ${form.request}`;
  const where = requirement.endsWith('is-defined') ? 'the header of a message' : name;
  return breach(where, expected, problem.detail);
}
