import { VIRTQ_DESC_F_WRITE } from '../../reference-impl/virtqueue/descriptor.ts';
import { isQueueSize } from '../../reference-impl/virtqueue/split/layout.ts';
import type { KnownQueue, KnownSession, KnownState } from './known-state.ts';
import { type CallOf, largestBuffer } from './program.ts';
import { breaks, lawful, unfollowed, type Verdict } from './verdict.ts';

/** Attaches the ring in what is known, and says how that stands to the text. */
export function attached(known: KnownState, call: CallOf<'attach'>, session: KnownSession): Verdict {
  const ring = known.rings.get(call.ring);
  const isReplacing = isRunning(known, session.queues.get(call.index));
  const isUsedElsewhere = isRunning(known, ring?.queue);
  session.queues.set(call.index, call.id);
  session.strayRings.delete(call.index);
  session.isHalted = false;
  const wasEnabled = session.enabled.has(call.index);
  if (call.enable) session.enabled.add(call.index);
  const isUnstarted = call.order === 'without-kick' && known.target.transport === 'vhost-user';
  known.queues.set(call.id, {
    session: call.session,
    ring: call.ring,
    index: call.index,
    hasKick: call.kick && !isUnstarted,
    isUnstarted,
    isStopped: false,
    hasCalls: call.call && call.order !== 'without-call',
  });
  if (ring === undefined) return breaks('ring', 'there is no such ring');
  ring.queue = call.id;
  if (!session.hasNegotiated) return breaks('session', 'features were not negotiated');
  if (session.unmapped.size > 0) return breaks('session', 'the memory of a ring was taken away');
  if (session.memory !== ring.memory) return breaks('ring', 'the session was not told the memory of the ring');
  const layout = known.accepts(session, 'VIRTIO_F_RING_PACKED') ? 'packed' : 'split';
  if (layout !== ring.layout) return breaks('ring', `the session negotiated ${layout} rings`);
  const { queues } = known.target;
  if (queues !== undefined && call.index >= queues) return breaks('session', `the device has ${queues} queues`);
  if (ring.layout === 'split' && !isQueueSize(ring.size)) return breaks('ring', 'the size is no power of 2');
  if (isReplacing) return breaks('ring', 'the ring at this index was not stopped');
  if (isUsedElsewhere) return breaks('ring', 'the ring is in use at another index');
  // No text says what becomes of chains between the halves.
  const isBase =
    known.target.keepsChoices === true &&
    known.target.transport === 'vhost-user' &&
    // A record of requests in flight has a position of its own.
    session.inflight === undefined &&
    !known.accepts(session, 'VIRTIO_F_IN_ORDER');
  if (!ring.isEmpty && !isBase) return unfollowed('ring', 'the ring begins with chains that are not there');
  const { inflight } = session;
  if (inflight !== undefined) {
    const isOther = call.index > 0 || (inflight.ring !== undefined && inflight.ring !== call.ring);
    if (call.index >= inflight.queues || ring.size !== inflight.size || (isOther && call.index === 0)) {
      return unfollowed('ring', 'the record of requests in flight is that of another ring');
    }
    if (call.index === 0) inflight.ring = call.ring;
  }
  // Whether a ring is enabled is tracked while it is stopped; without protocol features it is.
  const isOff = !call.enable && !wasEnabled && known.accepts(session, 'VHOST_USER_F_PROTOCOL_FEATURES');
  const isFollowed = known.target.transport === 'vhost-user' && known.target.device !== 'net';
  if (!isFollowed && !call.enable) return unfollowed('ring', 'the ring may not be enabled');
  if (isOff) session.enabled.delete(call.index);
  if (!call.kick || (!call.call && known.target.transport !== 'vhost-user'))
    return unfollowed('ring', 'the ring is not set up in whole');
  return lawful;
}

function isRunning(known: KnownState, id: number | undefined): boolean {
  return known.queues.get(id ?? 0)?.isStopped === false;
}

/** The record of a back-end that died, in the buffer that the session was told, of a ring that has not started. */
export function recordVerdict(known: KnownState, call: CallOf<'record'>, queue: KnownQueue): Verdict {
  const session = known.sessions.get(queue.session);
  const inflight = session?.inflight;
  const isOfRing = inflight?.event === call.event && inflight.ring === queue.ring && queue.index === 0;
  if (session === undefined || !isOfRing || !queue.isUnstarted) {
    return breaks('session', 'a record that no back-end of this ring left');
  }
  const isInOrder = known.accepts(session, 'VIRTIO_F_IN_ORDER');
  return isInOrder && call.order !== 'rising' ? breaks('ring', 'a record of chains out of their order') : lawful;
}

/** Virtio 2.8.7: the id of an entry of a table is reserved. */
const isIdAlone = ({ address, length, flags }: CallOf<'chain'>['table'][number]): boolean =>
  address === undefined && length === undefined && flags === undefined;

/** Translations of buffers go to the session ahead of the chain. */
export function translationVerdict(known: KnownState, call: CallOf<'chain'>, queue: KnownQueue): Verdict | undefined {
  if (call.segments.every(({ access }) => access === 'untold')) return undefined;
  const session = known.sessions.get(queue.session);
  const isTranslated = session !== undefined && known.accepts(session, 'VIRTIO_F_ACCESS_PLATFORM');
  if (isTranslated && session.asksForTranslations !== true) return undefined;
  return breaks('session', 'a translation of a buffer that the session may not have');
}

/** How a chain stands to the text, as far as every device type asks for it. */
export function chainVerdict(known: KnownState, call: CallOf<'chain'>, queue: KnownQueue): Verdict {
  const session = known.sessions.get(queue.session);
  const { segments, direct, tableFlags, tableLength, table } = call;
  const { size, layout } = known.rings.get(queue.ring) ?? { size: 0, layout: 'split' };
  // Virtio 2.7.4.2: all that the device reads comes before all that it writes.
  const firstWritable = segments.findIndex(({ writable }) => writable);
  if (firstWritable >= 0 && segments.slice(firstWritable).some(({ writable }) => !writable)) {
    return breaks('ring', 'a buffer to read follows one to write');
  }
  if (segments.some(({ at }) => at !== undefined)) return breaks('ring', 'a buffer lies where the program says');
  if (segments.some(({ length, bytes }) => (length ?? bytes.length) === 0)) return breaks('ring', 'an empty buffer');
  if (segments.some(({ length = 0 }) => length > largestBuffer)) {
    return breaks('ring', `a buffer of more than the ${largestBuffer} bytes that it has`);
  }
  // Virtio 2.7.5.3.1 and 2.8.19: no chain is longer than the queue.
  if (segments.length > size) return breaks('ring', 'a chain longer than the queue');
  if (direct === undefined) return lawful;
  if (session === undefined || !known.accepts(session, 'VIRTIO_F_INDIRECT_DESC')) {
    return breaks('ring', 'an indirect table without VIRTIO_F_INDIRECT_DESC');
  }
  // Virtio 2.8.7: a packed descriptor with INDIRECT stands alone.
  if (direct > 0 && layout === 'packed') return breaks('ring', 'descriptors in front of an indirect one');
  // Virtio 2.7.5.3.2 and 2.8.7: no device heeds WRITE beside INDIRECT.
  if ((tableFlags & ~VIRTQ_DESC_F_WRITE) !== 0) return breaks('ring', 'flags beside INDIRECT');
  if (tableLength !== undefined) return breaks('ring', 'a table of another length');
  if (!table.every((entry) => layout === 'packed' && isIdAlone(entry)))
    return breaks('ring', 'a table is written over');
  return lawful;
}
