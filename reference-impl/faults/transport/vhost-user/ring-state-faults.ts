import { queueRules } from '../../../devices/queue-rules.ts';
import { isFailure } from '../../../memory/memory-map.ts';
import { gather, writePieces } from '../../../memory/pieces.ts';
import { done } from '../../../vhost-user/handled.ts';
import { configChangeMessage } from '../../../vhost-user/reply-payloads.ts';
import type { RingEvent, RingState, RingStateRules } from '../../../vhost-user/ring-state.ts';
import type { SessionState } from '../../../vhost-user/session-state.ts';
import type { Vring } from '../../../vhost-user/vring.ts';
import { ringLayoutOf } from '../../../virtqueue/feature-bits.ts';
import { inQueue } from '../../device/device-fault.ts';
import type { VhostUserFault } from '../../fault.ts';
import { handling, inTable, onMessage, vhostUserFault } from './vhost-user-fault.ts';

type Moves = Partial<Record<RingState, Partial<Record<RingEvent, RingState>>>>;

/** The table of ring states with some moves replaced. */
const moving = (moves: Moves) =>
  inTable('ringState', (right: RingStateRules) => ({
    next: Object.fromEntries(
      (Object.keys(right.next) as RingState[]).map((state) => [state, { ...right.next[state], ...moves[state] }]),
    ) as RingStateRules['next'],
  }));

type Index = { readonly index: number };

