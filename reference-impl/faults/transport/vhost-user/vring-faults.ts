import { isFailure } from '../../../memory/memory-map.ts';
import { writePieces } from '../../../memory/pieces.ts';
import { done, type Handled } from '../../../vhost-user/handled.ts';
import type { SessionState } from '../../../vhost-user/session-state.ts';
import { unset, type Vring } from '../../../vhost-user/vring.ts';
import type { VringRules } from '../../../vhost-user/vring-rules.ts';
import { splitSizes, USED_IDX_OFFSET } from '../../../virtqueue/split/layout.ts';
import type { VhostUserFault } from '../../fault.ts';
import { handling, inTable, onMessage, vhostUserFault } from './vhost-user-fault.ts';

type Change = ReturnType<typeof inTable>;

const inVring = (entries: (right: VringRules) => Partial<VringRules>): Change => inTable('vring', entries);

/** Breaks down where a request on rings is refused. */
const fatalWhenRefused = (
  name: Parameters<typeof handling>[0],
  how: 'abort' | 'hang',
  why: RegExp,
): ReturnType<typeof handling> =>
  handling(name, (right, session) => {
    const handled = right();
    if (handled.kind === 'refused' && why.test(handled.why)) session.edge.breakDown(how);
    return handled;
  });

/** Of the parts of a split ring (virtio 2.7), by their names in SET_VRING_ADDR. */
const alignments = { descriptor: 16n, available: 2n, used: 4n } as const;
type SplitAddresses = Readonly<Record<keyof typeof alignments, bigint>>;

const isAligned = ({ descriptor, available, used }: SplitAddresses): boolean =>
  descriptor % alignments.descriptor === 0n && available % alignments.available === 0n && used % alignments.used === 0n;

/** Writes the used idx of a ring that had nothing in flight. */
function showUsedIdx(session: SessionState, { addresses }: Vring, value: number): void {
  if (addresses === undefined) return;
  const at = addresses.used + BigInt(USED_IDX_OFFSET);
  const found = session.memory.map.translate(session.rules.vring.ringSpace, at, 2, 'write');
  if (!isFailure(found)) writePieces(found, 0, Uint8Array.of(value & 0xff, (value >> 8) & 0xff));
}

/** The payload of SET_VRING_ADDR with parts that reach over the end of a region moved to its last bytes. */
function movedInside(session: SessionState, value: unknown): unknown {
  const fields = value as Readonly<Record<string, bigint | number>>;
  const changed: Record<string, bigint | number> = { ...fields };
  const sizes = splitSizes(Math.max(1, session.ring(Number(fields.index))?.size ?? 1));
  const lengths = { descriptor: sizes.descriptor, available: sizes.driver, used: sizes.device };
  for (const [part, length] of Object.entries(lengths)) {
    const address = fields[part];
    if (typeof address !== 'bigint') continue;
    for (const { userAddress, size } of session.memory.map.regions) {
      const last = userAddress + size - BigInt(Math.ceil(length / 16) * 16);
      if (address > last && address < userAddress + size) changed[part] = last;
    }
  }
  return changed;
}

const isNoUserAddress = (session: SessionState, address: bigint): boolean =>
  isFailure(session.memory.map.translate('user', address, 1));

/** The payload of SET_VRING_ADDR with addresses that are in some guest range taken for guest-physical ones, where they may. */
function byGuestAddress(
  session: SessionState,
  value: unknown,
  may: (session: SessionState, address: bigint) => boolean = () => true,
): unknown {
  const fields = value as Readonly<Record<string, bigint | number>>;
  const changed: Record<string, bigint | number> = { ...fields };
  for (const part of ['descriptor', 'available', 'used']) {
    const address = fields[part];
    if (typeof address !== 'bigint' || !may(session, address)) continue;
    const region = session.memory.map.regions.find(
      ({ guestAddress, size }) => guestAddress <= address && address - guestAddress < size,
    );
    if (region !== undefined) changed[part] = address - region.guestAddress + region.userAddress;
  }
  return changed;
}

/**
 * The used idx that counts the last request shows only at the next GET_FEATURES behind GET_VRING_BASE.
 * @param isBehindBase the base that is told does not count that request either.
 */
const completingAfterStop = (isBehindBase: boolean) =>
  [
    handling<{ readonly index: number }>('VHOST_USER_GET_VRING_BASE', (right, session, { index }) => {
      const vring = session.ring(index);
      const wasRunning = vring?.isAttached ?? false;
      const handled = right();
      if (vring?.base === undefined || !wasRunning) return handled;
      showUsedIdx(session, vring, vring.base - 1);
      if (!isBehindBase || handled.kind !== 'reply') return handled;
      const payload = handled.payload.slice();
      new DataView(payload.buffer).setUint32(4, (vring.base - 1) & 0xffff, true);
      return { ...handled, payload };
    }),
    handling('VHOST_USER_GET_FEATURES', (right, session) => {
      for (const vring of session.rings.vrings) {
        if (vring.base !== undefined && !vring.isAttached) showUsedIdx(session, vring, vring.base);
      }
      return right();
    }),
  ] as const;

