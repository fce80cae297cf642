import { decodeRequestAt } from '../../../wire/decode-request.ts';
import type { FrontEndRequest } from '../../../wire/decoded-message.ts';
import { VHOST_USER_HEADER_SIZE, VHOST_USER_REPLY_MASK } from '../../../wire/vhost-user-constants.ts';
import { messageById } from '../../../wire/vhost-user-messages.ts';
import { type WireProblem, wireProblem } from '../../../wire/wire-problem.ts';
import type { Judgement, Tell } from '../judgement.ts';
import { deviceRules } from './device-rules.ts';
import { featureRules } from './feature-rules.ts';
import { formRules, judgeForm } from './form-rules.ts';
import { gateRules } from './gate-rules.ts';
import { memoryRules } from './memory-rules.ts';
import type { ObservedMessageRule } from './message-rule.ts';
import { ringRules } from './ring-rules.ts';
import { FrontEndStory, type Offer } from './story.ts';

/** A message of a front-end as it came. */
export interface SeenMessage {
  readonly request: number;
  readonly flags: number;
  readonly payload: DataView;
  readonly descriptors: number;
  /** Some descriptor came with bytes behind the first. */
  readonly descriptorsLate: boolean;
}

export const messageRules: readonly ObservedMessageRule[] = [
  ...featureRules,
  ...gateRules,
  ...memoryRules,
  ...ringRules,
  ...deviceRules,
];

/** A message of which no rule says that it is unlawful, and that the back-end refused. */
export interface UnexplainedRefusal {
  readonly request: string;
  readonly why: string;
}

const isBroken = (judgement: Judgement): boolean => typeof judgement === 'object';

/** Judges the messages of one connection of a front-end. */
export class FrontEndWatch {
  readonly story: FrontEndStory;
  readonly #tell: Tell;

  constructor(offer: Offer, tell: Tell) {
    this.story = new FrontEndStory(offer);
    this.#tell = tell;
  }

  /**
   * Judges a message by what came before it, then takes it into the story unless it was refused.
   * @param refusal why the back-end refused it. Answers the refusal where no rule explains it.
   */
  received(message: SeenMessage, refusal?: string): UnexplainedRefusal | undefined {
    if (this.story.takesAcknowledgement(message.request, message.payload.byteLength)) return undefined;
    const { request, problems } = this.#decoded(message);
    let broken = 0;
    const tell: Tell = (requirement, judgement) => {
      if (isBroken(judgement)) broken++;
      this.#tell(requirement, judgement);
    };
    const form = { request: message.request, flags: message.flags, problems };
    for (const rule of formRules) tell(rule.requirement, judgeForm(rule, form));
    if (request !== undefined) {
      for (const { requirement, judge } of messageRules) tell(requirement, judge(request, this.story));
      if (refusal === undefined) this.story.take(request);
    }
    if (refusal === undefined || broken > 0) return undefined;
    return { request: messageById('front-end', message.request)?.name ?? `request ${message.request}`, why: refusal };
  }

  /** The value is there also where flags or descriptors are wrong: the rules behind those still apply. */
  #decoded(message: SeenMessage): { readonly request: FrontEndRequest | undefined; readonly problems: WireProblem[] } {
    const whole = wholeMessage(message);
    const { context } = this.story;
    const late = message.descriptorsLate
      ? [wireProblem('descriptors-late', 0, 'descriptors', 'behind the first bytes')]
      : [];
    const decoded = decodeRequestAt('front-end', whole, 0, whole.byteLength, message.descriptors, context);
    if (decoded.ok) return { request: decoded.value, problems: [...decoded.remarks, ...late] };
    const problems = [...decoded.problems, ...late];
    whole.setUint32(4, (message.flags & ~(VHOST_USER_REPLY_MASK | 3)) | 1, true);
    for (let descriptors = 0; descriptors <= 8; descriptors++) {
      const again = decodeRequestAt('front-end', whole, 0, whole.byteLength, descriptors, context);
      if (again.ok) return { request: again.value, problems };
    }
    return { request: undefined, problems };
  }
}

function wholeMessage({ request, flags, payload }: SeenMessage): DataView {
  const bytes = new Uint8Array(VHOST_USER_HEADER_SIZE + payload.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, request, true);
  view.setUint32(4, flags, true);
  view.setUint32(8, payload.byteLength, true);
  bytes.set(new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength), VHOST_USER_HEADER_SIZE);
  return view;
}