/** Starting, stopping, enabling and disabling of rings. */
export const ringStateFaults = {
  'rings-begin-enabled': vhostUserFault(
    'vu-ring-state/rings-start-stopped-and-disabled',
    'rings are enabled from the beginning',
    inTable('ringState', { initial: 'stopped-enabled' }),
  ),
  'ring-starts-with-its-addresses': vhostUserFault(
    'vu-ring-state/rings-start-stopped-and-disabled',
    'a ring starts with SET_VRING_ADDR already',
    handling<Index>('VHOST_USER_SET_VRING_ADDR', (right, session, { index }) => {
      const handled = right();
      const vring = session.ring(index);
      if (handled.kind === 'done' && vring !== undefined) session.rings.move(vring, 'start');
      return handled;
    }),
  ),
  'get-vring-base-leaves-ring-running': vhostUserFault(
    'vu-ring-state/get-vring-base-stops-ring',
    'GET_VRING_BASE tells where the ring is, and the ring goes on',
    moving({ 'started-enabled': { stop: 'started-enabled' }, 'started-disabled': { stop: 'started-disabled' } }),
  ),
  'enabled-ring-not-started-by-kick-message': vhostUserFault(
    'vu-ring-state/ring-starts-with-kick-descriptor',
    'SET_VRING_KICK has no effect on a ring that is enabled already',
    moving({ 'stopped-enabled': { start: 'stopped-enabled' } }),
  ),
  'stopped-ring-still-processed': vhostUserFault(
    'vu-ring-state/stopped-ring-not-processed',
    'GET_VRING_BASE is answered and an enabled ring goes on',
    inQueue({ mayProcess: (queue) => queueRules.mayProcess({ ...queue, isStarted: true }) }),
  ),
  'enable-while-stopped-forgotten': vhostUserFault(
    'vu-ring-state/enable-state-tracked-while-stopped',
    'SET_VRING_ENABLE has no effect on a stopped ring',
    moving({ 'stopped-disabled': { enable: 'stopped-disabled' }, 'stopped-enabled': { disable: 'stopped-enabled' } }),
  ),
  'disable-while-stopped-forgotten': vhostUserFault(
    'vu-ring-state/enable-state-tracked-while-stopped',
    'SET_VRING_ENABLE 0 has no effect on a stopped ring',
    moving({ 'stopped-enabled': { disable: 'stopped-enabled' } }),
  ),
  'stopping-disables': vhostUserFault(
    'vu-ring-state/stopped-ring-restarts-with-new-kick-descriptor',
    'a ring that stops is disabled, too',
    moving({ 'started-enabled': { stop: 'stopped-disabled' } }),
  ),
  'disabled-ring-served': vhostUserFault(
    'vu-ring-state/disabled-ring-has-no-side-effects',
    'SET_VRING_ENABLE 0 has no effect on a ring that runs',
    moving({ 'started-enabled': { disable: 'started-enabled' } }),
  ),
  'enable-state-ignored': vhostUserFault(
    'vu-ring-state/disabled-ring-has-no-side-effects',
    'a ring that is started is served whether it is enabled or not',
    inTable('ringState', ({ service }) => ({ service: { ...service, 'started-disabled': 'everything' as const } })),
  ),
  'inband-kick-does-not-start-ring': vhostUserFault(
    'vu-ring-state/ring-starts-with-inband-kick',
    'VRING_KICK on a stopped ring is ignored',
    handling<Index>('VHOST_USER_VRING_KICK', (right, session, { index }) =>
      session.ring(index)?.isAttached ? right() : done,
    ),
  ),
  'start-waits-for-kick': vhostUserFault(
    'vu-ring-state/start-does-not-wait-for-kick',
    'a ring that starts is not looked at before a kick',
    inTable('vring', { servesAtStart: () => false }),
  ),
  'later-starts-wait-for-kick': vhostUserFault(
    'vu-ring-state/start-does-not-wait-for-kick',
    'a ring that starts again is not looked at before a kick',
    inTable('vring', { servesAtStart: (starts) => starts === 1 }),
  ),
  'restarted-ring-begins-anew': vhostUserFault(
    'vu-ring-state/stopped-ring-restarts-with-new-kick-descriptor',
    'a ring that starts again begins at 0',
    inTable('vring', { startBase: (base, isResumed) => (isResumed ? 0 : base) }),
  ),
  'rings-stay-disabled-without-protocol-features': vhostUserFault(
    'vu-ring-state/rings-enabled-without-protocol-features',
    'rings stay disabled when bit 30 is left out of SET_FEATURES',
    moving({
      'stopped-disabled': { 'enable-without-protocol-features': 'stopped-disabled' },
      'started-disabled': { 'enable-without-protocol-features': 'started-disabled' },
    }),
  ),
  'rings-enabled-with-protocol-features': vhostUserFault(
    'vu-ring-state/rings-start-stopped-and-disabled',
    'SET_FEATURES enables all rings, with bit 30 as well',
    handling('VHOST_USER_SET_FEATURES', (right, session) => {
      const handled = right();
      if (handled.kind === 'done') session.rings.moveAll('enable');
      return handled;
    }),
  ),
  'call-fixed-while-ring-runs': vhostUserFault(
    'vu-ring-state/settings-change-while-ring-runs',
    'SET_VRING_CALL takes the descriptor away from a ring that runs',
    handling<{ readonly u64: bigint }>('VHOST_USER_SET_VRING_CALL', (right, session, { u64 }) => {
      const vring = session.ring(session.rules.vring.indexOf(u64));
      if (vring?.isAttached !== true) return right();
      session.rings.setWay(vring, 'call', undefined);
      return done;
    }),
  ),
  'memory-fixed-while-ring-runs': vhostUserFault(
    'vu-ring-state/settings-change-while-ring-runs',
    'a new memory table is refused while a ring runs',
    onMessage('VHOST_USER_SET_MEM_TABLE', () => ({
      isUntimely: (session) => (session.rings.someStarted ? 'a ring runs' : undefined),
    })),
  ),
  'stopping-one-ring-stops-all': vhostUserFault(
    'vu-ring-state/stopping-one-ring-leaves-others-running',
    'GET_VRING_BASE stops all rings',
    inTable('vring', { stopsAlso: (_, rings) => Array.from({ length: rings }, (_unused, index) => index) }),
  ),
  'stopping-a-ring-stops-that-of-another-pair': vhostUserFault(
    'vu-ring-state/stopping-one-ring-leaves-others-running',
    'GET_VRING_BASE of a device with four rings or more stops the ring two further on as well',
    inTable('vring', { stopsAlso: (index, rings) => (rings > 3 ? [(index + 2) % rings] : []) }),
  ),
  'stopping-first-ring-stops-second': vhostUserFault(
    'vu-ring-state/stopping-one-ring-leaves-others-running',
    'GET_VRING_BASE of ring 0 of a device with two rings stops ring 1 as well',
    inTable('vring', { stopsAlso: (index, rings) => (index === 0 && rings === 2 ? [1] : []) }),
  ),
  'disabling-a-ring-disables-that-of-another-pair': vhostUserFault(
    'vu-ring-state/enabled-ring-handles-every-request',
    'SET_VRING_ENABLE 0 of a device with four rings or more counts for the ring two further on as well',
    alsoDisabling((index, rings) => (rings > 3 ? (index + 2) % rings : index)),
  ),
  'disabling-first-ring-disables-second': vhostUserFault(
    'vu-ring-state/enabled-ring-handles-every-request',
    'SET_VRING_ENABLE 0 of ring 0 of a device with two rings counts for ring 1 as well',
    alsoDisabling((index, rings) => (index === 0 && rings === 2 ? 1 : index)),
  ),
  'other-enable-value-crashes': vhostUserFault(
    'vu-ring-state/other-enable-value-refused',
    'it aborts when SET_VRING_ENABLE is neither 0 nor 1',
    handling<{ readonly num: number }>('VHOST_USER_SET_VRING_ENABLE', (right, session, { num }) => {
      if (num > 1) session.edge.breakDown('abort');
      return right();
    }),
  ),
  'start-without-addresses-crashes': vhostUserFault(
    'vu-ring-state/start-without-addresses-survived',
    'it aborts when a ring without addresses is to start',
    handling<{ readonly u64: bigint }>('VHOST_USER_SET_VRING_KICK', (right, session, { u64 }) => {
      const vring = session.ring(session.rules.vring.indexOf(u64));
      if (vring !== undefined && vring.addresses === undefined) session.edge.breakDown('abort');
      return right();
    }),
  ),
  'writes-into-stopped-ring': vhostUserFault(
    'vu-suspended/no-guest-memory-writes',
    'requests that wait are carried out behind the answer to the next GET_FEATURES, though the ring is stopped',
    handling('VHOST_USER_GET_FEATURES', (right, session) => {
      scribbleIntoStoppedRings(session);
      return right();
    }),
  ),
  'stopping-uses-unknown-chain': vhostUserFault(
    'split/used-id-is-chain-head',
    'GET_VRING_BASE of a split ring with a chain that waits shows a used element with an id that no chain had',
    handling<Index>('VHOST_USER_GET_VRING_BASE', (right, session, { index }) => {
      const vring = session.ring(index);
      const wasRunning = vring?.isAttached === true && ringLayoutOf(session.device.features) === 'split';
      const handled = right();
      if (wasRunning) showUnknownElement(session, vring);
      return handled;
    }),
  ),
  'announces-config-change-while-stopped': vhostUserFault(
    'vu-suspended/no-messages-to-front-end',
    'GET_VRING_BASE of the last running ring ends in a message on the back-end channel',
    handling('VHOST_USER_GET_VRING_BASE', (right, session) => {
      const handled = right();
      const channel = session.backEndChannel;
      if (channel !== undefined && !session.rings.someStarted) session.edge.sendRequest(channel, configChangeMessage());
      return handled;
    }),
  ),
  'config-change-told-while-suspended': vhostUserFault(
    'vu-suspended/no-messages-to-front-end',
    'a change of configuration from outside is told of while every ring is stopped',
    inTable('config', { announcesWhileSuspended: true }),
  ),
  'announces-config-change-at-reset-while-stopped': vhostUserFault(
    'vu-suspended/no-messages-to-front-end',
    'RESET_DEVICE ends in a message on the back-end channel where no ring runs',
    handling('VHOST_USER_RESET_DEVICE', (right, session) => {
      const channel = session.backEndChannel;
      if (channel !== undefined && !session.rings.someStarted) session.edge.sendRequest(channel, configChangeMessage());
      return right();
    }),
  ),
  'silent-while-stopped': vhostUserFault(
    'vu-suspended/messages-still-answered',
    'GET_PROTOCOL_FEATURES makes it hang once every ring that ran is stopped',
    handling('VHOST_USER_GET_PROTOCOL_FEATURES', (right, { edge, rings }) => {
      if (!rings.someStarted && rings.vrings.some(({ isResumed }) => isResumed)) edge.breakDown('hang');
      return right();
    }),
  ),
} as const satisfies Record<string, VhostUserFault>;

