import fc from 'fast-check';
import type { FeatureSet } from '../../reference-impl/catalogue/catalogue.ts';
import { type Call, callOf, type Program } from '../program/program.ts';
import { type CallDraft, draft } from './call-draft.ts';
import { vdpaCalls } from './vdpa-call.ts';

/** VERSION_1 and ACCESS_PLATFORM. */
const usual = (1n << 32n) | (1n << 33n);
const mostCalls = 96;

const life: fc.Arbitrary<readonly CallDraft[]> = fc.constantFrom<readonly CallDraft[]>(
  [draft('reconnect'), draft('negotiate', { device: usual }), draft('share')],
  [draft('reconnect'), draft('negotiate', { device: usual })],
  [draft('reconnect')],
  [draft('disconnect'), draft('connect')],
  [draft('negotiate', { device: usual })],
  [draft('ring'), draft('attach'), draft('kick')],
  [draft('share')],
);

/** Calls on a vhost-vdpa device that is open, with memory and a ring now and then. */
export const vdpaProgram = (offer: Pick<FeatureSet, 'device'>): fc.Arbitrary<Program> =>
  fc
    .record({
      isNegotiated: fc.nat({ max: 5 }),
      isShared: fc.nat({ max: 3 }),
      hasRing: fc.boolean(),
      steps: fc.array(fc.oneof({ weight: 9, arbitrary: vdpaCalls }, { weight: 1, arbitrary: life }), {
        minLength: 3,
        maxLength: 30,
      }),
    })
    .map(({ isNegotiated, isShared, hasRing, steps }) => {
      const begin: CallDraft[] = [draft('connect')];
      if (isNegotiated > 0) begin.push(draft('negotiate', { device: usual & offer.device }));
      begin.push(draft('memory', { layout: 'single-region' }));
      if (isShared > 0) begin.push(draft('share'));
      if (isShared > 0 && hasRing) begin.push(draft('ring'), draft('attach'), draft('kick'));
      const drafts = [...begin, ...steps.flat()].slice(0, mostCalls);
      return { calls: drafts.map(({ kind, values }, at) => callOf(kind, at + 1, values) as unknown as Call) };
    });