/** The used idx of a ring that was suspended counts all chains in front of its base from the next GET_FEATURES on. */
function completingSuspended(): readonly Change[] {
  const suspended = new WeakSet<Vring>();
  return [
    handling<{ readonly index: number }>('VHOST_USER_GET_VRING_BASE_SKIP_DRAIN', (right, session, { index }) => {
      const vring = session.ring(index);
      if (vring?.isAttached === true) suspended.add(vring);
      return right();
    }),
    handling('VHOST_USER_GET_FEATURES', (right, session) => {
      for (const vring of session.rings.vrings) {
        if (suspended.has(vring) && !vring.isAttached) showUsedIdx(session, vring, vring.base ?? 0);
      }
      return right();
    }),
  ];
}

/** What is said of the rings, and what is told of them. */
export const vringFaults = {
  'guest-ring-addresses-translated': vhostUserFault(
    'vu-vring/ring-addresses-are-guest-physical-with-gpa-addresses',
    'with GPA_ADDRESSES ring addresses are looked up in the IOTLB',
    inTable('vring', { guestRingSpace: 'io-virtual' }),
  ),
  'base-off-by-one': vhostUserFault(
    'vu-vring/base-is-next-available-index',
    'GET_VRING_BASE tells one more than the next available index',
    inVring(() => ({ reportedBase: (base) => (base + 1) & 0xffff })),
  ),
  'base-of-last-request': vhostUserFault(
    'vu-vring/base-is-next-available-index',
    'GET_VRING_BASE tells the index of the last request that was carried out',
    inVring(() => ({ reportedBase: (base) => (base === 0 ? 0 : base - 1) })),
  ),
  'last-request-completed-after-stop': vhostUserFault(
    'vu-vring/get-vring-base-drains-ring',
    'the used idx that counts the last request shows only at the next GET_FEATURES behind GET_VRING_BASE',
    ...completingAfterStop(false),
  ),
  'stopped-ring-completes-requests': vhostUserFault(
    'vu-ring-state/stopped-ring-not-processed',
    'the request at the base that GET_VRING_BASE told is used after the answer, at the next GET_FEATURES',
    ...completingAfterStop(true),
  ),
  'suspended-ring-completes-requests': vhostUserFault(
    'vu-inflight/skip-drain-stops-at-once-and-records',
    'requests in flight are used after the answer to GET_VRING_BASE_SKIP_DRAIN, at the next GET_FEATURES',
    ...completingSuspended(),
  ),
  'base-with-upper-bits': vhostUserFault(
    'vu-vring/base-upper-bits-zero',
    'GET_VRING_BASE repeats the base in the upper 16 bits',
    inVring((right) => ({ reportedBase: (base) => ((right.reportedBase(base) | 1) << 16) | right.reportedBase(base) })),
  ),
  'base-of-other-ring': vhostUserFault(
    'vu-vring/base-is-next-available-index',
    'GET_VRING_BASE names another ring in its reply where num was not 0',
    handling<{ readonly index: number; readonly num: number }>(
      'VHOST_USER_GET_VRING_BASE',
      (right, _, { index, num }) => {
        const handled = right();
        if (handled.kind !== 'reply' || num === 0) return handled;
        const payload = handled.payload.slice();
        new DataView(payload.buffer).setUint32(0, index + 1, true);
        return { ...handled, payload };
      },
    ),
  ),
  'bad-ring-index-taken-modulo': vhostUserFault(
    'vu-vring/ring-index-out-of-range-refused',
    'a ring index out of range stands for ring 0',
    inVring(() => ({ acceptsIndex: () => true, ringOf: (index, rings) => (index < rings ? index : 0) })),
  ),
  'bad-ring-index-crashes': vhostUserFault(
    'vu-vring/ring-index-out-of-range-refused',
    'it aborts at a ring index out of range',
    fatalWhenRefused('VHOST_USER_SET_VRING_NUM', 'abort', /no such ring/),
    fatalWhenRefused('VHOST_USER_SET_VRING_BASE', 'abort', /no such ring/),
    fatalWhenRefused('VHOST_USER_SET_VRING_ADDR', 'abort', /no such ring/),
  ),
  'packed-ring-begins-at-wrap-counter-0': vhostUserFault(
    'packed/wrap-counters-start-at-one',
    'a packed ring that was told no base begins with both wrap counters 0',
    inTable('vring', { unsetBase: () => 0 }),
  ),
  'ring-size-zero-accepted': vhostUserFault(
    'vu-vring/bad-ring-size-refused',
    'a ring of no entries is accepted',
    inVring((right) => ({ acceptsSize: (size, layout) => size === 0 || right.acceptsSize(size, layout) })),
  ),
  'ring-size-not-power-of-two-accepted': vhostUserFault(
    'vu-vring/bad-ring-size-refused',
    'a ring whose size is no power of two is accepted',
    inVring((right) => ({
      acceptsSize: (size, layout) => (size > 0 && size < 32768) || right.acceptsSize(size, layout),
    })),
  ),
  'ring-size-too-large-accepted': vhostUserFault(
    'vu-vring/bad-ring-size-refused',
    'a ring of more than 32768 entries is accepted',
    inVring((right) => ({ acceptsSize: (size, layout) => size > 32768 || right.acceptsSize(size, layout) })),
  ),
  'ring-size-crashes': vhostUserFault(
    'vu-vring/bad-ring-size-refused',
    'it aborts at a ring of no entries',
    handling<{ readonly num: number }>('VHOST_USER_SET_VRING_NUM', (right, session, { num }) => {
      if (num === 0) session.edge.breakDown('abort');
      return right();
    }),
  ),
  'ring-outside-memory-accepted': vhostUserFault(
    'vu-vring/ring-addresses-outside-memory-refused',
    'a part of a ring that reaches over the end of its region is moved into it',
    onMessage('VHOST_USER_SET_VRING_ADDR', (entry) => ({
      handle: (session, value, context) => entry.handle(session, movedInside(session, value), context),
    })),
  ),
  'ring-outside-memory-crashes': vhostUserFault(
    'vu-vring/ring-addresses-outside-memory-refused',
    'it aborts at ring addresses outside the memory',
    fatalWhenRefused('VHOST_USER_SET_VRING_KICK', 'abort', /-area-(outside|region-edge|wraps)/),
  ),
  'recorded-ring-outside-memory-crashes': vhostUserFault(
    'vu-vring/ring-addresses-outside-memory-refused',
    'it aborts at a used ring outside the memory where requests in flight are recorded',
    handling('VHOST_USER_SET_VRING_KICK', (right, session) => {
      const handled = right();
      const isOutside = handled.kind === 'refused' && /device-area-(outside|region-edge|wraps)/.test(handled.why);
      if (isOutside && session.inflight !== undefined) session.edge.breakDown('abort');
      return handled;
    }),
  ),
  'ring-addresses-taken-as-guest-addresses': vhostUserFault(
    'vu-vring/ring-addresses-are-user-addresses',
    'a ring that no user range holds is looked for in guest ranges',
    onMessage('VHOST_USER_SET_VRING_ADDR', (entry) => ({
      handle: (session, value, context) =>
        entry.handle(session, byGuestAddress(session, value, isNoUserAddress), context),
    })),
  ),
  'rings-looked-up-by-guest-address-first': vhostUserFault(
    'vu-vring/ring-addresses-are-user-addresses',
    'a ring is looked for in guest ranges, and then in user ranges',
    onMessage('VHOST_USER_SET_VRING_ADDR', (entry) => ({
      handle: (session, value, context) => entry.handle(session, byGuestAddress(session, value), context),
    })),
  ),
  'misaligned-ring-crashes': vhostUserFault(
    'vu-vring/misaligned-ring-addresses-survived',
    'it aborts at ring addresses that are not aligned',
    handling<SplitAddresses>('VHOST_USER_SET_VRING_ADDR', (right, session, addresses) => {
      if (!isAligned(addresses)) session.edge.breakDown('abort');
      return right();
    }),
  ),
  'descriptor-disagreement-crashes': vhostUserFault(
    'vu-vring/descriptor-and-flag-disagreement-survived',
    'it aborts when a descriptor and the no-fd bit disagree',
    ...(['VHOST_USER_SET_VRING_KICK', 'VHOST_USER_SET_VRING_CALL', 'VHOST_USER_SET_VRING_ERR'] as const).map((name) =>
      fatalWhenRefused(name, 'abort', /disagree/),
    ),
  ),
  'descriptor-disagreement-taken': vhostUserFault(
    'vu-vring/descriptor-and-flag-disagreement-survived',
    'a descriptor and the no-fd bit may disagree, although it says that it refuses that',
    inTable('vring', { acceptsDescriptors: () => true }),
  ),
  'unstarted-ring-base-unanswered': vhostUserFault(
    'vu-vring/get-vring-base-of-unstarted-ring-answered',
    'GET_VRING_BASE of a ring that never started is not answered',
    handling<{ readonly index: number }>('VHOST_USER_GET_VRING_BASE', (right, session, { index }): Handled => {
      const isAttached = session.ring(index)?.isAttached ?? false;
      const handled = right();
      return isAttached ? handled : { kind: 'done' };
    }),
  ),
  'unstarted-ring-base-forgotten': vhostUserFault(
    'vu-vring/get-vring-base-of-unstarted-ring-answered',
    'GET_VRING_BASE of a ring that never started tells 0, whatever was set',
    handling<{ readonly index: number }>('VHOST_USER_GET_VRING_BASE', (right, session, { index }): Handled => {
      const vring = session.ring(index);
      if (vring !== undefined && !vring.isAttached) vring.base = 0;
      return right();
    }),
  ),
  'ring-without-kick-descriptor-not-polled': vhostUserFault(
    'vu-vring/kick-without-descriptor-means-polling',
    'a ring without a kick descriptor is looked at once, when it starts',
    inTable('notification', { polls: () => false }),
  ),
  'ring-that-had-kick-descriptor-not-polled': vhostUserFault(
    'vu-vring/kick-without-descriptor-means-polling',
    'a ring that starts again without a kick descriptor is looked at once, when it starts',
    handling<{ readonly u64: bigint }>('VHOST_USER_SET_VRING_KICK', (right, session, { u64 }) => {
      const handled = right();
      const vring = session.ring(session.rules.vring.indexOf(u64));
      if (vring !== undefined && vring.starts > 1 && vring.kick.kind === 'polled') vring.kick = unset;
      return handled;
    }),
  ),
  'call-kept-without-descriptor': vhostUserFault(
    'vu-vring/call-without-descriptor-means-no-signals',
    'SET_VRING_CALL without a descriptor leaves the descriptor before it in force',
    onMessage('VHOST_USER_SET_VRING_CALL', (entry) => ({
      handle: (session, value, context) =>
        context.descriptors.length === 0 ? { kind: 'done' } : entry.handle(session, value, context),
    })),
  ),
  'ring-errors-not-signalled': vhostUserFault(
    'vu-vring/ring-errors-signalled-on-error-descriptor',
    'a broken ring is not told of on its error descriptor',
    inTable('notification', { signalsErrors: false }),
  ),
  'kick-value-is-a-count': vhostUserFault(
    'vu-vring/event-value-has-no-meaning',
    'a kick with a value other than 1 is taken for no kick',
    inTable('notification', { isKick: (value) => value === 1 }),
  ),
  'pipes-refused': vhostUserFault(
    'vu-vring/pipes-work-as-event-descriptors',
    'a pipe is refused where an eventfd is taken',
    inVring(() => ({ acceptsEventDescriptor: (isPipe) => !isPipe })),
  ),
  'replaced-call-descriptor-kept': vhostUserFault(
    'vu-vring/call-descriptor-replaced',
    'the first call descriptor of a ring stays in force',
    handling<{ readonly u64: bigint }>('VHOST_USER_SET_VRING_CALL', (right, session, { u64 }) =>
      session.ring(Number(u64 & 0xffn))?.call.kind === 'descriptor' ? done : right(),
    ),
  ),
  'replaced-kick-descriptor-kept': vhostUserFault(
    'vu-ring-state/settings-change-while-ring-runs',
    'the first kick descriptor of a ring stays in force until it stops',
    handling<{ readonly u64: bigint }>('VHOST_USER_SET_VRING_KICK', (right, session, { u64 }) =>
      session.ring(Number(u64 & 0xffn))?.kick.kind === 'descriptor' ? done : right(),
    ),
  ),
  'calls-into-stopped-ring-later': vhostUserFault(
    'vu-suspended/no-guest-notifications',
    'each GET_FEATURES ends in signals on the call descriptors while every ring is stopped',
    handling('VHOST_USER_GET_FEATURES', (right, session) => {
      if (!session.rings.someStarted) for (const { index } of session.rings.vrings) session.rings.announceUsed(index);
      return right();
    }),
  ),
  'ring-parts-apart-refused': vhostUserFault(
    'split/ring-parts-anywhere-in-memory',
    'a ring whose parts do not lie close together is refused',
    inTable('vring', {
      acceptsAddresses: ({ desc, used }) => used > desc && used - desc < 0x8_0000n,
    }),
  ),
  'queue-size-capped': vhostUserFault(
    'split/queue-size-honoured',
    'queues of more than 256 entries are taken for queues of 256',
    inTable('vring', { storedSize: (size) => Math.min(size, 256) }),
  ),
  'queue-size-at-least-four': vhostUserFault(
    'split/queue-size-honoured',
    'queues of less than 4 entries are taken for queues of 4',
    inTable('vring', { storedSize: (size) => Math.max(size, 4) }),
  ),
} as const satisfies Record<string, VhostUserFault>;
