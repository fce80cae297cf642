/**
 * What can be seen of an IUT and what we did to it: the events of the one ordered log of a case.
 * Times are microseconds since the case began. Addresses are guest-physical unless said otherwise.
 */
export type ObservedEvent = { readonly seq: number; readonly timeUs: number } & Observation;

export type Observation =
  | MessageObservation
  | NotificationObservation
  | RingWriteObservation
  | IndirectTableObservation
  | FrameObservation
  | RegionAccessObservation
  | IoctlObservation
  | ConnectionObservation
  | ProcessObservation
  | MemoryChangeObservation
  | NoteObservation;

/** One message, or the piece of one that was sent or received, as its bytes were on the wire. */
export interface MessageObservation {
  readonly kind: 'message';
  readonly channel: 'front-end' | 'back-end';
  readonly direction: 'to-iut' | 'from-iut';
  readonly session: number;
  readonly bytes: Uint8Array;
  /** Length on the wire in bytes; `bytes` may be a shorter copy. */
  readonly length: number;
  readonly descriptors: number;
}

/** A kick that we gave, or a call, error or log signal that we received. */
export interface NotificationObservation {
  readonly kind: 'notification';
  readonly what: 'kick' | 'call' | 'err' | 'log';
  readonly session: number;
  readonly index: number;
  readonly count: number;
}

/** What the driver side wrote into a ring, or what it found there that the device had written. */
export interface RingWriteObservation {
  readonly kind: 'ring-write';
  readonly what: 'descriptor' | 'available' | 'available-idx' | 'available-flags' | 'used-event' | 'used-seen';
  /** Ring index at which it belongs. */
  readonly index: number;
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

/** A table of indirect descriptors as it was when the descriptor that leads to it was written: the next descriptor. */
export interface IndirectTableObservation {
  readonly kind: 'indirect-table';
  /** Ring index at which the descriptor belongs. */
  readonly index: number;
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

/** An Ethernet frame in a chain that the driver made available, or in buffers that the device used. */
export interface FrameObservation {
  readonly kind: 'frame';
  readonly direction: 'to-iut' | 'from-iut';
  readonly index: number;
  /** struct virtio_net_hdr, which stands before the frame. */
  readonly header: Uint8Array;
  /** Length of the frame; `bytes` may be a shorter copy. */
  readonly length: number;
  readonly bytes: Uint8Array;
}

/** What the numbers of regions and interrupts mean: which device they are of. */
export type DeviceLayoutName = 'unknown' | 'mdev-l1' | 'mdev-l2' | 'vhost-vdpa' | 'virtio-pci';

/** Bytes of a region of a VFIO device that we read, wrote, mapped, or stored into a mapping of it. */
export interface RegionAccessObservation {
  readonly kind: 'region-access';
  readonly access: 'read' | 'write' | 'map' | 'store';
  readonly session: number;
  readonly layout: DeviceLayoutName;
  /** VFIO index. */
  readonly region: number;
  /** From the region's first byte. */
  readonly offset: number;
  /** Bytes asked for; `bytes` may be a shorter copy. */
  readonly length: number;
  /** What was written, or what a read brought; none of a mapping. */
  readonly bytes: Uint8Array;
  /** Bytes done (0 for a mapping that was made), or an error number negated; undefined where no answer came. */
  readonly result: number | undefined;
}

/** A call on a device, on the container of its memory or on its group. */
export interface IoctlObservation {
  readonly kind: 'ioctl';
  readonly on: 'device' | 'container' | 'group';
  readonly session: number;
  readonly layout: DeviceLayoutName;
  readonly request: number;
  /** Bytes of the argument; `before` and `after` may be shorter copies. */
  readonly length: number;
  /** The argument as it was given. */
  readonly before: Uint8Array;
  /** The argument as the call left it. */
  readonly after: Uint8Array;
  /** What the call returned, or an error number negated; undefined where no answer came. */
  readonly result: number | undefined;
}

export interface ConnectionObservation {
  readonly kind: 'connection';
  readonly state: 'opened' | 'closed-by-iut' | 'closed-by-us' | 'refused';
  readonly session: number;
  readonly detail: string;
}

export interface ProcessObservation {
  readonly kind: 'process';
  readonly state: 'started' | 'ready' | 'died' | 'ended' | 'ended-by-us';
  readonly detail: string;
}

/** A change of guest memory found by comparison. */
export interface MemoryChangeObservation {
  readonly kind: 'memory-change';
  readonly region: number;
  readonly offset: number;
  readonly length: number;
  readonly bytes: Uint8Array;
  readonly note: string;
}

/** What the judge says in between: the start of a step, a check that failed. */
export interface NoteObservation {
  readonly kind: 'note';
  readonly text: string;
}