/** Sets the used flags of rings that have addresses and do not run, as one does that was late to stop. */
function scribbleIntoStoppedRings(session: SessionState): void {
  for (const { addresses, isAttached, size } of session.rings.vrings) {
    if (addresses === undefined || isAttached || size === 0) continue;
    const found = session.memory.map.translate(session.rules.vring.ringSpace, addresses.used, 2, 'write');
    if (!isFailure(found)) writePieces(found, 0, Uint8Array.of(1, 0));
  }
}

/** A used element of an id that a driver gives last, where the driver shows more chains than were used. */
function showUnknownElement(session: SessionState, { addresses, size }: Vring): void {
  const { map } = session.memory;
  const at = (address: bigint, length: number) =>
    map.translate(session.rules.vring.ringSpace, address, length, 'write');
  if (addresses === undefined) return;
  const avail = at(addresses.avail + 2n, 2);
  const used = at(addresses.used + 2n, 2);
  if (isFailure(avail) || isFailure(used)) return;
  const [shown, idx] = [avail, used].map((pieces) => new DataView(gather(pieces).slice().buffer).getUint16(0, true));
  if (shown === undefined || idx === undefined || shown === idx) return;
  const element = at(addresses.used + 4n + 8n * BigInt(idx % size), 8);
  if (isFailure(element)) return;
  writePieces(element, 0, new Uint8Array(Uint32Array.of(size - 1, 0).buffer));
  writePieces(used, 0, new Uint8Array(Uint16Array.of(idx + 1).buffer));
}

/** SET_VRING_ENABLE 0 counts for another ring too. */
function alsoDisabling(other: (index: number, rings: number) => number): ReturnType<typeof handling> {
  return handling<{ readonly index: number; readonly num: number }>(
    'VHOST_USER_SET_VRING_ENABLE',
    (right, session, { index, num }) => {
      const handled = right();
      const also = session.rings.vrings[other(index, session.rings.vrings.length)];
      if (num === 0 && also !== undefined) session.rings.move(also, 'disable');
      return handled;
    },
  );
}
