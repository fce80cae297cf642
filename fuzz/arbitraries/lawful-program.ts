import fc from 'fast-check';
import type { FeatureSet } from '../../reference-impl/catalogue/catalogue.ts';
import type { Program } from '../program/program.ts';
import { damage } from './damage.ts';
import { everything, type LawfulShape } from './lawful-shape.ts';
import { commandStep, mdevStepOf, plainChain, type Step, stepOf, vdpaStepOf } from './lawful-step.ts';
import { layProgram } from './layer/program-layer.ts';
import type { ModelledDevice } from './requests.ts';
import { type Setting, setting } from './setting.ts';

/** What a lawful program is laid from. */
export interface LawfulParts {
  readonly chosen: Setting;
  readonly steps: readonly Step[];
}

export const lawfulParts = (device: ModelledDevice): fc.Arbitrary<LawfulParts> => partsWith(stepOf(device));

const partsWith = (step: fc.Arbitrary<Step>): fc.Arbitrary<LawfulParts> =>
  fc.record({ chosen: setting, steps: fc.array(step, { minLength: 1, maxLength: 10 }) });

/** The same parts give the same requests in the same order, whatever the layout of the rings. */
export const laidProgram = (shape: LawfulShape, { chosen, steps }: LawfulParts): Program =>
  layProgram(shape, chosen, steps);

/** Programs that keep to the text, for a device whose features they accept as far as they are offered. */
export function lawfulProgram(shape: LawfulShape): fc.Arbitrary<Program> {
  const { device, transport, offer = everything } = shape;
  return partsOf(device, offer, transport).map((each) => laidProgram(shape, each));
}

/** The same, and behind it a chain that is wrong, on rings of its own. */
export function damagedProgram(shape: LawfulShape): fc.Arbitrary<Program> {
  const { device, transport, offer = everything } = shape;
  return fc
    .record({
      parts: partsOf(device, offer, transport),
      damage,
      isForbidden: fc.nat({ max: 2 }).map((n) => n === 2),
      access: fc.constantFrom(
        'none' as const,
        'read' as const,
        'write' as const,
        'dropped' as const,
        'dropped' as const,
      ),
      chain: plainChain,
    })
    .map(({ parts: { chosen, steps }, isForbidden, chain, ...wrong }) => {
      const behind = { ...wrong, chain: { ...chain, isTold: isForbidden } };
      return layProgram(shape, isForbidden ? { ...chosen, ...translating } : chosen, steps, behind);
    });
}

/** A session whose back-end can be told what a buffer permits, and is given nothing beside. */
const translating = {
  isTranslated: true,
  isUntold: false,
  isRefusing: true,
  isOld: false,
  isLogged: false,
  isRecorded: false,
  size: 16,
} as const;

function partsOf(
  device: ModelledDevice,
  offer: Pick<FeatureSet, 'device'>,
  transport: LawfulShape['transport'],
): fc.Arbitrary<LawfulParts> {
  if (transport === 'vhost-mdev') return partsWith(mdevStepOf(device, offer.device));
  if (transport !== 'vhost-vdpa') return lawfulParts(device);
  const parts = partsWith(vdpaStepOf(device));
  // What a network device drops or changes by choice ends the judging of frames: commands come ahead of that.
  return device === 'net' ? fc.tuple(commandStep, parts).map(([first, each]) => behindFirst(first, each)) : parts;
}

const behindFirst = (first: Step, { chosen, steps }: LawfulParts): LawfulParts => ({
  chosen,
  steps: [first, ...steps],
});

/** Steps that bring no request to its end. */
const besideRequests: ReadonlySet<Step['kind']> = new Set([
  'rest',
  'ask',
  'logging',
  'transfer',
  'other',
  'dormant',
  'takeover',
  'untold',
  'halt',
  'remap',
  'commands',
]);

/** All used elements are awaited, and nothing is told beside the requests: what comes of each is seen. */
export const inWhole = ({ chosen, steps }: LawfulParts): LawfulParts => ({
  chosen: {
    ...chosen,
    isWithoutFlush: false,
    isRecorded: false,
    isLateCall: false,
    ahead: 0,
    isTranslated: false,
    hasChannel: false,
    prologue: [],
    epilogue: [],
    short: undefined,
    hasSecond: false,
    tellsAddresses: false,
    isOdd: false,
    isLogged: false,
    isOld: false,
    isDormant: false,
    order: 'usual',
  },
  steps: steps
    .filter(({ kind }) => !besideRequests.has(kind))
    .map((step) => (step.kind === 'chains' ? { ...step, waits: 'all' as const } : step)),
});

/** The parts with a stop and a start of the rings in front of a step. */
export const withStopAt = ({ chosen, steps }: LawfulParts, place: number): LawfulParts => ({
  chosen,
  steps: steps.toSpliced(place % (steps.length + 1), 0, { kind: 'stop' }),
});
