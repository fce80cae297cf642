import fc from 'fast-check';
import type { FeatureSet } from '../../reference-impl/catalogue/catalogue.ts';
import { requestId } from '../../reference-impl/wire/vhost-user-messages.ts';
import { type Call, type CallOf, callOf, type Program } from '../program/program.ts';
import type { CallDraft } from './call-draft.ts';
import { draft } from './call-draft.ts';
import { addedRegions, forgottenRegion, manyMessages, messageStory } from './lawful-messages.ts';
import { protocolBits, type ToldMessage, ToldSlots, toldCall } from './told-message.ts';
import { flaw, gatedMessage, shortMessage, unfitFeatures, unfitMessage } from './unfit-messages.ts';

/** Bytes of configuration that every modelled device has. */
const leastConfiguration = 6;
const deviceWord = (1n << 32n) | (1n << 30n);
/** What a session of messages does without: with it, answers come otherwise. */
const left = protocolBits.inband;
const whole = Object.values(protocolBits).reduce((all, word) => all | word, 0n) & ~left;

export interface MessageShape {
  readonly device: string;
  readonly offer: Pick<FeatureSet, 'device' | 'protocol'>;
  /** Regions that a session may have, where that is known. */
  readonly memorySlots?: number;
}

/** Of the memory that messages go with. */
const regionsOfMemory = 2;
/** So many regions are added at most. */
const mostAdded = 32;

/** What comes last on a session: behind a message that is refused nothing is judged. */
const lastOfSession: fc.Arbitrary<readonly (ToldMessage | 'share')[]> = fc.oneof(
  { weight: 10, arbitrary: fc.oneof(shortMessage, unfitMessage, unfitMessage, gatedMessage).map((one) => [one]) },
  { weight: 1, arbitrary: unfitFeatures },
  { weight: 1, arbitrary: forgottenRegion },
);

const begun = fc.record({
  isWhole: fc.nat({ max: 3 }),
  isNegotiated: fc.nat({ max: 7 }),
  hasMemory: fc.nat({ max: 3 }),
  hasRing: fc.boolean(),
  /** Configuration is read ahead of SET_FEATURES. */
  readsEarly: fc.nat({ max: 5 }),
});

/** Messages of vhost-user, one after another: their answers are of interest, and what ends the session comes last. */
export const messageProgram = ({ device, offer, memorySlots = 0 }: MessageShape): fc.Arbitrary<Program> =>
  fc
    .record({
      begun,
      story: fc.option(messageStory, { freq: 2, nil: [] }),
      messages: manyMessages,
      last: fc.array(lastOfSession, { minLength: 1, maxLength: 6 }),
      /** All regions are added that there is room for, and perhaps one more. */
      filling: fc.oneof(
        { weight: 9, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: addedRegions(Math.min(Math.max(memorySlots - regionsOfMemory, 0), mostAdded)) },
      ),
      flaw: fc.option(flaw, { freq: 2, nil: undefined }),
    })
    .map(
      ({
        begun: { isWhole, isNegotiated, hasMemory, hasRing, readsEarly },
        story,
        filling,
        messages,
        last,
        flaw: change,
      }) => {
        const protocol = (isWhole === 0 ? protocolBits.replyAck | protocolBits.mq : whole) & offer.protocol;
        const drafts: CallDraft[] = [draft('connect')];
        if (readsEarly === 0 && (protocol & protocolBits.config) !== 0n) {
          const word = { kind: 'literal' as const, value: protocol };
          const request = requestId.VHOST_USER_SET_PROTOCOL_FEATURES;
          drafts.push(draft('message', { request, fields: [{ name: 'u64', value: word }] }));
          const size = { kind: 'literal' as const, value: BigInt(leastConfiguration) };
          const bytes = new Uint8Array(leastConfiguration);
          drafts.push(
            draft('message', {
              request: requestId.VHOST_USER_GET_CONFIG,
              fields: [{ name: 'size', value: size }],
              bytes,
            }),
          );
        }
        if (isNegotiated > 0) drafts.push(draft('negotiate', { device: deviceWord & offer.device, protocol }));
        if (hasMemory > 0) drafts.push(draft('memory', { layout: 'one-file' }), draft('share'));
        if (hasMemory > 0 && hasRing) drafts.push(draft('ring'), draft('attach'));
        const calls: Call[] = drafts.map(({ kind, values }, at) => callOf(kind, at + 1, values) as unknown as Call);
        let session = 1;
        const add = (message: ToldMessage, changed?: (call: CallOf<'message'>) => Partial<CallOf<'message'>>): void => {
          if (isOfNet(message) && device !== 'net') return;
          for (let time = 0; time < message.times; time++) {
            const call = toldCall(message, session, isNegotiated > 0 ? protocol : 0n, calls.length + 1);
            if (call !== undefined) calls.push(changed === undefined ? call : { ...call, ...changed(call) });
          }
        };
        const slots = new ToldSlots();
        for (const message of filling.length > 0 ? filling : [...story, ...messages])
          if (slots.fits(message)) add(message);
        const memory = calls.find(({ kind }) => kind === 'memory')?.id;
        for (const [n, messages] of last.entries()) {
          if (n > 0) {
            session = calls.length + 1;
            calls.push(callOf('reconnect', session, { session: calls.findLast(isOpening)?.id ?? 1 }));
            calls.push(callOf('negotiate', session + 1, { session, device: deviceWord & offer.device, protocol }));
          }
          for (const message of messages) {
            if (message !== 'share') add(message, n === 0 ? change : undefined);
            else if (memory !== undefined) calls.push(callOf('share', calls.length + 1, { session, memory }));
          }
        }
        return { calls };
      },
    );

const isOpening = ({ kind }: Call): boolean => kind === 'connect' || kind === 'reconnect';
const isOfNet = ({ gate }: ToldMessage): boolean => (gate & (protocolBits.mtu | protocolBits.rarp)) !== 0n;
