import t from 'tap';
import { DeadlineError } from '../../drivers/port/port.ts';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { inPackedRing, ringFault } from '../../reference-impl/faults/ring/ring-fault.ts';
import { handling, vhostUserFault } from '../../reference-impl/faults/transport/vhost-user/vhost-user-fault.ts';
import { referenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';
import { packedDeviceRules } from '../../reference-impl/virtqueue/packed/device-rules.ts';
import type { Axes } from '../../reports/record/axes.ts';
import type { AnyCase } from '../case.ts';
import { CaseEnded, Check } from '../check.ts';
import { presupposed } from '../premise.ts';
import { judge } from '../runner/judge.ts';
import { setAgain } from '../vhost-user/features.cases.ts';
import { outsideRegions } from '../vhost-user/memory-outside.cases.ts';
import { protocolBit } from '../vhost-user/words.ts';
import { capacity } from '../virtio/block/config.cases.ts';
import { usedLenOfEachKind } from '../virtio/block/data.cases.ts';
import { shortRequest } from '../virtio/block/malformed.cases.ts';
import { shortReceive } from '../virtio/net/malformed.cases.ts';
import { endless } from '../virtio/packed-ring/broken-lists.cases.ts';
import { availIdxJump, headOutOfRange } from '../virtio/split-ring/broken-chains.cases.ts';
import { receiveShownAgain } from '../virtio/split-ring/heads-shown-again.cases.ts';
import { longTable } from '../virtio/split-ring/long-tables.cases.ts';

const deadlineMs = 20_000;
const slug = 'vu-vring/base-is-next-available-index';

function attempted(device: 'block' | 'net', outcomes: readonly ('lost' | 'wrong' | 'right')[]) {
  const port = openReference({ device });
  const check = new Check(slug, port.log);
  let tries = 0;
  const attempt = (): string | undefined => {
    const outcome = outcomes[tries++];
    if (outcome === 'lost') throw new DeadlineError('no frame');
    return outcome === 'wrong' ? 'another frame' : undefined;
  };
  let thrown: unknown;
  try {
    presupposed(port, check, 'a frame', attempt);
  } catch (error) {
    thrown = error;
  }
  port.close();
  return { tries, thrown, why: check.inconclusiveWhy, failures: check.failures.length };
}

t.test('what may be lost is tried again, and then the requirement is inconclusive', async (t) => {
  t.match(attempted('net', ['right']), { tries: 1, thrown: undefined, why: undefined });
  t.match(attempted('net', ['lost', 'wrong', 'right']), { tries: 3, thrown: undefined, why: undefined });
  const lost = attempted('net', ['lost', 'wrong', 'lost', 'right']);
  t.match(lost, { tries: 3, why: 'presupposed, and not so: a frame: no frame', failures: 0 });
  t.ok(lost.thrown instanceof CaseEnded);
});

t.test('where nothing may be lost, a deadline that passed is the failure that it is', async (t) => {
  const block = attempted('block', ['lost', 'right']);
  t.equal(block.tries, 1);
  t.ok(block.thrown instanceof DeadlineError);
  t.match(attempted('block', ['wrong', 'right']), { tries: 1, why: /another frame/ });
});

t.test('a memory table that is refused is no finding about what comes behind it', async (t) => {
  const refusing = vhostUserFault(
    'vu-memory/region-past-end-of-file-survived',
    'it refuses every table',
    handling('VHOST_USER_SET_MEM_TABLE', () => ({ kind: 'refused', why: 'it does' })),
  );
  for (const definition of [setAgain, outsideRegions]) {
    const port = openReference({ device: 'block', rules: refusing.apply(referenceRules), deadlineMs });
    const opened = port.connect();
    if (opened.kind === 'refused') throw new Error(opened.why);
    const { offered } = opened.session.negotiate({});
    opened.session.close();
    const result = judge(port, definition, {}, offered, { seed: 1, referenceMeetsDeadline: () => true });
    t.match(result, { verdict: 'inconclusive', findings: [] }, definition.id);
    t.match(result.outcomes, [{ why: /the memory table was refused/ }]);
    port.close();
  }
});

t.test(
  'a feature that was offered at first contact and is not offered again leaves the case inconclusive',
  async (t) => {
    const offers = (rules: typeof referenceRules) => {
      const port = openReference({ device: 'block', rules, deadlineMs });
      const opened = port.connect();
      if (opened.kind === 'refused') throw new Error(opened.why);
      const { offered } = opened.session.negotiate({});
      opened.session.close();
      return { port, offered };
    };
    const first = offers(referenceRules);
    first.port.close();
    const { features } = referenceRules;
    const protocolOffered = (...[device, hasPageFaults]: Parameters<typeof features.protocolOffered>): bigint =>
      features.protocolOffered(device, hasPageFaults) & ~protocolBit.CONFIG;
    const { port } = offers({ ...referenceRules, features: { ...features, protocolOffered } });
    const result = judge(port, capacity, {}, first.offered, { seed: 1, referenceMeetsDeadline: () => true });
    t.match(result, { verdict: 'inconclusive', findings: [] });
    t.match(result.outcomes, [{ why: /VHOST_USER_PROTOCOL_F_CONFIG offered again/ }]);
    port.close();
  },
);

/** What a case says on a reference of which the first contact is sound. */
function judgedWith(
  device: 'block' | 'net',
  definition: AnyCase,
  { apply }: { readonly apply: (rules: typeof referenceRules) => typeof referenceRules },
  axes: Axes,
) {
  const sound = openReference({ device, deadlineMs });
  const opened = sound.connect();
  if (opened.kind === 'refused') throw new Error(opened.why);
  const { offered } = opened.session.negotiate({});
  sound.close();
  const port = openReference({ device, rules: apply(referenceRules), deadlineMs });
  const result = judge(port, definition, {}, offered, { seed: 1, axes, referenceMeetsDeadline: () => true });
  port.close();
  return result;
}

t.test('a used descriptor without the WRITE flag is no finding about its length', async (t) => {
  const flagless = ringFault(
    'packed/used-write-flag-tells-of-data',
    'no used descriptor has the WRITE flag',
    inPackedRing({ usedFlags: (completion, wrap) => packedDeviceRules.usedFlags(completion, wrap) & ~2 }),
  );
  const axes = { layout: 'packed', negotiation: 'minimal' } as const;
  const result = judgedWith('block', usedLenOfEachKind, flagless, axes);
  t.match(result, { verdict: 'inconclusive', findings: [] });
  t.match(result.outcomes, [{ why: /its used descriptor has the WRITE flag/ }]);
});

/** Cases that ask for service behind what they do, and where they run. */
const asking: readonly (readonly ['block' | 'net', AnyCase, Axes])[] = [
  ['net', shortReceive, {}],
  ['block', shortRequest, {}],
  ['block', headOutOfRange, {}],
  ['block', availIdxJump, {}],
  ['block', longTable, {}],
  ['net', receiveShownAgain, {}],
  ['block', endless, { layout: 'packed', negotiation: 'minimal' }],
];

for (const [device, definition, axes] of asking) {
  t.test(`a device that serves nothing from the start is not harmed by ${definition.id}`, async (t) => {
    const neverEnabling = vhostUserFault(
      'vu-ring-state/enabled-ring-handles-every-request',
      'rings are never enabled',
      handling('VHOST_USER_SET_VRING_ENABLE', () => ({ kind: 'done' })),
    );
    const result = judgedWith(device, definition, neverEnabling, axes);
    t.match(result, { verdict: 'inconclusive', findings: [] });
    t.match(result.outcomes, [{ why: /a transfer on a fresh session/ }]);
  });
}
