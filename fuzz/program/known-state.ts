import { type FeatureName, type FeatureSet, hasFeature } from '../../reference-impl/catalogue/catalogue.ts';
import type { Transport } from '../../reference-impl/catalogue/transport.ts';
import type { RingLayout } from '../../reference-impl/virtqueue/ring.ts';
import type { CallOf } from './program.ts';
import { regionsOf } from './region-lawfulness.ts';

/** What is known of a socket device. */
export interface KnownSockets {
  /** As configuration tells it. */
  readonly guestCid: bigint;
  /** The port of the host whose socket gives back what it receives. */
  readonly echoPort: number;
}

/** What is known of the target before a program runs. */
export interface KnownTarget {
  readonly transport: Transport;
  readonly device: string;
  readonly offer: FeatureSet;
  /** Queues that it has, where that is known. */
  readonly queues?: number;
  /** Regions that a session may have, where that is known. */
  readonly memorySlots?: number;
  /** UUIDs of the objects that it exports, as UUIDs are written. */
  readonly sharedObjects?: readonly string[];
  readonly sockets?: KnownSockets;
  /** It does what the texts leave open as our reference does. */
  readonly keepsChoices?: boolean;
}

/** Pairs of queues of a network device over vhost-vdpa: an odd number of queues has one for commands. */
export const pairsOf = ({ transport, device, queues = 0 }: KnownTarget): number | undefined =>
  transport === 'vhost-vdpa' && device === 'net' && queues % 2 === 1 ? (queues - 1) / 2 : undefined;

export interface KnownSession {
  isOpen: boolean;
  hasNegotiated: boolean;
  hasOwner: boolean;
  /** The device status that the driver wrote last. */
  status: number;
  accepted: FeatureSet;
  /** The memory that it was told, as it is. */
  memory: number;
  /** Regions that were added by hand beside it, by their addresses. */
  readonly slots: Set<string>;
  /** Of vhost-user: rings that SET_VRING_ENABLE enabled last, by index. */
  readonly enabled: Set<number>;
  /** Of vhost-mdev: the device was stopped by hand, with its rings as they are. */
  isHalted: boolean;
  /** Regions of its memory that were taken away, of a device that is opened as a file. */
  readonly unmapped: Set<number>;
  /** Rings whose addresses lie in no user range. */
  readonly strayRings: Set<number>;
  /** The buffer of requests in flight: rings and entries that it is for, and the ring whose first record it holds. */
  inflight?:
    | {
        /** The message that told it. */
        readonly event: number;
        readonly queues: number;
        readonly size: number;
        ring: number | undefined;
      }
    | undefined;
  /** Requests of the back-end are answered. */
  isAnswered?: boolean;
  /** Translations of its memory were not told. */
  asksForTranslations?: boolean;
  /** By index of the ring: the queue that was attached there last. */
  readonly queues: Map<number, number>;
  /** Why nothing is known of it any more. */
  tainted: string | undefined;
}

export interface KnownMemory {
  readonly layout: CallOf<'memory'>['layout'];
  tainted: string | undefined;
}

export interface KnownRing {
  readonly memory: number;
  readonly layout: RingLayout;
  readonly size: number;
  /** It begins with no chain outstanding. */
  readonly isEmpty: boolean;
  /** The queue that it belongs to. */
  queue: number;
  tainted: string | undefined;
}

export interface KnownQueue {
  readonly session: number;
  readonly ring: number;
  readonly index: number;
  hasKick: boolean;
  /** It waits for its kick descriptor, and is not looked at before. */
  isUnstarted: boolean;
  isStopped: boolean;
  /** Its calls come where they are counted. */
  hasCalls: boolean;
}

/** What a program has made so far, by the ids of its calls. */
export class KnownState {
  readonly sessions = new Map<number, KnownSession>();
  readonly memories = new Map<number, KnownMemory>();
  readonly rings = new Map<number, KnownRing>();
  readonly queues = new Map<number, KnownQueue>();
  /** Sessions on which descriptors were passed, by the message that passed them. */
  readonly events = new Map<number, number>();
  /** Why nothing is known of the IUT any more. */
  tainted: string | undefined;

  readonly target: KnownTarget;

  constructor(target: KnownTarget) {
    this.target = target;
  }

  accepts(session: KnownSession, name: FeatureName): boolean {
    return hasFeature(session.accepted, name, this.target);
  }

  /** Why nothing is known of a ring: of itself, its memory, or the session that runs it. */
  taintOfRing(ring: KnownRing | undefined): string | undefined {
    if (ring === undefined) return this.tainted;
    const session = this.sessions.get(this.queues.get(ring.queue)?.session ?? 0);
    return ring.tainted ?? this.memories.get(ring.memory)?.tainted ?? session?.tainted ?? this.tainted;
  }

  /** Whether a ring of the session that was not stopped lies in another memory than the one that it was told. */
  runsElsewhere({ queues, memory }: KnownSession): boolean {
    return [...queues.values()].some((id) => {
      const queue = this.queues.get(id);
      return queue?.isStopped === false && this.rings.get(queue.ring)?.memory !== memory;
    });
  }

  /** Whether some regions of the memory of a queue were taken away, and others not. */
  isPartlyMapped({ session: id }: KnownQueue): boolean {
    const session = this.sessions.get(id);
    const layout = this.memories.get(session?.memory ?? 0)?.layout;
    if (session === undefined || layout === undefined || session.unmapped.size === 0) return false;
    return session.unmapped.size < regionsOf(layout);
  }

  /** The number of a region of the memory that a session was told: those behind the last one count from the first again. */
  regionOf({ memory }: KnownSession, number: number): number {
    const layout = this.memories.get(memory)?.layout;
    return layout === undefined ? number : number % regionsOf(layout);
  }

  /** Whether other memory was made behind that of a session. */
  hasLaterMemory({ memory }: KnownSession): boolean {
    return [...this.memories.keys()].at(-1) !== memory;
  }

  openSessions(): number {
    let count = 0;
    for (const { isOpen } of this.sessions.values()) if (isOpen) count++;
    return count;
  }

  end(session: KnownSession): void {
    session.isOpen = false;
    for (const id of session.queues.values()) {
      const queue = this.queues.get(id);
      if (queue !== undefined) queue.isStopped = true;
    }
  }
}
