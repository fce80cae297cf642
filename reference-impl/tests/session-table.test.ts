import t, { type Test } from 'tap';
import { referenceRules } from '../vhost-user/reference-rules.ts';
import { type FrontEndMessageName, frontEndMessages } from '../wire/vhost-user-messages.ts';
import { guestWithRing, type LawfulRequest, lawfulRequests } from './lawful-requests.ts';
import { type Sending, SessionUnderTest, u64 } from './session-under-test.ts';

const entries = referenceRules.messages;

/** A session on which everything is negotiated, and all that must go before the request is done. */
function ready(lawful: LawfulRequest) {
  const test = new SessionUnderTest(lawful.device ?? 'block');
  const world = guestWithRing();
  const owner = lawful.needsNoOwner === true ? 'none' : 'set';
  test.negotiate(test.plainProtocolFeatures, undefined, owner);
  lawful.before?.(test, world);
  return { test, world };
}

/** Nothing is left when the session is gone: not even what was refused. */
function leavesNothing(t: Test, { session, edge }: SessionUnderTest, what: string): void {
  session.release();
  t.equal(edge.open.size, 0, `${what}: no descriptor stays open`);
  t.equal(edge.mapped, 0, `${what}: no memory stays mapped`);
  t.same(edge.closedTwice, [], `${what}: nothing is closed twice`);
  t.same(edge.brokenDown, [], `${what}: it lives`);
}

function isRefused(t: Test, test: SessionUnderTest, name: FrontEndMessageName, sending: Sending, what: string): void {
  const entry = entries.find((one) => one.name === name);
  const outcome = test.acknowledgement(name, sending);
  if (entry?.answer === 'own-reply') t.equal(outcome, 'closed', `${what}: the connection is closed`);
  else t.equal(outcome, 1n, `${what}: acknowledged as a failure`);
}

t.test('each entry of the table has a lawful request here, and no more', async (t) => {
  t.same(Object.keys(lawfulRequests).sort(), entries.map(({ name }) => name).sort());
  t.equal(new Set(entries.map(({ request }) => request)).size, entries.length);
});

