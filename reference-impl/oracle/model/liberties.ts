/**
 * Outcomes that the text leaves open, each with its clause: the model allows any of them, and counts how often it did. What
 * is not here is judged.
 */
export const liberties = {
  'completion-order': {
    clause: 'virtio 2.7.14: with IN_ORDER alone must buffers be used in the order in which they were made available',
    allows: 'any order of used elements',
  },
  'coalesced-calls': {
    clause: 'virtio 2.7.7.2: a notification follows the use of buffers, and may stand for several uses',
    allows: 'one call or more for the elements that became used between two looks',
  },
  'saved-calls': {
    clause:
      'virtio 5.1.9.5.10: with parameters of coalescing, a notification comes behind so many packets or such a time',
    allows: 'no call of a queue for packets behind the first command that sets parameters, until a reset',
  },
  'spurious-calls': {
    clause: 'virtio 2.7.7.1: the driver handles a notification that it did not ask for',
    allows: 'calls without a use, unless EVENT_IDX says when one is wanted',
  },
  'first-call': {
    clause: 'virtio 2.7.7.2 (SHOULD NOT): a device that does not know the last used idx that it signalled may signal',
    allows: 'one call before used_event is passed',
  },
  'announcing-frame': {
    clause: 'vhost-user VHOST_USER_SEND_RARP: the back-end broadcasts a RARP frame that announces the guest',
    allows: 'a RARP frame that the driver did not send, where frames come back',
  },
  'concurrent-writes': {
    clause: 'virtio 5.2.6: requests that are outstanding together have no order',
    allows: 'each byte that any of them could have left, until a read shows which',
  },
  'unread-sectors': {
    clause: 'virtio 5.2.6: what a disk holds at first is not stated',
    allows: 'any byte of a sector that was neither written nor read, and the same one ever after',
  },
  'discarded-sectors': {
    clause: 'virtio 5.2.6.1: the driver does not rely on what discarded sectors hold',
    allows: 'any byte',
  },
  'failed-writes': {
    clause: 'virtio 5.2.6.1: behind a request that failed, the driver does not know what its sectors hold',
    allows: 'what was there, or what was to be written',
  },
  'undefined-request': {
    clause:
      'virtio 5.2.6.1: header, whole sectors within the capacity, negotiated types and segments within limits are duties of the driver',
    allows: 'any status, length and data; the sectors that it names hold anything',
  },
  'ended-by-request': {
    clause: 'virtio 2.1.2: a device that meets an error it cannot recover from sets DEVICE_NEEDS_RESET',
    allows: 'anything of a ring behind a request without a whole header or without a status byte',
  },
  'broken-queue': {
    clause: 'virtio 2.1.2: behind DEVICE_NEEDS_RESET, the driver relies on no operation until it resets the device',
    allows: 'that other rings at the index of one which broke are not served before a reset',
  },
  'device-id': {
    clause: 'virtio 5.2.6: the string that GET_ID returns is the choice of the device',
    allows: 'any string, and the same one ever after',
  },
  'lost-frames': {
    clause: 'virtio 5.1.9: no frame is promised to arrive',
    allows: 'fewer frames than were sent, in any order',
  },
  'frames-from-elsewhere': {
    clause: 'virtio 5.1.9: who is on the network of the device is not stated',
    allows: 'any frame, where the target does not say that frames come back',
  },
  'random-bytes': { clause: 'virtio 5.4.6', allows: 'any bytes, one at least' },
  'configuration-values': {
    clause: 'virtio 2.5: fields hold what the device chooses',
    allows: 'any value, and the same one ever after; of net, the link status at any time',
  },
  'configuration-end': {
    clause: 'vhost-user, VHOST_USER_GET_CONFIG: a read that fails is answered without payload',
    allows: 'a failure of reads past the fields that every device of the type has',
  },
  'without-version-1': {
    clause: 'virtio 6.1: a device may refuse to work without VIRTIO_F_VERSION_1',
    allows: 'anything of a session that did not accept it',
  },
  'ring-begun-anew': {
    clause: 'vhost-user, "Ring states": a ring goes on where GET_VRING_BASE said',
    allows: 'anything of a ring that begins again elsewhere, or that still holds chains of its former life',
  },
  'position-behind-reset': {
    clause: 'virtio 2.4: what a queue was set up with before a reset of the device does not count behind it',
    allows: 'any position where a ring that the reset stopped is asked for its own',
  },
  'in-flight-at-stop': {
    clause: 'vhost-user as of QEMU 7.2, VHOST_USER_GET_VRING_BASE: only later texts let it wait for requests in flight',
    allows: 'any position from behind the chains that are used to behind all that are available',
  },
  'in-flight-at-disabling': {
    clause:
      'vhost-user, "Ring states": a back-end stops processing a ring that is disabled; what it took before is not named',
    allows: 'the use of chains that were available when the ring was disabled, or its device suspended',
  },
  'forgotten-translations': {
    clause:
      'vhost-user, "IOMMU support": the front-end need not tell translations by itself, as a back-end asks for those that it needs',
    allows:
      'that a back-end leaves a ring alone while no one answers its misses, whatever translations it was told before',
  },
  'inflight-counters': {
    clause: 'vhost-user, "Inflight I/O tracking": counters give the order in which heads were fetched',
    allows:
      'any counter of the first head that was fetched, and any but 0 of later ones: a ring that is taken up anew counts from 1 again',
  },
  'other-reply-flags': {
    clause:
      'vhost-user, "Message Specification": bits of a reply beside its version and the reply flag have no meaning',
    allows: 'any',
  },
  'device-unknown': {
    clause: 'virtio 5: what a request means is a matter of the type of device',
    allows: 'any data and length up to the room of the chain, of a type or ring that is not modelled',
  },
} as const satisfies Record<string, { readonly clause: string; readonly allows: string }>;

export type LibertyName = keyof typeof liberties;

/** How often each liberty was taken. */
export class LibertiesTaken {
  readonly #counts = new Map<LibertyName, number>();

  take(name: LibertyName): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  countOf(name: LibertyName): number {
    return this.#counts.get(name) ?? 0;
  }

  get names(): LibertyName[] {
    return [...this.#counts.keys()];
  }
}
