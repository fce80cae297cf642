import type {
  DescriptorSource,
  Guest,
  GuestRing,
  MemoryChange,
  Queue,
  ReceivedMessage,
  RingPosition,
  Session,
  VfioMapping,
} from '../../drivers/port/port.ts';
import {
  type AddressSpace,
  addressIn,
  guestAddress,
  ioVirtualAddress,
  userAddress,
} from '../../reference-impl/memory/addresses.ts';
import type { Region } from '../../reference-impl/memory/region.ts';
import type { SeenTransfer } from '../../reference-impl/oracle/model/seen-transfer.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import type { Address, Space } from '../program/arguments.ts';
import type { CallOf } from '../program/program.ts';
import { isVhostUser } from './doors.ts';
import type { LeftRecord } from './left-record.ts';
import type { ToldTranslations } from './told-translations.ts';

/** A ring of a program, the queue that it was last, and where it goes on after it was stopped. */
export interface MadeRing {
  readonly ring: GuestRing;
  readonly guest: Guest;
  queue: Queue | undefined;
  goesOnAt: RingPosition | undefined;
}

export interface MadeQueue {
  readonly queue: Queue;
  readonly session: Session;
  readonly made: MadeRing;
  /** Slots of a packed ring that chains of an earlier life keep: none is the driver's to use. */
  readonly kept: number;
  /** Its own kick descriptor was told, if there is one. */
  readonly hasKick: boolean;
  /** Where it was not: that of a message that came later. */
  lateKick: number | undefined;
}

const spaceOf: Readonly<Record<Space, AddressSpace>> = {
  guest: 'guest-physical',
  user: 'user',
  io: 'io-virtual',
};

/** What the calls of a program made, by their ids. */
export class MadeThings {
  readonly sessions = new Map<number, Session>();
  readonly guests = new Map<number, Guest>();
  readonly rings = new Map<number, MadeRing>();
  readonly queues = new Map<number, MadeQueue>();
  /** By session and index: the ring that was attached there last. */
  readonly #latest = new Map<Session, Map<number, Queue>>();
  /** By what a back-end asked for on one channel: of how many requests the descriptors are closed. */
  readonly #dropped = new WeakMap<readonly ReceivedMessage[], number>();
  /** Sessions of vhost-user that were told translations with their memory. */
  readonly translations = new Map<Session, ToldTranslations>();
  /** Segments of the chains that were added, by the call that added them. */
  readonly chains = new Map<number, readonly Segment[]>();
  readonly changes = new Map<number, MemoryChange>();
  /** Descriptors that were passed with a message: eventfds, or -1 for another kind. */
  readonly events = new Map<number, readonly number[]>();
  /** All descriptors that were passed with a message, by the message. */
  readonly files = new Map<number, readonly number[]>();
  /** Files of their own that were passed with a message, the first of each. */
  readonly buffers = new Map<number, number>();
  /** What was written into buffers of requests in flight, by the call. */
  readonly records = new Map<number, LeftRecord>();
  /** What came of transfers of the state of a device, by call, and the state that was saved last. */
  readonly transfers = new Map<number, SeenTransfer>();
  savedState: Uint8Array | undefined;
  /** Parts of regions of devices, by session: they stay until the end of the program. */
  readonly mappings: VfioMapping[] = [];

  clear(): void {
    this.sessions.clear();
    this.guests.clear();
    this.rings.clear();
    this.queues.clear();
    this.#latest.clear();
    this.translations.clear();
    this.chains.clear();
    this.changes.clear();
    this.events.clear();
    this.files.clear();
    this.buffers.clear();
    this.records.clear();
    this.transfers.clear();
    this.savedState = undefined;
    for (const mapping of this.mappings.splice(0)) mapping.unmap();
  }

  /** Closes what came with requests of a back-end: no call of a program takes it, and a port keeps few such descriptors. */
  dropRequested(source: DescriptorSource): void {
    for (const session of this.sessions.values()) {
      if (!isVhostUser(session)) continue;
      const requests = session.messages.backEndRequests;
      const dropped = this.#dropped.get(requests) ?? 0;
      if (dropped === requests.length) continue;
      for (const { descriptors } of requests.slice(dropped)) for (const each of descriptors) source.close(each);
      this.#dropped.set(requests, requests.length);
    }
  }

  attached(id: number, made: MadeQueue): void {
    const { session, queue } = made;
    this.queues.set(id, made);
    const ofSession = this.#latest.get(session) ?? new Map<number, Queue>();
    ofSession.set(queue.index, queue);
    this.#latest.set(session, ofSession);
  }

