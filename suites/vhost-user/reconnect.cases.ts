import type { DriverPort, VhostUserSession } from '../../drivers/port/port.ts';
import { splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import { defineCase } from '../case.ts';
import { growsNot } from '../resource-growth.ts';
import { setDeviceState, transferDirection } from './device-state.ts';
import { tableOf } from './memory-table.ts';
import { stillServes } from './refusal.ts';
import { baseFrom, RingByHand, waited } from './ring-by-hand.ts';
import { getBase, setDescriptor } from './ring-messages.ts';
import { needReply, negotiatedWith, wordOf } from './words.ts';

/** Connections that end as they like, and what the next one finds. */

const transports = ['vhost-user'] as const;

export const cleanRings = defineCase({
  id: 'vhost-user/reconnect/rings-of-a-dead-connection-are-forgotten',
  title: 'after a connection ended with rings running a new one finds every ring stopped, at base 0 and in no memory',
  proves: { 'vu-reconnect/new-connection-starts-clean': 'ring-bases-outlive-connection' },
  applies: { start: 'closed', transports, needs: ['initial-base'], ring: 'split' },
  run({ connect, driverOf, ring, requirement }) {
    const check = requirement('vu-reconnect/new-connection-starts-clean');
    const vring = ring({ size: 16, position: splitPosition(5) });
    const first = connect('negotiated');
    const driver = driverOf(first);
    const queue = driver.attach(vring);
    for (const seed of [1, 2, 3]) driver.warmUp(queue, { seed });
    first.close();
    const next = connect('connected');
    const base = baseFrom(check, getBase(next, queue.index), 'GET_VRING_BASE on the new connection');
    if (base !== undefined) check.equal(base, 0, 'base of a ring that the new connection never told of');
    queue.makeAvailable([driver.request().segments]);
    check.reply(next.messages.fence(), 'GET_FEATURES');
    check.equal(queue.usedCount(), 3, 'used elements on the ring of the dead connection');
    next.close();
  },
});

export const cleanNegotiation = defineCase({
  id: 'vhost-user/reconnect/features-of-a-dead-connection-are-forgotten',
  title: 'REPLY_ACK that one connection negotiated is not in force on the next',
  proves: { 'vu-reconnect/new-connection-starts-clean': 'protocol-features-outlive-connection' },
  applies: {
    start: 'closed',
    transports,
    needs: ['restart'],
    negotiate: ['VHOST_USER_PROTOCOL_F_REPLY_ACK'],
    ring: 'none',
  },
  run({ port, connect, requirement }) {
    const check = requirement('vu-reconnect/new-connection-starts-clean');
    // Some answer need_reply even where nothing was negotiated: a process that never negotiated tells.
    const answered = (): number => {
      const session = connect('connected');
      session.messages.send({ request: 'VHOST_USER_SET_OWNER', flags: needReply });
      const reply = check.reply(session.messages.exchange({ request: 'VHOST_USER_GET_FEATURES' }), 'an answer');
      session.close();
      return reply.request;
    };
    port.iut.restart();
    const before = answered();
    const negotiated = connect('negotiated');
    check.reply(negotiated.messages.fence(), 'GET_FEATURES');
    negotiated.close();
    check.equal(answered(), before, 'what is answered first after SET_OWNER with need_reply and GET_FEATURES');
  },
});

export const cleanStatus = defineCase({
  id: 'vhost-user/reconnect/status-of-a-dead-connection-is-forgotten',
  title: 'device status that one connection set is 0 on the next',
  proves: { 'vu-reconnect/new-connection-starts-clean': 'status-outlives-connection' },
  applies: { start: 'negotiated', transports, negotiate: ['VHOST_USER_PROTOCOL_F_STATUS'], ring: 'none' },
  run({ session, connect, requirement }) {
    const check = requirement('vu-reconnect/new-connection-starts-clean');
    session.messages.send({ request: 'VHOST_USER_SET_STATUS', payload: { u64: 1n | 2n } });
    check.reply(session.messages.fence(), 'GET_FEATURES behind SET_STATUS');
    session.close();
    const next = connect('negotiated');
    const told = check.reply(next.messages.exchange({ request: 'VHOST_USER_GET_STATUS' }), 'GET_STATUS');
    check.equal(wordOf(told), 0n, 'status at the beginning of the next connection');
  },
});

export const servesAgain = defineCase({
  id: 'vhost-user/reconnect/every-connection-is-served-as-the-first',
  title:
    'connections that end without a word, rings running and chains waiting, leave the next one a device that works',
  proves: { 'vu-reconnect/new-connection-starts-clean': 'ring-bases-outlive-connection' },
  applies: { start: 'closed', transports, needs: ['initial-base'], ring: 'split' },
  run({ port, connect, driverOf, ring, requirement }) {
    const check = requirement('vu-reconnect/new-connection-starts-clean');
    for (const base of [7, 0, 300, 0, 0]) {
      const session = connect('negotiated');
      const driver = driverOf(session);
      driver.companions();
      const hand = new RingByHand(port, session, ring({ size: 16, position: splitPosition(base) }), {
        index: driver.queueIndex,
      });
      // A ring begins at 0 unless it is told of another base.
      if (base !== 0) hand.tell('base');
      hand.tell('num', 'addresses', 'call', 'error', 'kick', 'enable');
      hand.makeAvailable(driver.request({ seed: 1 }).segments, driver.request({ seed: 2 }).segments);
      hand.kick();
      if (hand.waitForUsed(check, 2, `two chains of a connection with base ${base}`) === undefined) return;
      // Chains are left behind that will not be used.
      hand.makeAvailable(driver.request({ seed: 3 }).segments);
      hand.kick();
      if (base === 0) session.messages.shutdown('both');
      session.close();
    }
  },
});

/** Descriptors and memory of a whole set-up. */
function wholeSession(session: VhostUserSession, body: () => void): void {
  session.messages.fence();
  body();
  session.messages.fence();
  session.close();
}

export const descriptorsReleased = defineCase({
  id: 'vhost-user/reconnect/descriptors-of-dead-connections-are-closed',
  title: 'descriptors of connections that ended with rings running do not pile up',
  proves: { 'vu-reconnect/dead-connection-resources-released': 'descriptors-outlive-connection' },
  applies: { start: 'closed', transports, needs: ['resources'] },
  run({ port, connect, guest, driverOf, ring, requirement }) {
    const check = requirement('vu-reconnect/dead-connection-resources-released');
    growsNot(port, check, 'descriptors held after connections with running rings', () => {
      const mark = guest.mark();
      const session = connect('negotiated');
      const driver = driverOf(session);
      wholeSession(session, () => driver.once(driver.attach(ring({ size: 16 }))));
      guest.release(mark);
    });
  },
});

export const unfinishedTransferReleased = defineCase({
  id: 'vhost-user/reconnect/descriptors-of-unfinished-transfers-are-closed',
  title: 'descriptors of connections that ended while a device state was loaded do not pile up',
  proves: { 'vu-reconnect/dead-connection-resources-released': 'descriptors-outlive-connection' },
  applies: {
    start: 'closed',
    transports,
    needs: ['resources'],
    negotiate: ['VHOST_USER_PROTOCOL_F_DEVICE_STATE'],
    ring: 'none',
  },
  // The text has no second one ahead of the end of the first: whatever it is answered, both are over with the connection.
  variants: { transfers: [1, 2] },
  run({ port, connect, variant, requirement }) {
    const check = requirement('vu-reconnect/dead-connection-resources-released');
    const { descriptors } = port;
    const writeEnds: number[] = [];
    growsNot(port, check, 'descriptors held after connections that loaded a state', () => {
      const session = connect('negotiated');
      for (let transfer = 1; transfer <= variant.transfers; transfer++) {
        const { readEnd, writeEnd } = descriptors.pipe('blocking');
        const load = session.messages.exchange(setDeviceState(transferDirection.load, readEnd));
        const isOther = transfer > 1 && load.kind === 'closed';
        const given = isOther ? [] : check.reply(load, 'SET_DEVICE_STATE_FD').descriptors;
        for (const fd of [readEnd, ...given]) descriptors.close(fd);
        // Closed before the connection's end is seen, it would end the transfer.
        writeEnds.push(writeEnd);
      }
      session.close();
    });
    for (const fd of writeEnds) descriptors.close(fd);
  },
});

export const replacedReleased = defineCase({
  id: 'vhost-user/reconnect/replaced-descriptors-are-closed',
  title: 'descriptors of a ring that others took the place of do not pile up, neither within a connection nor after it',
  proves: { 'vu-reconnect/dead-connection-resources-released': 'replaced-descriptor-kept' },
  applies: { start: 'closed', transports, needs: ['resources'], ring: 'none' },
  run({ port, connect, points, requirement }) {
    const check = requirement('vu-reconnect/dead-connection-resources-released');
    const all = (['CALL', 'ERR'] as const).map((which) => ({ key: `SET_VRING_${which}`, which }));
    points(all, ({ key, which }) => {
      const session = negotiatedWith(port, connect('connected'), 0n);
      growsNot(port, check, `descriptors held after repeating ${key}`, () => {
        const fd = port.descriptors.eventfd();
        session.messages.send(setDescriptor(which, 0, fd));
        check.reply(session.messages.fence(), `GET_FEATURES behind ${key}`);
        port.descriptors.close(fd);
      });
      session.close();
    });
  },
});

export const memoryReleased = defineCase({
  id: 'vhost-user/reconnect/memory-of-dead-connections-is-unmapped',
  title: 'guest memory is mapped while a connection shares it, and unmapped once that is gone',
  proves: { 'vu-reconnect/dead-connection-resources-released': 'memory-outlives-connection' },
  applies: { start: 'negotiated', transports, needs: ['resources'] },
  run({ port, session, connect, driver, ring, requirement }) {
    const check = requirement('vu-reconnect/dead-connection-resources-released');
    driver.warmUp(driver.attach(ring({ size: 16 })));
    check.atLeast(mapped(port), 1, 'mappings of guest memory while the connection lives');
    session.messages.shutdown('both');
    session.close();
    const next = connect('connected');
    check.reply(next.messages.fence(), 'GET_FEATURES on the next connection');
    waited(port, check, 'guest memory after the end of the connection', 'no mapping', () => mapped(port) === 0);
  },
});

/** Memory files of guests that the IUT has mapped. */
function mapped(port: DriverPort<VhostUserSession>): number {
  const mappings = Object.entries(port.iut.resources()?.mappings ?? {});
  return mappings.filter(([name]) => name.startsWith('vhost-conformance-guest')).reduce((sum, [, n]) => sum + n, 0);
}

export const deathWithinMessage = defineCase({
  id: 'vhost-user/reconnect/death-within-a-message-is-survived',
  title: 'a connection that dies at any byte of a memory table or a ring message, rings running, is survived',
  proves: { 'vu-reconnect/death-within-message-survived': 'lost-connection-crashes' },
  applies: { start: 'closed', transports },
  run({ port, connect, guest, driverOf, ring, points, requirement }) {
    const check = requirement('vu-reconnect/death-within-message-survived');
    const cuts = [1, 4, 8, 11, 12, 13, 20, 44, 75];
    const all = ['table', 'kick'].flatMap((what) =>
      cuts.filter((cut) => what === 'table' || cut < 20).map((cut) => ({ key: `${what},bytes=${cut}`, what, cut })),
    );
    points(all, ({ key, what, cut }) => {
      const session = connect('negotiated');
      const driver = driverOf(session);
      const queue = driver.attach(ring({ size: 16 }));
      driver.warmUp(queue);
      const fd = port.descriptors.eventfd();
      const kick = { request: 'VHOST_USER_SET_VRING_KICK', payload: { u64: BigInt(queue.index) }, descriptors: [fd] };
      session.messages.send({ ...(what === 'table' ? tableOf(port, guest) : kick), truncateTo: cut });
      session.messages.shutdown('both');
      session.close();
      stillServes(port, session, check, `a new connection after ${key}`);
    });
  },
});
