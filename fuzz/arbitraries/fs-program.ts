import fc from 'fast-check';
import {
  encodeFuseRequest,
  FUSE_MAJOR,
  FUSE_MINOR,
  FUSE_ROOT,
  fuseOpcodes,
  fuseSizes,
  nameBytes,
  S_IFREG,
  viewOf,
} from '../../reference-impl/devices/fuse-layout.ts';
import type { Program } from '../program/program.ts';
import { readableSegment, writableSegment } from './chain-segments.ts';
import { PlainSession, type PlainShape } from './plain-session.ts';

/** Programs that use a file system device as drivers do. */

type Operation = 'init' | 'lookup' | 'getattr' | 'create' | 'write' | 'read' | 'forget' | 'interrupt' | 'destroy';

interface Asked {
  readonly operation: Operation;
  /** Of the names of files, and of the numbers that nodes and handles may have. */
  readonly file: number;
  readonly offset: number;
  readonly size: number;
  /** A number that few have: both halves are in use. */
  readonly isLarge: boolean;
  /** On the queue of high priority. */
  readonly isHigh: boolean;
  /** Where the request is cut. */
  readonly cut: number;
  /** The length in its header is another. */
  readonly isFlawed: boolean;
}

const operation = fc.constantFrom<Operation>(
  ...(['init', 'lookup', 'getattr', 'create', 'create', 'write', 'write', 'write', 'read', 'read', 'read'] as const),
  ...(['forget', 'interrupt', 'destroy'] as const),
);

const asked: fc.Arbitrary<Asked> = fc.record({
  operation,
  file: fc.constantFrom(0, 0, 0, 1, 2),
  offset: fc.constantFrom(0, 0, 0, 1, 100, 4000, 4096),
  size: fc.constantFrom(1, 100, 4000, 4096, 5000, 8000),
  isLarge: fc.boolean(),
  isHigh: fc.nat({ max: 9 }).map((n) => n === 9),
  cut: fc.constantFrom(40, 40, 16, 1),
  isFlawed: fc.nat({ max: 24 }).map((n) => n === 24),
});

interface Parts {
  readonly isLittle: boolean;
  readonly hasSession: boolean;
  readonly requests: readonly Asked[];
}

export function fsProgram(shape: PlainShape): fc.Arbitrary<Program> {
  return fc
    .record({
      isLittle: fc.nat({ max: 3 }).map((n) => n > 0),
      hasSession: fc.nat({ max: 9 }).map((n) => n > 0),
      requests: fc.array(asked, { minLength: 1, maxLength: 14 }),
    })
    .map((parts) => new LaidFiles(shape, parts).program());
}

const configSize = 40;
const hiprio = 0;
const requestQueue = 1;
/** O_RDWR, O_CREAT and O_TRUNC of Linux. */
const createFlags = 0o1102;
const names = ['a', 'bc', 'd'] as const;

/** Lays the calls of one program. */
class LaidFiles {
  readonly #parts: Parts;
  readonly #laid: PlainSession;
  #unique = 0n;

  constructor(shape: PlainShape, parts: Parts) {
    this.#parts = parts;
    this.#laid = new PlainSession(shape, 0n, [16, 16]);
  }

  program(): Program {
    this.#laid.readConfig(configSize);
    const { requests, hasSession } = this.#parts;
    if (hasSession) this.#ask({ ...plain, operation: 'init' });
    for (const each of requests) this.#ask(each);
    return this.#laid.program();
  }

  #ask(each: Asked): void {
    const { isLittle } = this.#parts;
    const { data, room, node, opcode } = this.#made(each);
    this.#unique += 2n;
    const unique = this.#unique + (each.isLarge ? 0x1234_5678_0000_0000n : 0n);
    const length = each.isFlawed ? { length: 0x1_0000 } : {};
    const bytes = encodeFuseRequest({ opcode, unique, node, ...length }, data, isLittle);
    const queue = each.isHigh || each.operation === 'interrupt' ? hiprio : requestQueue;
    this.#laid.chain(queue, [
      readableSegment(bytes.slice(0, each.cut)),
      readableSegment(bytes.slice(each.cut)),
      ...(room > 0 ? [writableSegment(16), ...(room > 16 ? [writableSegment(room - 16)] : [])] : []),
    ]);
    this.#laid.kick(queue);
    this.#laid.wait(queue, 1);
  }

  #made({ operation: what, file, offset, size, isLarge }: Asked) {
    const { isLittle } = this.#parts;
    const node = BigInt(file) + FUSE_ROOT + 1n;
    const handle = BigInt(file) + 1n;
    const name = nameBytes(names[file] ?? 'a');
    switch (what) {
      case 'init': {
        const data = new Uint8Array(fuseSizes.initIn);
        viewOf(data).setUint32(0, FUSE_MAJOR, isLittle);
        viewOf(data).setUint32(4, FUSE_MINOR, isLittle);
        return { opcode: fuseOpcodes.init, node: 0n, data, room: 16 + fuseSizes.initOut };
      }
      case 'lookup':
        return { opcode: fuseOpcodes.lookup, node: FUSE_ROOT, data: name, room: 16 + fuseSizes.entryOut };
      case 'getattr': {
        const of = file === 0 ? FUSE_ROOT : node;
        const data = new Uint8Array(fuseSizes.getattrIn);
        return { opcode: fuseOpcodes.getattr, node: of, data, room: 16 + fuseSizes.attrOut };
      }
      case 'create': {
        const data = new Uint8Array(fuseSizes.createIn + name.length);
        viewOf(data).setUint32(0, createFlags, isLittle);
        viewOf(data).setUint32(4, S_IFREG | 0o600, isLittle);
        data.set(name, fuseSizes.createIn);
        const room = 16 + fuseSizes.entryOut + fuseSizes.openOut;
        return { opcode: fuseOpcodes.create, node: FUSE_ROOT, data, room };
      }
      case 'write': {
        const data = new Uint8Array(fuseSizes.writeIn + size);
        this.#place(data, handle, offset, size);
        for (let at = 0; at < size; at++) data[fuseSizes.writeIn + at] = at * 3 + (at >> 8) + size;
        return { opcode: fuseOpcodes.write, node, data, room: 16 + fuseSizes.writeOut };
      }
      case 'read': {
        const data = new Uint8Array(fuseSizes.readIn);
        this.#place(data, handle, offset, size);
        return { opcode: fuseOpcodes.read, node, data, room: 16 + size };
      }
      case 'forget':
        return { opcode: fuseOpcodes.forget, node, data: new Uint8Array(fuseSizes.forgetIn), room: isLarge ? 16 : 0 };
      case 'interrupt':
        return { opcode: fuseOpcodes.interrupt, node: 0n, data: new Uint8Array(8), room: 0 };
      case 'destroy':
        return { opcode: fuseOpcodes.destroy, node: 0n, data: new Uint8Array(), room: 16 };
    }
  }

  /** Of READ and WRITE: the handle, the offset and the size. */
  #place(data: Uint8Array, handle: bigint, offset: number, size: number): void {
    const { isLittle } = this.#parts;
    const view = viewOf(data);
    view.setBigUint64(0, handle, isLittle);
    view.setBigUint64(8, BigInt(offset), isLittle);
    view.setUint32(16, size, isLittle);
  }
}

const plain: Omit<Asked, 'operation'> = {
  file: 0,
  offset: 0,
  size: 0,
  isLarge: false,
  isHigh: false,
  cut: 40,
  isFlawed: false,
};
