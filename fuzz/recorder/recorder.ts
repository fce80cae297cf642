import type {
  AttachOptions,
  DescriptorSource,
  DeviceConfig,
  DriverPort,
  Guest,
  GuestRing,
  OutgoingMessage,
  Queue,
  Session,
  VhostUserMessages,
} from '../../drivers/port/port.ts';
import type { Region } from '../../reference-impl/memory/region.ts';
import type { Segment } from '../../reference-impl/virtqueue/segment.ts';
import type { DescriptorKind } from '../program/call-description.ts';
import { callTable } from '../program/call-table.ts';
import { type Call, callOf, elementOf, type Program } from '../program/program.ts';
import { messageFields } from './message-fields.ts';
import { spied } from './spied.ts';

/** Bytes of a buffer that are kept: what is behind them is mostly a pattern. */
const keptBytes = 600;

/**
 * Writes down as a program what is done with a port: sessions, memory, rings, chains, messages. What is done to rings and
 * memory by hand is not seen, so the program does something like it and not the same.
 */
export class Recorder {
  readonly port: DriverPort;
  readonly #calls: Call[] = [];
  readonly #sessions: Session[] = [];
  readonly #guests = new Map<Guest, number>();
  readonly #rings = new Map<GuestRing, number>();
  readonly #kinds = new Map<number, { readonly kind: DescriptorKind; readonly region?: Region }>();

  constructor(port: DriverPort) {
    this.port = spied(port, {
      createGuest: (layout, options) => {
        const guest = port.createGuest(layout, options);
        const name = callTable.memory.arguments.layout.names.find((known) => known === layout.name);
        this.#guests.set(
          guest,
          this.#add((id) => callOf('memory', id, name === undefined ? {} : { layout: name })),
        );
        return guest;
      },
      connect: () => {
        const beside = this.#sessions.some(({ isOpen }) => isOpen);
        const opened = port.connect();
        if (opened.kind === 'refused') return opened;
        const id = this.#add((call) => callOf('connect', call, { beside }));
        this.#sessions.push(opened.session);
        return { kind: 'connected', session: this.#session(opened.session, id) };
      },
      descriptors: this.#descriptors(port.descriptors),
    });
  }

  /** What was done since the last call of this. */
  take(): Program {
    const calls = this.#calls.splice(0);
    this.#sessions.length = 0;
    this.#guests.clear();
    this.#rings.clear();
    this.#kinds.clear();
    return { calls };
  }