for (const [name, lawful] of Object.entries(lawfulRequests) as [FrontEndMessageName, LawfulRequest][]) {
  t.test(name, async (t) => {
    const entry = entries.find((one) => one.name === name);
    if (entry === undefined) return t.fail('no entry');

    const { test, world } = ready(lawful);
    const plain = test.send(name, lawful.sending(test, world));
    t.ok(test.session.isOpen, 'lawful: the connection stays');
    t.equal(plain.length, entry.answer === 'own-reply' ? 1 : 0, 'lawful: answered only by a reply of its own');
    for (const reply of plain) {
      t.equal(reply.request, entry.request);
      t.equal(reply.flags, 5);
      t.equal(reply.size, reply.payload.length);
      for (const token of reply.descriptors) test.edge.close(token);
    }
    leavesNothing(t, test, 'lawful');

    const asked = ready(lawful);
    const answers = asked.test.send(name, { ...lawful.sending(asked.test, asked.world), flags: 9 });
    t.equal(answers.length, 1, 'lawful with need_reply: one answer');
    if (entry.answer === 'acknowledgement') t.same(answers[0]?.payload, u64(0n), 'lawful with need_reply: success');
    for (const token of answers[0]?.descriptors ?? []) asked.test.edge.close(token);
    leavesNothing(t, asked.test, 'lawful with need_reply');

    const shorter = ready(lawful);
    const sending = lawful.sending(shorter.test, shorter.world);
    const payload = sending.payload ?? new Uint8Array(0);
    if (payload.length > 0) {
      const cut = { ...sending, payload: payload.subarray(0, payload.length - 1) };
      isRefused(t, shorter.test, name, cut, 'one byte short');
      leavesNothing(t, shorter.test, 'one byte short');
    }

    const longer = ready(lawful);
    const whole = lawful.sending(longer.test, longer.world);
    const extended = Uint8Array.of(...(whole.payload ?? []), 0);
    // Some front-ends send room for eight regions whatever their number: what lies behind those that count is left out.
    if (name === 'VHOST_USER_SET_MEM_TABLE')
      t.equal(longer.test.acknowledgement(name, { ...whole, payload: extended }), 0n);
    else isRefused(t, longer.test, name, { ...whole, payload: extended }, 'one byte long');
    leavesNothing(t, longer.test, 'one byte long');

    const surplus = ready(lawful);
    const more = lawful.sending(surplus.test, surplus.world);
    const two = [...(more.descriptors ?? []), surplus.test.edge.give(), surplus.test.edge.give()];
    if (name === 'VHOST_USER_SET_LOG_BASE') surplus.test.send(name, { ...more, descriptors: two });
    else isRefused(t, surplus.test, name, { ...more, descriptors: two }, 'two descriptors more');
    leavesNothing(t, surplus.test, 'two descriptors more');

    const missing = ready(lawful);
    const full = lawful.sending(missing.test, missing.world);
    if ((full.descriptors ?? []).length > 0) {
      const outcome = missing.test.acknowledgement(name, { ...full, descriptors: [] });
      t.ok(outcome === 'closed' || outcome === 1n, `no descriptor: refused (${outcome})`);
      for (const token of full.descriptors ?? []) missing.test.edge.close(token);
      leavesNothing(t, missing.test, 'no descriptor');
    }

    const late = ready(lawful);
    const behind = lawful.sending(late.test, late.world);
    if ((behind.descriptors ?? []).length > 0) {
      isRefused(t, late.test, name, { ...behind, late: true }, 'descriptors behind the first bytes');
      leavesNothing(t, late.test, 'descriptors behind the first bytes');
    }

    const other = ready(lawful);
    t.same(other.test.send(name, { ...lawful.sending(other.test, other.world), flags: 2 }), []);
    t.notOk(other.test.session.isOpen, 'another version: the connection is closed');
    leavesNothing(t, other.test, 'another version');

    const reply = ready(lawful);
    t.same(reply.test.send(name, { ...lawful.sending(reply.test, reply.world), flags: 5 }), []);
    t.ok(reply.test.session.isOpen, 'a reply to nothing: ignored');
    leavesNothing(t, reply.test, 'a reply to nothing');

    if (entry.gate.length === 0) return;
    const early = new SessionUnderTest(lawful.device ?? 'block');
    const features = early.session.offeredFeatures;
    early.negotiate(1n << 3n, name === 'VHOST_USER_SET_VRING_ENABLE' ? 1n << 32n : features);
    if (name.endsWith('PROTOCOL_FEATURES')) return;
    if (name === 'VHOST_USER_SET_VRING_ENABLE') {
      const ahead = early.acknowledgement(name, lawful.sending(early, guestWithRing()));
      t.equal(ahead, 0n, 'before its feature is negotiated: carried out, where that is offered');
      return;
    }
    const ungated = early.acknowledgement(name, lawful.sending(early, guestWithRing()));
    t.equal(ungated, 1n, 'before its feature is negotiated: acknowledged as a failure');
    leavesNothing(t, early, 'before its feature is negotiated');
  });
}

t.test('requests that the table does not have', async (t) => {
  const known = new Set(entries.map(({ request }) => request));
  const others = [0, 46, 1000, 0xffffffff, ...frontEndMessages.map(({ id }) => id).filter((id) => !known.has(id))];
  for (const request of others) {
    const test = new SessionUnderTest();
    test.negotiate();
    const tokens = [test.edge.give(), test.edge.give()];
    t.equal(test.acknowledgement(request, { descriptors: tokens }), 1n, `${request} is acknowledged as a failure`);
    t.same(test.send(request, { payload: u64(7n) }), [], `${request} is ignored without need_reply`);
    t.equal(test.send('VHOST_USER_GET_FEATURES').length, 1, 'and what comes behind is answered');
    leavesNothing(t, test, `request ${request}`);
  }
});
