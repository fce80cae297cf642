import { featureMask } from '../../../catalogue/feature-set.ts';
import { isFailure } from '../../../memory/memory-map.ts';
import { gather } from '../../../memory/pieces.ts';
import { done } from '../../../vhost-user/handled.ts';
import { isStarted } from '../../../vhost-user/ring-state.ts';
import type { SessionState } from '../../../vhost-user/session-state.ts';
import type { Vring } from '../../../vhost-user/vring.ts';
import { AVAIL_IDX } from '../../../virtqueue/split/layout.ts';
import type { FrontEndMessageName } from '../../../wire/vhost-user-messages.ts';
import type { VhostUserFault } from '../../fault.ts';
import { type Change, handling, vhostUserFault } from './vhost-user-fault.ts';

const tracked = 'vu-ring-state/enable-state-tracked-while-stopped';
const everyRequest = 'vu-ring-state/enabled-ring-handles-every-request';
const protocolFeatures = featureMask('VHOST_USER_F_PROTOCOL_FEATURES');

interface OfRing {
  readonly index?: number;
  readonly u64?: bigint;
}

const ringOf = (session: SessionState, { index, u64 }: OfRing): Vring | undefined =>
  session.ring(index ?? session.rules.vring.indexOf(u64 ?? 0n));

/** A message that sets up a ring which does not run disables it. */
const disabling = (request: FrontEndMessageName): Change =>
  handling<OfRing>(request, (right, session, value) => {
    const vring = ringOf(session, value);
    const handled = right();
    if (handled.kind === 'done' && vring !== undefined && !isStarted(vring.state)) session.rings.move(vring, 'disable');
    return handled;
  });

const disables = (request: FrontEndMessageName, what: string): VhostUserFault =>
  vhostUserFault(tracked, `${what} disables a ring that does not run`, disabling(request));

/** A ring that runs and is enabled again goes on elsewhere. */
const enabledElsewhere = (base: (session: SessionState, vring: Vring, base: number) => number): Change =>
  handling<{ readonly index: number; readonly num: number }>(
    'VHOST_USER_SET_VRING_ENABLE',
    (right, session, { index, num }) => {
      const vring = session.ring(index);
      if (num !== 1 || vring?.state !== 'started-disabled' || vring.starts === 0) return right();
      session.rings.move(vring, 'stop');
      vring.base = base(session, vring, vring.base ?? 0);
      session.rings.move(vring, 'start');
      session.rings.move(vring, 'enable');
      return done;
    },
  );

/** The available idx in the memory of a split ring. */
function availIdx({ memory, rules }: SessionState, { addresses }: Vring): number {
  const found = memory.map.translate(rules.vring.ringSpace, (addresses?.avail ?? 0n) + BigInt(2 * AVAIL_IDX), 2);
  if (isFailure(found)) return 0;
  const [low = 0, high = 0] = gather(found);
  return low | (high << 8);
}

/** Where SET_VRING_ENABLE stands among the messages of a ring, and what becomes of chains that wait for it. */
export const ringEnableFaults = {
  'base-disables-ring': disables('VHOST_USER_SET_VRING_BASE', 'SET_VRING_BASE'),
  'addresses-disable-ring': disables('VHOST_USER_SET_VRING_ADDR', 'SET_VRING_ADDR'),
  'call-disables-ring': disables('VHOST_USER_SET_VRING_CALL', 'SET_VRING_CALL'),
  'err-disables-ring': disables('VHOST_USER_SET_VRING_ERR', 'SET_VRING_ERR'),
  'enabling-skips-waiting-chains': vhostUserFault(
    everyRequest,
    'a split ring that was disabled goes on behind all chains that wait',
    enabledElsewhere((session, vring, base) => (base > 0 && base < 0x8000 ? availIdx(session, vring) : base)),
  ),
  'enabling-repeats-last-chain': vhostUserFault(
    everyRequest,
    'a split ring that was disabled begins with the last chain that was used',
    enabledElsewhere((_session, _vring, base) => (base > 0 && base < 0x8000 ? base - 1 : base)),
  ),
  'stopping-disables-without-protocol-features': vhostUserFault(
    'vu-ring-state/rings-enabled-without-protocol-features',
    'a ring that stops is disabled for good where bit 30 was not acknowledged',
    handling<OfRing>('VHOST_USER_GET_VRING_BASE', (right, session, value) => {
      const handled = right();
      const vring = ringOf(session, value);
      if (vring !== undefined && (session.features & protocolFeatures) === 0n) session.rings.move(vring, 'disable');
      return handled;
    }),
  ),
} as const satisfies Record<string, VhostUserFault>;
