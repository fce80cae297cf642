import t from 'tap';
import type { CallRules } from '../vhost-mdev/device-calls.ts';
import type { DmaRules } from '../vhost-mdev/dma-container.ts';
import { type DoorbellRules, strictDoorbellRules } from '../vhost-mdev/doorbells.ts';
import { mdevRulesL2Faithful } from '../vhost-mdev/faithful-rules.ts';
import type { InterruptRules } from '../vhost-mdev/interrupts.ts';
import {
  type DeviceChange,
  forgetConfigSpace,
  type LifeRules,
  lifeRules,
  wholeReset,
} from '../vhost-mdev/life-rules.ts';
import { type MdevFeatureRules, type MdevRules, mdevRulesL1, mdevRulesL2 } from '../vhost-mdev/mdev-rules.ts';
import type { ChannelRules } from '../vhost-mdev/message-channel.ts';
import { type PciConfigRules, pciConfigRules } from '../vhost-mdev/pci-config-space.ts';
import type { MdevRingRules } from '../vhost-mdev/ring-set.ts';
import { observeMdev } from './vhost-mdev/observed-mdev.ts';

type Others<Rules> = { readonly [K in keyof Rules]: readonly Rules[K][] };

/** One entry replaced, for every entry of every table: each must show, or it would be no rule of the device. */
const calls: Others<CallRules> = {
  acceptsArgsz: [() => true, () => false],
  badPointer: [0],
  badBuffer: [0],
  unknownCall: [0],
  deviceFlags: [(flags) => flags | 0x80],
  regionCount: [(count) => count + 1],
  interruptCount: [(count) => count + 1],
  regionAskedFor: [(index, count) => Math.min(index, count - 1)],
  toldIndex: [() => 0],
  regionFlags: [(index, flags) => (index === 1 ? flags & 3 : flags)],
  regionSize: [(_, size) => size / 2],
  regionOffset: [(index) => index * 2 ** 32],
  interruptAskedFor: [() => 2],
  vectorsOf: [(_, count) => count + 1],
  interruptFlags: [() => 0, (flags) => flags | 2],
  absentAccess: [-22],
  mapElsewhere: [(length) => new Uint8Array(length)],
};

const channel: Others<ChannelRules> = {
  acceptsOffset: [() => true],
  partOfHeader: [(count) => count],
  actsOnRefused: [() => true],
  acceptsLength: [
    () => true,
    (size, count) => 16 + size === count,
    (size, count) => size <= 1024 && 16 + size <= count,
  ],
  checksPayloadSize: [false],
  actsOnWrongSize: [true],
  requestOf: [(word) => word & 0xffff_ffffn],
  unknownRequest: [0],
  acceptsFlags: [(flags) => flags === 0],
  answersAt: [(flags) => flags !== 0],
  behindUnanswered: [
    (waiting) => {
      waiting.answer = undefined;
    },
  ],
  written: [(count) => count, (count, error) => (error === 0 ? count - 16 : -error)],
  nextAnswer: [(waiting, next) => waiting ?? next],
  answerPayload: [() => new Uint8Array(8)],
  answerRequest: [(request) => request + 1n],
  answerFlags: [1],
  answerSize: [() => 0],
  readWithoutAnswer: [-11],
  acceptsReadLength: [(count, answer) => count >= answer, () => false],
  losesAnswerElsewhere: [true],
  losesAnswerAtFailure: [true],
  losesAnswerAtSuccess: [false],
};

const features: Others<MdevFeatureRules> = {
  offered: [() => 0n, (ofParent) => ofParent | (1n << 50n)],
  accepts: [() => false, () => true],
  changesWhileRunning: [true],
  taken: [() => 0n],
  leftByRefused: [() => 0n],
  remembered: [],
};

const ring: Others<MdevRingRules> = {
  acceptsSize: [() => true, (size) => size !== 0],
  acceptsBase: [() => true],
  storedSize: [(size) => size / 2],
  storedBase: [() => 0],
  changesWhileRunning: [true],
  startsAnyhow: [true],
  servesAtStart: [() => false],
  baseWhileRunning: ['as-told'],
  baseOfMissingRing: [0],
  goesOnInOtherMemory: [() => false],
  reportedBase: [(base) => base + 1],
  resumedBase: [() => 0, (base) => base + 1],
};

const doorbell: Others<DoorbellRules> = {
  acceptsLength: [() => false, (count) => count > 4],
  acceptsOffset: [() => true, (offset) => offset === 0],
  queueOf: [(_, offset, pageSize) => offset / pageSize],
  acceptsQueue: [() => true],
  errorOf: [() => 16],
  carryOut: [
    () => {},
    (device, queue) => {
      for (let n = 0; n < 2; n++) device.parent.notify(queue);
    },
  ],
  written: [() => 0],
  read: [4],
  acceptsMap: [() => true],
  mappedQueue: [(place, rings) => Math.min(place, rings - 1)],
  mapped: [(page) => page.slice()],
  stored: [() => {}],
};

