import type { FsRules } from './fs-rules.ts';
import {
  decodeFuseRequest,
  encodeFuseAnswer,
  FUSE_IN_SIZE,
  FUSE_MAJOR,
  FUSE_MINOR,
  FUSE_ROOT,
  type FuseError,
  type FuseRequestHeader,
  fuseErrors,
  fuseOpcodes,
  fuseSizes,
  nameIn,
  S_IFDIR,
  S_IFREG,
  viewOf,
} from './fuse-layout.ts';

/** The most that one request reads or writes, in bytes. */
const MAX_WRITE = 0x1_0000;
const MAX_FILE = 0x10_0000;
const MAX_FILES = 64;

interface File {
  readonly node: bigint;
  readonly name: string;
  data: Uint8Array;
}

/** Files of one directory. They outlive the sessions in which they are made. */
export class FileStore {
  readonly #files: File[] = [];

  named(name: string): File | undefined {
    return this.#files.find((file) => file.name === name);
  }

  numbered(node: bigint): File | undefined {
    return this.#files.find((file) => file.node === node);
  }

  /** Undefined where there is no room. */
  make(name: string): File | undefined {
    if (this.#files.length >= MAX_FILES) return undefined;
    const file = { node: FUSE_ROOT + 1n + BigInt(this.#files.length), name, data: new Uint8Array() };
    this.#files.push(file);
    return file;
  }
}

/** What comes of a request: data of the answer, or why there are none. */
type Outcome = Uint8Array | FuseError;
type Handler = (request: FuseRequestHeader, data: Uint8Array, view: DataView) => Outcome;

const nothing = new Uint8Array();

/** The conversation that one FUSE_INIT began, with a server of files in memory. */
export class FsSession {
  readonly isLittle: boolean;
  readonly #rules: FsRules;
  readonly #files: FileStore;
  readonly #handles = new Map<bigint, File>();
  #nextHandle = 1n;

  constructor(order: 'little' | 'big', files: FileStore, rules: FsRules) {
    this.isLittle = order === 'little';
    this.#files = files;
    this.#rules = rules;
  }

  /** The bytes of the answer. */
  answer(bytes: Uint8Array): Uint8Array {
    const header = decodeFuseRequest(bytes, this.isLittle);
    const data = bytes.subarray(FUSE_IN_SIZE);
    const isWhole = header.length === bytes.length;
    const outcome = isWhole ? this.#handled(header, data) : this.#flawed();
    return this.#answerOf(header.unique, outcome);
  }

  failed(bytes: Uint8Array, error: FuseError): Uint8Array {
    return this.#answerOf(decodeFuseRequest(bytes, this.isLittle).unique, error);
  }

  #answerOf(unique: bigint, outcome: Outcome): Uint8Array {
    const [error, data] = typeof outcome === 'string' ? [-fuseErrors[outcome], nothing] : [0, outcome];
    return encodeFuseAnswer({ error, unique }, data, this.#rules.answersLittle(this.isLittle));
  }

  #handled(header: FuseRequestHeader, data: Uint8Array): Outcome {
    const known = this.#handlers.get(header.opcode);
    if (known === undefined || !this.#rules.knows(header.opcode)) return 'nosys';
    return data.length < known.least ? this.#flawed() : known.handle(header, data, viewOf(data));
  }

  #flawed(): Outcome {
    this.#rules.flawed();
    return 'inval';
  }

  /** By opcode, with the fewest bytes behind the header. */
  readonly #handlers = new Map<number, { readonly least: number; readonly handle: Handler }>([
    [fuseOpcodes.init, { least: fuseSizes.initIn, handle: (_, __, view) => this.#init(view) }],
    [fuseOpcodes.destroy, { least: 0, handle: () => nothing }],
    [fuseOpcodes.getattr, { least: fuseSizes.getattrIn, handle: ({ node }) => this.#attributesOf(node) }],
    [fuseOpcodes.lookup, { least: 1, handle: ({ node }, data) => this.#lookup(node, data) }],
    [fuseOpcodes.create, { least: fuseSizes.createIn + 1, handle: ({ node }, data) => this.#create(node, data) }],
    [fuseOpcodes.open, { least: 8, handle: ({ node }) => this.#open(node) }],
    [fuseOpcodes.read, { least: fuseSizes.readIn, handle: (_, __, view) => this.#read(view) }],
    [fuseOpcodes.write, { least: fuseSizes.writeIn, handle: (_, data, view) => this.#write(data, view) }],
    [fuseOpcodes.release, { least: fuseSizes.releaseIn, handle: (_, __, view) => this.#release(view) }],
  ]);

  #init(view: DataView): Outcome {
    const major = view.getUint32(0, this.isLittle);
    if (major < FUSE_MAJOR) return 'proto';
    return this.#made(fuseSizes.initOut, (answer) => {
      answer.setUint32(0, FUSE_MAJOR, this.isLittle);
      answer.setUint32(4, FUSE_MINOR, this.isLittle);
      // With a driver of a later version, its own is agreed on by another FUSE_INIT.
      if (major > FUSE_MAJOR) return;
      answer.setUint32(8, view.getUint32(8, this.isLittle), this.isLittle);
      answer.setUint16(16, 16, this.isLittle);
      answer.setUint16(18, 12, this.isLittle);
      answer.setUint32(20, MAX_WRITE, this.isLittle);
      answer.setUint32(24, 1, this.isLittle);
    });
  }

  #attributesOf(node: bigint): Outcome {
    const file = this.#files.numbered(node);
    if (file === undefined && node !== FUSE_ROOT) return 'noent';
    return this.#made(fuseSizes.attrOut, (answer) => this.#putAttributes(answer, 16, file));
  }

  #lookup(node: bigint, data: Uint8Array): Outcome {
    const name = nameIn(data);
    if (name === undefined) return this.#flawed();
    const file = node === FUSE_ROOT ? this.#files.named(name) : undefined;
    if (file === undefined) return 'noent';
    return this.#made(fuseSizes.entryOut, (answer) => this.#putEntry(answer, file));
  }

  #create(node: bigint, data: Uint8Array): Outcome {
    const name = nameIn(data, fuseSizes.createIn);
    if (name === undefined || name === '') return this.#flawed();
    if (node !== FUSE_ROOT) return 'noent';
    const file = this.#files.named(name) ?? this.#files.make(name);
    if (file === undefined) return 'nospc';
    file.data = nothing;
    return this.#made(fuseSizes.entryOut + fuseSizes.openOut, (answer) => {
      this.#putEntry(answer, file);
      answer.setBigUint64(fuseSizes.entryOut, this.#handleOf(file), this.isLittle);
    });
  }

  #open(node: bigint): Outcome {
    const file = this.#files.numbered(node);
    if (file === undefined) return 'noent';
    return this.#made(fuseSizes.openOut, (answer) => answer.setBigUint64(0, this.#handleOf(file), this.isLittle));
  }

  #read(view: DataView): Outcome {
    const { file, at, size } = this.#place(view);
    if (file === undefined) return 'badf';
    const bytes = this.#rules.carried(Math.min(size, MAX_WRITE), at, 'read');
    return file.data.slice(at, at + bytes);
  }

  #write(data: Uint8Array, view: DataView): Outcome {
    const { file, at, size } = this.#place(view);
    if (file === undefined) return 'badf';
    const given = data.subarray(fuseSizes.writeIn);
    if (given.length < size) return this.#flawed();
    if (size > MAX_WRITE || at + size > MAX_FILE) return 'nospc';
    const carried = this.#rules.carried(size, at, 'write');
    const longer = new Uint8Array(Math.max(file.data.length, at + size));
    longer.set(file.data);
    longer.set(given.subarray(0, carried), at);
    file.data = longer;
    return this.#made(fuseSizes.writeOut, (answer) => answer.setUint32(0, size, this.isLittle));
  }

  #release(view: DataView): Outcome {
    return this.#handles.delete(view.getBigUint64(0, this.isLittle)) ? nothing : 'badf';
  }

  /** What fuse_read_in and fuse_write_in begin with. */
  #place(view: DataView): { readonly file: File | undefined; readonly at: number; readonly size: number } {
    const at = view.getBigUint64(8, this.isLittle);
    return {
      file: this.#handles.get(view.getBigUint64(0, this.isLittle)),
      at: Number(at < BigInt(MAX_FILE) ? at : BigInt(MAX_FILE)),
      size: view.getUint32(16, this.isLittle),
    };
  }

  #handleOf(file: File): bigint {
    const handle = this.#nextHandle++;
    this.#handles.set(handle, file);
    return handle;
  }

  #putEntry(answer: DataView, file: File): void {
    answer.setBigUint64(0, file.node, this.isLittle);
    this.#putAttributes(answer, 40, file);
  }

  /** fuse_attr of a file, or of the directory. */
  #putAttributes(answer: DataView, from: number, file: File | undefined): void {
    const size = BigInt(file?.data.length ?? 0);
    answer.setBigUint64(from, file?.node ?? FUSE_ROOT, this.isLittle);
    answer.setBigUint64(from + 8, size, this.isLittle);
    answer.setBigUint64(from + 16, (size + 511n) / 512n, this.isLittle);
    answer.setUint32(from + 60, file === undefined ? S_IFDIR | 0o755 : S_IFREG | 0o644, this.isLittle);
    answer.setUint32(from + 64, 1, this.isLittle);
    answer.setUint32(from + 80, 4096, this.isLittle);
  }

  #made(size: number, fill: (answer: DataView) => void): Uint8Array {
    const bytes = new Uint8Array(size);
    fill(viewOf(bytes));
    return bytes;
  }
}

/** The answer to a request in which no session is: an error of input and output. */
export const withoutSession = (bytes: Uint8Array): Uint8Array =>
  encodeFuseAnswer({ error: -fuseErrors.io, unique: decodeFuseRequest(bytes, true).unique }, nothing, true);

/** The most bytes of a request that are read: header, FUSE_WRITE and its data. */
export const MAX_REQUEST = FUSE_IN_SIZE + fuseSizes.writeIn + MAX_WRITE;