  #add(make: (id: number) => Call): number {
    const id = this.#calls.length + 1;
    this.#calls.push(make(id));
    return id;
  }

  #session(session: Session, id: number): Session {
    const recorded = spied(session, {
      negotiate: (request) => {
        const { device = 0n, protocol = 0n } = request;
        this.#add((call) => callOf('negotiate', call, { session: id, device, protocol }));
        return session.negotiate(request);
      },
      shareMemory: (guest, ...rest) => {
        const memory = this.#guests.get(guest) ?? 0;
        this.#add((call) => callOf('share', call, { session: id, memory }));
        return session.shareMemory(guest, ...rest);
      },
      fence: (deadlineMs) => {
        this.#add((call) => callOf('fence', call, { session: id }));
        return session.fence(deadlineMs);
      },
      attach: <R extends GuestRing>(ring: R, options: AttachOptions) => this.#attach(session, id, ring, options),
      close: () => {
        if (session.isOpen) this.#add((call) => callOf('disconnect', call, { session: id }));
        session.close();
      },
    });
    return this.#withDoors(recorded, session, id);
  }

  /** The parts of a session that only some have. They may come with what is negotiated, so they are looked at when asked. */
  #withDoors(recorded: Session, session: Session, id: number): Session {
    return new Proxy(recorded, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (name === 'messages') return this.#messages(value as VhostUserMessages, id);
        if (name !== 'device') return value;
        const { config } = session.device;
        return config === undefined ? value : spied(session.device, { config: this.#config(config, id) });
      },
    });
  }

  #config(config: DeviceConfig, session: number): DeviceConfig {
    return {
      read: (offset, length) => {
        this.#add((id) => callOf('read-config', id, { session, offset, length }));
        return config.read(offset, length);
      },
      write: (offset, bytes) => {
        this.#add((id) => callOf('write-config', id, { session, offset, bytes: bytes.slice() }));
        return config.write(offset, bytes);
      },
    };
  }

  #messages(messages: VhostUserMessages, session: number): VhostUserMessages {
    const record = (message: OutgoingMessage, flags = 0): void => {
      this.#add((id) => this.#message(id, session, message, flags));
    };
    return spied(messages, {
      send: (message) => {
        record(message);
        return messages.send(message);
      },
      exchange: (message, deadlineMs) => {
        record(message);
        return messages.exchange(message, deadlineMs);
      },
      acknowledged: (message, deadlineMs) => {
        record(message, 8);
        return messages.acknowledged(message, deadlineMs);
      },
      sendBytes: (bytes, descriptors = []) => {
        this.#add((id) =>
          callOf('bytes', id, { session, bytes: bytes.slice(), descriptors: this.#passed(descriptors) }),
        );
        return messages.sendBytes(bytes, descriptors);
      },
    });
  }

  #message(id: number, session: number, message: OutgoingMessage, added: number): Call {
    const { request, fields, bytes } = messageFields(message);
    return callOf('message', id, {
      session,
      request,
      flags: (message.flags ?? 1) | added,
      fields,
      bytes,
      ...(message.declaredSize === undefined ? {} : { declared: message.declaredSize }),
      ...(message.truncateTo === undefined ? {} : { truncate: message.truncateTo }),
      ...(message.pieces?.[0] === undefined ? {} : { piece: message.pieces[0] }),
      descriptors: this.#passed(message.descriptors ?? []),
    });
  }

  #passed(descriptors: readonly number[]) {
    const { element } = callTable.message.arguments.descriptors;
    return descriptors.map((fd) => {
      const { kind = 'eventfd', region } = this.#kinds.get(fd) ?? {};
      return elementOf(element, region === undefined ? { kind } : { kind, region: region.index });
    });
  }

  #descriptors(source: DescriptorSource): DescriptorSource {
    const made = (fd: number, kind: DescriptorKind, region?: Region): number => {
      this.#kinds.set(fd, region === undefined ? { kind } : { kind, region });
      return fd;
    };
    return spied(source, {
      eventfd: () => made(source.eventfd(), 'eventfd'),
      memoryFile: (bytes) => made(source.memoryFile(bytes), 'memory-file'),
      ofRegion: (region) => made(source.ofRegion(region), 'region', region),
      nullDevice: () => made(source.nullDevice(), 'null-device'),
    });
  }

  #attach<R extends GuestRing>(session: Session, id: number, ring: R, options: AttachOptions): Queue<R> {
    const { index, enable = true, call = true, kick = true } = options;
    const placed = this.#rings.get(ring) ?? this.#place(ring);
    const queue = this.#add((made) =>
      callOf('attach', made, { session: id, ring: placed, index: index & 0xff, enable, call, kick }),
    );
    return this.#queue(session.attach(ring, options), queue, ring);
  }

  #guestOf(ring: GuestRing): Guest | undefined {
    const { region } = ring.areas.descriptor;
    return [...this.#guests.keys()].find(({ regions }) => regions.includes(region));
  }

  #place(ring: GuestRing): number {
    const guest = this.#guestOf(ring);
    const { layout, size, position } = ring;
    const placed = this.#add((id) =>
      callOf('ring', id, {
        memory: guest === undefined ? 0 : (this.#guests.get(guest) ?? 0),
        layout,
        size,
        avail: position.avail,
        ...(position.used === position.avail ? {} : { used: position.used }),
        ...(position.layout === 'packed'
          ? { availWrap: position.availWrap === 1, usedWrap: position.usedWrap === 1 }
          : {}),
      }),
    );
    this.#rings.set(ring, placed);
    return placed;
  }

  #queue<R extends GuestRing>(queue: Queue<R>, id: number, ring: R): Queue<R> {
    const wait = (count: number): void => {
      this.#add((call) => callOf('wait', call, { queue: id, count }));
    };
    const kick = (): void => {
      this.#add((call) => callOf('kick', call, { queue: id }));
    };
    return spied<Queue<R>>(queue, {
      makeAvailable: (chains, options) => {
        for (const [at, chain] of chains.entries()) {
          const { indirect } = options ?? {};
          const segments = chain.map((segment) => this.#segment(segment, ring));
          this.#add((call) =>
            callOf('chain', call, {
              queue: id,
              segments,
              ...(indirect === undefined ? {} : { direct: indirect === 'all' ? 0 : indirect }),
              descending: options?.order === 'descending',
              held: at < chains.length - 1,
            }),
          );
        }
        return queue.makeAvailable(chains, options);
      },
      kick: () => {
        kick();
        queue.kick();
      },
      kickAndWaitForUsed: (count, deadlineMs) => {
        kick();
        wait(count);
        return queue.kickAndWaitForUsed(count, deadlineMs);
      },
      waitForUsed: (count, deadlineMs) => {
        wait(count);
        return queue.waitForUsed(count, deadlineMs);
      },
      setEnabled: (on) => {
        this.#add((call) => callOf('enable', call, { queue: id, on }));
        return queue.setEnabled(on);
      },
      stop: () => {
        this.#add((call) => callOf('stop', call, { queue: id }));
        return queue.stop();
      },
    });
  }

  /** A buffer with what lies in it. */
  #segment({ guestAddress, length, writable }: Segment, ring: GuestRing) {
    const { element } = callTable.chain.arguments.segments;
    if (writable) return elementOf(element, { writable, length });
    const kept = Math.min(length, keptBytes);
    const bytes = this.#bytesAt(ring, guestAddress, kept);
    return elementOf(element, bytes.length === length ? { bytes } : { bytes, length });
  }

  #bytesAt(ring: GuestRing, at: Segment['guestAddress'], length: number): Uint8Array {
    for (const region of this.#guestOf(ring)?.regions ?? []) {
      const offset = at - region.guestAddress;
      if (offset < 0n || offset + BigInt(length) > BigInt(region.size)) continue;
      return region.bytes.slice(Number(offset), Number(offset) + length);
    }
    return new Uint8Array(0);
  }
}
