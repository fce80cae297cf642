/**
 * Messages of FUSE as a file system device carries them (virtio 5.11.6; the structures are those of linux/fuse.h, protocol
 * 7.31). Both orders of bytes are lawful: FUSE_INIT says which one its session has.
 */

export const VIRTIO_ID_FS = 26;

/** Version of the protocol whose structures these are. */
export const FUSE_MAJOR = 7;
export const FUSE_MINOR = 31;

export const fuseOpcodes = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  open: 14,
  read: 15,
  write: 16,
  release: 18,
  init: 26,
  create: 35,
  interrupt: 36,
  destroy: 38,
  batchForget: 42,
} as const;
export type FuseOperation = keyof typeof fuseOpcodes;

/** Number of the root directory. */
export const FUSE_ROOT = 1n;

/** Numbers of errors, which an answer holds negated. */
export const fuseErrors = { none: 0, noent: 2, io: 5, badf: 9, inval: 22, nospc: 28, nosys: 38, proto: 71 } as const;
export type FuseError = keyof typeof fuseErrors;

/** Bytes of fuse_in_header and fuse_out_header. */
export const FUSE_IN_SIZE = 40;
export const FUSE_OUT_SIZE = 16;
/** Bytes of what stands behind the header, by the name of its structure. */
export const fuseSizes = {
  initIn: 16,
  initOut: 64,
  getattrIn: 16,
  attrOut: 104,
  entryOut: 128,
  createIn: 16,
  openOut: 16,
  readIn: 40,
  writeIn: 40,
  writeOut: 8,
  releaseIn: 24,
  forgetIn: 8,
  batchForgetIn: 8,
  forgetOne: 16,
} as const;

/** Type and permissions in `mode` of attributes. */
export const S_IFDIR = 0o040000;
export const S_IFREG = 0o100000;

const field = { length: 0, opcode: 4, unique: 8, node: 16 } as const;
const out = { length: 0, error: 4, unique: 8 } as const;

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** fuse_in_header, without user, group and process, which no answer depends on here. */
export interface FuseRequestHeader {
  readonly length: number;
  readonly opcode: number;
  readonly unique: bigint;
  readonly node: bigint;
}

/** Of at least 40 bytes. */
export function decodeFuseRequest(bytes: Uint8Array, isLittle: boolean): FuseRequestHeader {
  const view = viewOf(bytes);
  return {
    length: view.getUint32(field.length, isLittle),
    opcode: view.getUint32(field.opcode, isLittle),
    unique: view.getBigUint64(field.unique, isLittle),
    node: view.getBigUint64(field.node, isLittle),
  };
}

/** A request, whose length is that of header and data unless told. */
export function encodeFuseRequest(
  header: Omit<FuseRequestHeader, 'length'> & { readonly length?: number },
  data: Uint8Array,
  isLittle: boolean,
): Uint8Array {
  const bytes = new Uint8Array(FUSE_IN_SIZE + data.length);
  const view = viewOf(bytes);
  view.setUint32(field.length, header.length ?? bytes.length, isLittle);
  view.setUint32(field.opcode, header.opcode, isLittle);
  view.setBigUint64(field.unique, header.unique, isLittle);
  view.setBigUint64(field.node, header.node, isLittle);
  bytes.set(data, FUSE_IN_SIZE);
  return bytes;
}

/** fuse_out_header. */
export interface FuseAnswerHeader {
  /** Of the whole answer, in bytes. */
  readonly length: number;
  /** 0, or the number of an error, negated. */
  readonly error: number;
  readonly unique: bigint;
}

/** Of at least 16 bytes. */
export function decodeFuseAnswer(bytes: Uint8Array, isLittle: boolean): FuseAnswerHeader {
  const view = viewOf(bytes);
  return {
    length: view.getUint32(out.length, isLittle),
    error: view.getInt32(out.error, isLittle),
    unique: view.getBigUint64(out.unique, isLittle),
  };
}

export function encodeFuseAnswer(
  header: Omit<FuseAnswerHeader, 'length'>,
  data: Uint8Array,
  isLittle: boolean,
): Uint8Array {
  const bytes = new Uint8Array(FUSE_OUT_SIZE + data.length);
  const view = viewOf(bytes);
  view.setUint32(out.length, bytes.length, isLittle);
  view.setInt32(out.error, header.error, isLittle);
  view.setBigUint64(out.unique, header.unique, isLittle);
  bytes.set(data, FUSE_OUT_SIZE);
  return bytes;
}

/** The order of bytes that the opcode of a FUSE_INIT shows; undefined where it is no FUSE_INIT in either. */
export function orderOfInit(request: Uint8Array): 'little' | 'big' | undefined {
  if (request.length < FUSE_IN_SIZE) return undefined;
  const view = viewOf(request);
  if (view.getUint32(field.opcode, true) === fuseOpcodes.init) return 'little';
  return view.getUint32(field.opcode, false) === fuseOpcodes.init ? 'big' : undefined;
}

/** The name that a request carries from a place on, a character for each byte; undefined where it has no end. */
export function nameIn(data: Uint8Array, from = 0): string | undefined {
  const end = data.indexOf(0, from);
  return end < 0 ? undefined : String.fromCharCode(...data.subarray(from, end));
}

/** A name of ASCII with its end. */
export const nameBytes = (name: string): Uint8Array =>
  Uint8Array.from({ length: name.length + 1 }, (_, at) => (at < name.length ? name.charCodeAt(at) : 0));