const interrupt: Others<InterruptRules> = {
  generalError: [() => 0],
  ownError: [() => 0, () => 95],
  droppedAtCountZero: [() => false, () => true],
  withoutDescriptor: ['drop'],
  triggers: [() => true, () => false],
  descriptorOf: [() => 0],
  noEventError: [0, 9],
  keptAtFailure: [(held) => held],
  armed: [
    (before, next) => (before.length > 0 && next !== undefined ? before : next === undefined ? [] : [next]),
    (before, next) => (next === undefined ? [] : [...before, next]),
    (before, next) => (next === undefined ? before : [next]),
  ],
  released: [() => []],
  atUsed: [(interrupts, queue) => interrupts.call(queue)],
  signalled: [(queue) => [1 - queue], () => [0, 1]],
  signalling: [
    ({ length }) => {
      if (length === 0) throw new Error('no descriptor to signal');
    },
  ],
  told: [(inUse) => inUse],
};

const dma: Others<DmaRules> = {
  badPointer: [0],
  acceptsArgsz: [() => true],
  mapError: [() => 0],
  unmapError: [() => 0],
  permissionOf: [() => 'read'],
  unmappedBytes: [(_, asked) => asked],
  keepsUnmapped: [() => true],
};

const life: Others<LifeRules> = {
  openError: [() => 0, () => 16],
  atOpen: [[(device) => device.setRunning(true)]],
  atRefusedOpen: [[(device) => device.channel.clear()]],
  atClose: [[], lifeRules.atClose.slice(0, -1), lifeRules.atClose.slice(1)],
  resetError: [() => 16],
  atReset: [[], ...wholeReset.map((left) => wholeReset.filter((one) => one !== left))],
};

const pciConfig: Others<PciConfigRules> = {
  content: [(identity) => pciConfigRules.content({ ...identity, vectors: identity.vectors + 1 })],
  writable: [(identity) => pciConfigRules.writable({ ...identity, barSizes: [1, 1, 1] })],
  readAt: [(offset, length) => (length === 1 ? 0 : offset)],
  tableReadAt: [() => 0],
  lengthOf: [(offset, count, size) => (offset + count > size ? -22 : count)],
  survivesReset: [true],
};

/** Whether a list of all but one leaves out this one. */
const isLeftOut =
  (list: unknown) =>
  (change: DeviceChange): boolean =>
    Array.isArray(list) && list.length > 0 && !list.includes(change);

const tables = { calls, channel, features, ring, doorbell, interrupt, dma, life, pciConfig };

/** What shows under these rules; where the script cannot go on, that shows too. */
function seenUnder(rules: MdevRules): readonly string[] {
  try {
    return observeMdev(rules);
  } catch (error) {
    return [String(error)];
  }
}

const isAlike = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((line, n) => line === b[n]);

t.test('each entry of each table shows when it is replaced', async (t) => {
  for (const [base, rules] of [
    ['L2', mdevRulesL2],
    ['L1', mdevRulesL1],
  ] as const) {
    const right = observeMdev(rules);
    t.same(observeMdev(rules), right, `${base}: the same twice`);
    for (const [table, entries] of Object.entries(tables)) {
      // Configuration space is of L1, what the container maps of L2.
      if ((base === 'L2' && table === 'pciConfig') || (base === 'L1' && table === 'dma')) continue;
      for (const [entry, others] of Object.entries(entries)) {
        for (const [n, other] of others.entries()) {
          // In layout L2 what is offered is what the parent has, which refuses the rest by itself.
          if (base === 'L2' && entry === 'accepts' && n === 1) continue;
          // Configuration space is of L1.
          if (base === 'L2' && entry === 'atReset' && isLeftOut(other)(forgetConfigSpace)) continue;
          const of = rules[table as keyof typeof tables];
          const changed = { ...rules, [table]: { ...of, [entry]: other } } as MdevRules;
          t.notOk(isAlike(seenUnder(changed), right), `${base}: ${table}.${entry} ${n}`);
        }
      }
    }
  }
});

t.test('what is coded differently shows too', async (t) => {
  const right = observeMdev(mdevRulesL2Faithful);
  for (const [what, change] of [
    ['remembered', { features: { ...mdevRulesL2Faithful.features, remembered: () => 0n } }],
    ['layout', { layout: mdevRulesL2.layout }],
    ['channel', { channel: mdevRulesL2.channel }],
    ['ring', { ring: mdevRulesL2.ring }],
    ['doorbell', { doorbell: strictDoorbellRules }],
    ['interrupt', { interrupt: mdevRulesL2.interrupt }],
    ['life', { life: mdevRulesL2.life }],
  ] as const) {
    t.notOk(isAlike(seenUnder({ ...mdevRulesL2Faithful, ...change }), right), what);
  }
});

t.test('a message left out of the table is an unknown one', async (t) => {
  for (const rules of [mdevRulesL1, mdevRulesL2]) {
    const right = observeMdev(rules);
    for (const { name } of rules.messages) {
      if (name === 'VHOST_SET_OWNER' || name === 'VHOST_RESET_OWNER') continue;
      const messages = rules.messages.filter((one) => one.name !== name);
      t.notOk(isAlike(seenUnder({ ...rules, messages }), right), `${rules.layout.name}: ${name}`);
    }
  }
});