  /** Undefined for one that is no more: its session ended, or its ring or its index was attached anew. */
  liveQueue(id: number): MadeQueue | undefined {
    const found = this.queues.get(id);
    if (found === undefined) return undefined;
    const { queue, session, made } = found;
    const isLatest = made.queue === queue && this.#latest.get(session)?.get(queue.index) === queue;
    return session.isOpen && isLatest ? found : undefined;
  }

  /** A ring without a kick descriptor gets one by hand. */
  kicksComeLate(session: Session, index: number, descriptor: number): void {
    const latest = this.#latest.get(session)?.get(index);
    for (const queue of this.queues.values()) if (queue.queue === latest && !queue.hasKick) queue.lateKick = descriptor;
  }

  /** A region of a memory; any number means one. */
  region(memory: number, number: number): Region | undefined {
    const regions = this.guests.get(memory)?.regions ?? [];
    return regions.length === 0 ? undefined : regions[number % regions.length];
  }

  /** The number that an address is told by; 0 for a place that was not made. */
  readonly addressOf = (address: Address): bigint => {
    switch (address.kind) {
      case 'literal':
        return address.value;
      case 'ring': {
        const area = this.rings.get(address.ring)?.ring.areas[address.area];
        return area === undefined ? 0n : moved(addressIn(spaceOf[address.space], area), address.offset);
      }
      case 'memory': {
        const region = this.region(address.memory, address.region);
        return region === undefined ? 0n : moved(addressIn(spaceOf[address.space], region), address.offset);
      }
    }
  };

  /** Where a place lies in the memory of a program: its region, and the offset in it. */
  placeOf(address: Address): { readonly region: Region; readonly offset: number } | undefined {
    switch (address.kind) {
      case 'literal':
        return undefined;
      case 'ring': {
        const area = this.rings.get(address.ring)?.ring.areas[address.area];
        return area === undefined ? undefined : { region: area.region, offset: area.offset + address.offset };
      }
      case 'memory': {
        const region = this.region(address.memory, address.region);
        return region === undefined ? undefined : { region, offset: address.offset };
      }
    }
  }

  /** A segment that points to a place, in each address space. */
  segmentAt(address: Address, length: number, writable: boolean): Segment {
    const inSpace = (space: Space): bigint =>
      this.addressOf(address.kind === 'literal' ? address : { ...address, space });
    return {
      guestAddress: guestAddress(inSpace('guest')),
      userAddress: userAddress(inSpace('user')),
      ioVirtualAddress: ioVirtualAddress(inSpace('io')),
      length,
      writable,
    };
  }

  /** Whether memory of the program lies at a user address. */
  isMemory(address: bigint, size: bigint): boolean {
    for (const { regions } of this.guests.values()) {
      for (const { userAddress, size: bytes } of regions) {
        if (userAddress <= address && address + size <= userAddress + BigInt(bytes)) return true;
      }
    }
    return false;
  }

  /** Whether an eventfd of a message or a call is this one. */
  isEvent(descriptor: number): boolean {
    for (const events of this.events.values()) if (events.includes(descriptor)) return true;
    return false;
  }

  /** Makes the descriptors that a call passes, -1 for each that is none. */
  placesOf(source: DescriptorSource, told: CallOf<'device-call'>['descriptors'], events: number[]): number[] {
    return told.map(({ kind, memory, region, size }) => {
      const made = this.#descriptor(source, kind, memory, region, size);
      events.push(kind === 'eventfd' ? made : -1);
      return made;
    });
  }

  /** Makes the descriptors that a call passes; they are closed with the port's others. */
  descriptorsOf(source: DescriptorSource, told: CallOf<'message'>['descriptors'], events?: number[]): number[] {
    return told.flatMap(({ kind, memory, region, size }) => {
      const made = this.#descriptor(source, kind, memory, region, size);
      events?.push(kind === 'eventfd' ? made : -1);
      return made < 0 ? [] : [made];
    });
  }

  #descriptor(
    source: DescriptorSource,
    kind: CallOf<'message'>['descriptors'][number]['kind'],
    memory: number,
    number: number,
    size: number,
  ): number {
    switch (kind) {
      case 'eventfd':
        return source.eventfd();
      case 'memory-file':
        return source.memoryFile(Math.min(size, mostFileBytes));
      case 'region': {
        const region = this.region(memory, number);
        return region === undefined ? -1 : source.ofRegion(region);
      }
      case 'null-device':
        return source.nullDevice();
      case 'pipe':
        return source.pipe().readEnd;
      case 'socket':
        return source.socketPair().farEnd;
      case 'none':
        return -1;
    }
  }
}

const mostFileBytes = 1 << 26;

const moved = (address: bigint, offset: number): bigint => BigInt.asUintN(64, address + BigInt(offset));
