import { pattern } from '../../../drivers/devices/request.ts';
import type { Guest, Queue, UsedElement } from '../../../drivers/port/port.ts';
import {
  decodeFuseAnswer,
  encodeFuseRequest,
  FUSE_IN_SIZE,
  FUSE_MAJOR,
  FUSE_MINOR,
  FUSE_OUT_SIZE,
  FUSE_ROOT,
  type FuseAnswerHeader,
  type FuseOperation,
  fuseOpcodes,
  fuseSizes,
  nameBytes,
  viewOf,
} from '../../../reference-impl/devices/fuse-layout.ts';
import { readable, type Segment, writable } from '../../../reference-impl/virtqueue/segment.ts';
import type { Check } from '../../check.ts';

/** Requests of FUSE, cut as drivers cut them, and their answers (virtio 5.11.6.1). */

/** What a place holds that the device left alone. */
export const untouched = 0xa5;
/** O_RDWR, and the mode of a file. */
const readAndWrite = 2;
const fileMode = 0o100644;

export interface FuseRequest {
  readonly operation: FuseOperation;
  readonly node?: bigint;
  readonly data?: Uint8Array;
  /** Bytes for data of the answer. */
  readonly room?: number;
}

/** A request in guest memory. */
export interface PlacedRequest {
  readonly segments: readonly Segment[];
  readonly unique: bigint;
  /** What lies where the answer is to be. */
  answer(): Uint8Array;
}

export interface FuseAnswer extends FuseAnswerHeader {
  readonly asked: bigint;
  /** Of the used element. */
  readonly usedLen: number;
  /** All that was asked for, in the place for it. */
  readonly data: Uint8Array;
}

/** A file that is open. */
export interface OpenFile {
  readonly node: bigint;
  readonly handle: bigint;
}

/** What fuse_read_in and fuse_write_in hold. */
export function transferPlace({ handle }: OpenFile, at: bigint, size: number, isLittle = true): Uint8Array {
  const data = new Uint8Array(fuseSizes.readIn);
  const view = viewOf(data);
  view.setBigUint64(0, handle, isLittle);
  view.setBigUint64(8, at, isLittle);
  view.setUint32(16, size, isLittle);
  return data;
}

/** The driver's side of a FUSE session. */
export class FuseClient {
  readonly isLittle: boolean;
  readonly #guest: Guest;
  #nextUnique = 0x1_0000_0002n;

  constructor(guest: Guest, order: 'little' | 'big' = 'little') {
    this.#guest = guest;
    this.isLittle = order === 'little';
  }

  /** Lays a request out, as drivers do: header, data, header of the answer and its data each in a descriptor. */
  placed({ operation, node = FUSE_ROOT, data = new Uint8Array(), room = 0 }: FuseRequest): PlacedRequest {
    const unique = this.#nextUnique;
    // All bytes of the number matter.
    this.#nextUnique += 0x0100_0000_0002n;
    const bytes = encodeFuseRequest({ opcode: fuseOpcodes[operation], unique, node }, data, this.isLittle);
    const place = this.#guest.allocate({ size: FUSE_OUT_SIZE + room });
    place.fill(untouched);
    const segments = [
      ...this.cut(bytes),
      writable(place.slice(0, FUSE_OUT_SIZE)),
      ...(room === 0 ? [] : [writable(place.slice(FUSE_OUT_SIZE))]),
    ];
    return { segments, unique, answer: () => place.load() };
  }

  /** Bytes of a request in memory: its header, and what stands behind it. */
  cut(bytes: Uint8Array): Segment[] {
    const span = this.#guest.allocate({ size: bytes.length });
    span.store(bytes);
    const header = readable(span.slice(0, Math.min(FUSE_IN_SIZE, bytes.length)));
    return bytes.length > FUSE_IN_SIZE ? [header, readable(span.slice(FUSE_IN_SIZE))] : [header];
  }

  /** One request there and back. @throws as `waitForUsed`. */
  ask(queue: Queue, request: FuseRequest): FuseAnswer {
    const placed = this.placed(request);
    queue.makeAvailable([placed.segments]);
    return this.answerOf(placed, queue.kickAndWaitForUsed(1)[0]);
  }

  answerOf({ unique, answer }: PlacedRequest, used: UsedElement | undefined): FuseAnswer {
    const bytes = answer();
    return {
      ...decodeFuseAnswer(bytes, this.isLittle),
      asked: unique,
      usedLen: used?.len ?? 0,
      data: bytes.subarray(FUSE_OUT_SIZE),
    };
  }

  /** FUSE_INIT. @throws as `waitForUsed`. */
  init(queue: Queue): FuseAnswer {
    const data = this.#words(fuseSizes.initIn, [FUSE_MAJOR, FUSE_MINOR, 0x2_0000]);
    return this.ask(queue, { operation: 'init', data, room: fuseSizes.initOut });
  }

  /** The same, in a case that presupposes the session; the bytes that a FUSE_WRITE may carry. @throws CaseEnded */
  begin(queue: Queue, check: Check): number {
    const { error, data } = this.init(queue);
    check.presumes(error === 0, `FUSE_INIT is answered without an error (${error})`);
    return viewOf(data).getUint32(20, this.isLittle);
  }

  /** FUSE_GETATTR of the root. @throws as `waitForUsed`. */
  attributesOfRoot(queue: Queue): FuseAnswer {
    return this.ask(queue, this.askingAttributes);
  }

  readonly askingAttributes: FuseRequest = {
    operation: 'getattr',
    data: new Uint8Array(fuseSizes.getattrIn),
    room: fuseSizes.attrOut,
  };

  /** The type and permissions in the answer to FUSE_GETATTR. */
  modeIn({ data }: FuseAnswer): number {
    return viewOf(data).getUint32(16 + 60, this.isLittle);
  }

  /** Makes a file of the root, or empties it. @throws CaseEnded where there is none, or as `waitForUsed`. */
  create(queue: Queue, check: Check, name: string): OpenFile {
    const words = this.#words(fuseSizes.createIn, [readAndWrite, fileMode]);
    const data = Uint8Array.from([...words, ...nameBytes(name)]);
    const room = fuseSizes.entryOut + fuseSizes.openOut;
    const answer = this.ask(queue, { operation: 'create', data, room });
    check.presumes(answer.error === 0, `a file can be made (${answer.error})`);
    const view = viewOf(answer.data);
    return {
      node: view.getBigUint64(0, this.isLittle),
      handle: view.getBigUint64(fuseSizes.entryOut, this.isLittle),
    };
  }

  write(file: OpenFile, at: number, bytes: Uint8Array): FuseRequest {
    const data = Uint8Array.from([...transferPlace(file, BigInt(at), bytes.length, this.isLittle), ...bytes]);
    return { operation: 'write', node: file.node, data, room: fuseSizes.writeOut };
  }

  read(file: OpenFile, at: number, bytes: number): FuseRequest {
    return {
      operation: 'read',
      node: file.node,
      data: transferPlace(file, BigInt(at), bytes, this.isLittle),
      room: bytes,
    };
  }

  forget(node: bigint): FuseRequest {
    const data = new Uint8Array(fuseSizes.forgetIn);
    viewOf(data).setBigUint64(0, 1n, this.isLittle);
    return { operation: 'forget', node, data };
  }

  #words(size: number, words: readonly number[]): Uint8Array {
    const data = new Uint8Array(size);
    for (const [n, word] of words.entries()) viewOf(data).setUint32(4 * n, word, this.isLittle);
    return data;
  }
}

/** Data of a file. */
export const contents = (bytes: number, seed: number): Uint8Array => pattern(bytes, 0xf5 + seed);
