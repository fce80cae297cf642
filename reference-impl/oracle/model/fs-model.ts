import {
  decodeFuseAnswer,
  decodeFuseRequest,
  FUSE_IN_SIZE,
  FUSE_OUT_SIZE,
  type FuseRequestHeader,
  fuseErrors,
  fuseOpcodes,
  fuseSizes,
  nameIn,
  orderOfInit,
  viewOf,
} from '../../devices/fuse-layout.ts';
import { type DeviceModel, type DeviceModelOptions, type Pending, type Request, tellLength } from './device-model.ts';
import { inParts, type TellParts } from './observation.ts';

export interface FsModelOptions extends DeviceModelOptions {
  readonly configuration: Uint8Array | undefined;
  /** Requests are carried out in whole, as no text says. */
  readonly isWhole: boolean;
}

/** Bytes of the tag, ahead of the number of queues. */
const tagSize = 36;
const configSize = tagSize + 4;
/** The largest number of an error. */
const mostError = 511;
/** O_TRUNC of Linux, of which FUSE has its flags. */
const truncates = 0o1000;
/** FUSE_FORGET and those like it. */
const unanswered: readonly number[] = [fuseOpcodes.forget, fuseOpcodes.batchForget, fuseOpcodes.interrupt];

/** A file whose bytes are known, as far as it is not lost. */
interface File {
  bytes: number[] | undefined;
}

/** A request under way, in the order of bytes of its session. */
interface Asked {
  readonly header: FuseRequestHeader;
  readonly data: Uint8Array;
  readonly isLittle: boolean;
}

/** The file system device (virtio 5.11): headers of answers, sessions, and what comes back of files that were written. */
export class FsModel implements DeviceModel {
  readonly #options: FsModelOptions;
  #isLittle: boolean | undefined;
  /** By name in the root, and by handle. */
  readonly #files = new Map<string, File>();
  readonly #handles = new Map<bigint, File>();
  #underWay = 0;
  #isLost = false;

  constructor(options: FsModelOptions) {
    this.#options = options;
    if (options.configuration !== undefined) this.configured(0, options.configuration);
  }

  lose(): void {
    this.#isLost = true;
    this.#forget();
  }

