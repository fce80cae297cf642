import t from 'tap';
import { allRequirements } from '../catalogue/catalogue.ts';
import { formRules } from '../oracle/observed/front-end/form-rules.ts';
import { messageRules } from '../oracle/observed/front-end/front-end-watch.ts';
import { singleMemoryRegionPayload } from '../wire/vhost-user-payloads.ts';
import {
  brokenIn,
  judged,
  lawful,
  negotiatedFeatures,
  negotiatedProtocol,
  offer,
  plain,
  protocolWord,
  type Said,
  said,
  u64Said,
  word,
} from './observed-conversation.ts';
import { misbehaviours } from './observed-misbehaviours.ts';

const ruled = [...formRules, ...messageRules].map(({ requirement }) => requirement);

t.test('a lawful front-end breaks no rule', async (t) => {
  const all = judged(lawful);
  t.same(brokenIn(all), []);
  t.same(all.unexplained, []);
  t.ok((all.observations.of('vu-front-end/version-is-1')?.kept ?? 0) >= lawful.length);
  t.equal(all.observations.of('vu-front-end/removed-region-was-added'), undefined, 'what was not seen is not judged');
});

t.test('each rule is broken by a front-end that misbehaves in that one thing', async (t) => {
  t.same([...new Set(ruled)].sort(), Object.keys(misbehaviours).sort(), 'a misbehaviour for each rule');
  for (const [requirement, { messages, offer }] of Object.entries(misbehaviours)) {
    t.same(brokenIn(judged(messages, offer)), [requirement], requirement);
  }
});

t.test('where the text asks for the offer alone, the front-end need not set the feature', async (t) => {
  const resets = protocolWord('VHOST_USER_PROTOCOL_F_RESET_DEVICE');
  const messages = lawful.map((one) =>
    one.name === 'VHOST_USER_SET_PROTOCOL_FEATURES' ? u64Said(one.name, negotiatedProtocol & ~resets) : one,
  );
  const all = judged([...messages, plain('VHOST_USER_RESET_DEVICE')]);
  t.same(brokenIn(all), []);
  t.equal(all.observations.of('vu-front-end/reset-device-needs-reset-device')?.kept, 1);
});

t.test('bits of the status that go without the driver clearing them', async (t) => {
  const cleared = 'vu-front-end/status-bits-never-cleared-singly';
  const suspendable = { ...offer, features: offer.features | word(43) };
  const suspends = lawful.map((one) =>
    one.name === 'VHOST_USER_SET_FEATURES' ? u64Said(one.name, negotiatedFeatures | word(43)) : one,
  );
  const statuses = (...words: number[]): Said[] => words.map((each) => u64Said('VHOST_USER_SET_STATUS', BigInt(each)));
  t.same(brokenIn(judged([...suspends, ...statuses(0x1f, 0x1b, 0x0f)], suspendable)), [], 'suspended, resumed');
  t.same(brokenIn(judged([...lawful, ...statuses(0x1f, 0x0f)])), [cleared], 'without the feature');
  t.same(brokenIn(judged([...lawful, ...statuses(0, 0x0b, 0x83)])), [], 'FEATURES_OK that the device refused');
});

t.test('in postcopy each region that is added is judged, and their acknowledgement is no region', async (t) => {
  const features = protocolWord('VHOST_USER_PROTOCOL_F_PAGEFAULT', 'VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS');
  const begun = lawful.map((one) =>
    one.name === 'VHOST_USER_SET_PROTOCOL_FEATURES' ? u64Said(one.name, negotiatedProtocol | features) : one,
  );
  const adding = (at: bigint): Said =>
    said(
      'VHOST_USER_ADD_MEM_REG',
      singleMemoryRegionPayload,
      { guestAddress: at, userAddress: 0x7e00_0000_0000n + at, size: 0x1000n, mmapOffset: 0n },
      { descriptors: 1 },
    );
  const listening = [...begun, plain('VHOST_USER_POSTCOPY_ADVISE'), plain('VHOST_USER_POSTCOPY_LISTEN')];
  const added = [adding(0x1000_0000n), adding(0x2000_0000n)];
  const acknowledgement = u64Said('VHOST_USER_ADD_MEM_REG', 0n);
  const wide = { ...offer, protocolFeatures: offer.protocolFeatures | features, memorySlots: 8 };
  t.same(brokenIn(judged([...listening, ...added, acknowledgement], wide)), []);
  t.same(brokenIn(judged([...listening, ...added, plain('VHOST_USER_ADD_MEM_REG')], wide)), []);
  t.not(brokenIn(judged([...listening, ...added, acknowledgement, acknowledgement], wide)).length, 0, 'once alone');
  const ended = [...listening, plain('VHOST_USER_POSTCOPY_END'), ...added, acknowledgement];
  t.not(brokenIn(judged(ended, wide)).length, 0, 'behind POSTCOPY_END there is nothing to acknowledge');
  const same = brokenIn(judged([...listening, ...added, adding(0x1000_0000n)], wide));
  t.same(same, ['vu-front-end/memory-regions-disjoint'], 'each is judged');
});

t.test('whatever binds the front-end has a rule', async (t) => {
  const bound = allRequirements().filter(({ binds }) => binds === 'front-end');
  t.same(
    bound.map(({ slug }) => slug).filter((slug) => !ruled.includes(slug)),
    [],
  );
});

t.test('a refusal that no rule explains is told', async (t) => {
  const refused = (messages: Parameters<typeof judged>[0]): readonly string[] => judged(messages).unexplained;
  t.same(refused([...lawful, plain('VHOST_USER_RESET_DEVICE', { refusal: 'the reference will not' })]), [
    'VHOST_USER_RESET_DEVICE: the reference will not',
  ]);
  t.same(refused([{ name: 99, refusal: 'no such request' }]), []);
});