  /** What is in files is known no more. */
  #forget(): void {
    for (const file of [...this.#files.values(), ...this.#handles.values()]) file.bytes = undefined;
    this.#handles.clear();
  }

  began(): void {
    this.#isLittle = undefined;
    this.#underWay = 0;
    this.#forget();
  }

  configured(offset: number, bytes: Uint8Array): void {
    if (offset !== 0 || bytes.length < configSize) return;
    const told = inParts(this.#options.tell);
    const queues = viewOf(bytes).getUint32(tagSize, true);
    if (queues === 0) told('fs/num-request-queues-at-least-one', 'num_request_queues', '1 at least', '0');
    const tag = bytes.subarray(0, tagSize);
    const end = tag.indexOf(0);
    const padding = end < 0 ? new Uint8Array() : tag.subarray(end);
    const isPadded = padding.every((byte) => byte === 0);
    if (isPadded && isUtf8(end < 0 ? tag : tag.subarray(0, end))) return;
    const expected = 'UTF-8, and NUL behind it';
    told('fs/tag-is-utf8-padded-with-nul', 'the tag', expected, [...tag].join(' '));
  }

  begin({ readable, room }: Request): Pending {
    const order = orderOfInit(readable);
    if (order !== undefined) this.#isLittle = order === 'little';
    const isLittle = this.#isLittle;
    const isShort = readable.length < FUSE_IN_SIZE;
    if (isShort || isLittle === undefined) return this.#unknown();
    const header = decodeFuseRequest(readable, isLittle);
    if (header.length !== readable.length) return this.#unknown();
    if (order !== undefined) this.#handles.clear();
    if (header.opcode === fuseOpcodes.destroy) this.#isLittle = undefined;
    const isUnanswered = unanswered.includes(header.opcode);
    if (!isUnanswered && room < FUSE_OUT_SIZE) return this.#unknown();
    if (this.#underWay > 0) this.#forget();
    this.#underWay++;
    const asked: Asked = { header, data: readable.slice(FUSE_IN_SIZE), isLittle };
    return {
      isOwed: true,
      complete: ({ len, written }, layout) => {
        this.#underWay--;
        if (!isUnanswered) this.#answered(asked, written.subarray(0, len));
        else if (len > 0) {
          const requirement = 'fs/forget-has-no-answer';
          const what = `the len of the used element of request ${header.opcode}`;
          this.#options.tell({ requirement, what, expected: '0', actual: String(len) });
        } else tellLength(this.#options.tell, layout, `request ${header.opcode}`, 0, len);
      },
    };
  }

  #unknown(): Pending {
    this.#isLittle = undefined;
    this.#forget();
    return { isOwed: false, complete: () => this.#options.take('undefined-request') };
  }

  #answered(asked: Asked, answer: Uint8Array): void {
    if (this.#isLost) return;
    const { header, isLittle } = asked;
    const told = inParts(this.#options.tell);
    const ofHeader = 'fs/answer-header-as-fuse';
    if (answer.length < FUSE_OUT_SIZE) {
      told(ofHeader, `bytes of the answer to request ${header.opcode}`, '16 at least', String(answer.length));
      return;
    }
    const { length, error, unique } = decodeFuseAnswer(answer, isLittle);
    // Read in the other order it fits: it is the order that is wrong.
    const other = decodeFuseAnswer(answer, !isLittle);
    if (unique !== header.unique && other.unique === header.unique && other.length === answer.length) {
      const order = (little: boolean): string => (little ? 'little-endian' : 'big-endian');
      told('fs/session-keeps-order-of-init', 'the order of bytes of an answer', order(isLittle), order(!isLittle));
    } else if (unique !== header.unique) {
      told(ofHeader, 'unique of an answer', String(header.unique), String(unique));
    } else if (length !== answer.length) {
      told(ofHeader, 'len of an answer', String(answer.length), String(length));
    } else if (error > 0 || error < -mostError) {
      told(ofHeader, 'error of an answer', '0, or the number of an error, negated', String(error));
    } else this.#came(asked, error, answer.subarray(FUSE_OUT_SIZE), told);
  }

  #came({ header, data, isLittle }: Asked, error: number, answer: Uint8Array, told: TellParts): void {
    const { opcode } = header;
    const isOfData = opcode === fuseOpcodes.read || opcode === fuseOpcodes.write;
    if (opcode === fuseOpcodes.init && error !== 0 && isCurrent(data, isLittle)) {
      told('fs/init-starts-session', 'the error of FUSE_INIT', '0', String(error));
      return;
    }
    if (isOfData && error === -fuseErrors.nosys) {
      told('fs/read-and-write-supported', `the error of request ${opcode}`, 'another one', `${error}, ENOSYS`);
      return;
    }
    const view = viewOf(data);
    if (opcode === fuseOpcodes.create) this.#created(data, view, isLittle, error, answer);
    if (!isOfData || data.length < fuseSizes.readIn) return;
    const file = this.#handles.get(view.getBigUint64(0, isLittle));
    const at = Number(view.getBigUint64(8, isLittle));
    const size = view.getUint32(16, isLittle);
    if (file?.bytes === undefined || error !== 0) {
      if (file !== undefined && opcode === fuseOpcodes.write) file.bytes = undefined;
      return;
    }
    if (opcode === fuseOpcodes.write) {
      const taken = answer.length < 4 ? size : viewOf(answer).getUint32(0, isLittle);
      if (taken > size || (this.#options.isWhole && taken < size)) {
        told('fs/read-and-write-supported', 'bytes that FUSE_WRITE took', String(size), String(taken));
      }
      store(file.bytes, at, data.subarray(fuseSizes.writeIn, fuseSizes.writeIn + taken));
      return;
    }
    const expected = file.bytes.slice(at, at + size);
    const wrong = answer.findIndex((byte, n) => byte !== expected[n]);
    const isShort = this.#options.isWhole && answer.length < expected.length;
    if (wrong < 0 && !isShort) return;
    const what = wrong < 0 ? 'bytes that FUSE_READ gives' : `byte ${at + wrong} of a file`;
    const [wanted, seen] = wrong < 0 ? [expected.length, answer.length] : [expected[wrong] ?? 'none', answer[wrong]];
    told('fs/read-and-write-supported', what, String(wanted), String(seen));
  }

  #created(data: Uint8Array, view: DataView, isLittle: boolean, error: number, answer: Uint8Array): void {
    const name = nameIn(data, fuseSizes.createIn);
    if (name === undefined || data.length < fuseSizes.createIn) return;
    const isEmpty = (view.getUint32(0, isLittle) & truncates) !== 0;
    const before = this.#files.get(name) ?? { bytes: undefined };
    before.bytes = isEmpty && error === 0 ? [] : undefined;
    this.#files.set(name, before);
    if (error !== 0 || answer.length < fuseSizes.entryOut + 8) return;
    this.#handles.set(viewOf(answer).getBigUint64(fuseSizes.entryOut, isLittle), before);
  }
}

/** Whether a FUSE_INIT has the major version that every server of files knows. */
const isCurrent = (data: Uint8Array, isLittle: boolean): boolean =>
  data.length >= fuseSizes.initIn && viewOf(data).getUint32(0, isLittle) === 7;

function isUtf8(bytes: Uint8Array): boolean {
  try {
    // Of what is no UTF-8 it makes no characters.
    decodeURIComponent([...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''));
    return true;
  } catch {
    return false;
  }
}

function store(bytes: number[], at: number, written: Uint8Array): void {
  while (bytes.length < at) bytes.push(0);
  for (const [n, byte] of written.entries()) bytes[at + n] = byte;
}
