import { gather, writePieces } from '../memory/pieces.ts';
import type { Chain } from '../virtqueue/chain.ts';
import { type FsRules, fsRules } from './fs-rules.ts';
import { FileStore, FsSession, MAX_REQUEST, withoutSession } from './fs-session.ts';
import {
  decodeFuseRequest,
  FUSE_IN_SIZE,
  FUSE_OUT_SIZE,
  fuseOpcodes,
  nameBytes,
  VIRTIO_ID_FS,
  viewOf,
} from './fuse-layout.ts';
import type { StepOutcome } from './parent-driver.ts';
import { plainSpace, type Queue, QueuedDevice, type TransportRules, transportRules } from './queued-device.ts';
import type { RegisteredDevice } from './registered-device.ts';

export interface FsOptions {
  /** Request queues; the queue of high priority comes ahead of them. */
  readonly queues?: number;
  readonly rules?: FsRules;
  readonly transport?: TransportRules;
}

const HIPRIO = 0;
const TAG = 'reference';
const TAG_SIZE = 36;
const CONFIG_SIZE = TAG_SIZE + 4;

/** Requests that FUSE gives no answer. */
const unanswered: readonly number[] = [fuseOpcodes.forget, fuseOpcodes.batchForget, fuseOpcodes.interrupt];

function configOf(queues: number, rules: FsRules): Uint8Array {
  const tag = new Uint8Array(TAG_SIZE);
  tag.set(nameBytes(TAG));
  const bytes = new Uint8Array(CONFIG_SIZE);
  bytes.set(rules.tag(tag));
  viewOf(bytes).setUint32(TAG_SIZE, rules.toldQueues(queues), true);
  return bytes;
}

/** A file system device (virtio 5.11): files of one directory, in memory, without notifications and DAX window. */
export class FsDevice extends QueuedDevice {
  readonly deviceId = VIRTIO_ID_FS;
  readonly #rules: FsRules;
  readonly #files = new FileStore();
  /** By queue where a fault keeps them apart; else one. */
  readonly #sessions = new Map<number, FsSession>();
  #looksLeftOut = 0;

  constructor({ queues = 1, rules = fsRules, transport = transportRules }: FsOptions = {}) {
    super(1 + queues, 0n, transport, plainSpace(configOf(queues, rules)));
    this.#rules = rules;
  }

  override reset(): void {
    super.reset();
    this.#sessions.clear();
  }

  protected work(queue: Queue): StepOutcome {
    const ring = this.ringToProcess(queue, queue.isAwake);
    if (ring === undefined) return 'idle';
    if (queue.index === HIPRIO && this.#looksLeftOut > 0 && ring.pending() > 0) {
      this.#looksLeftOut--;
      return 'progressed';
    }
    const chain = this.take(queue, ring);
    if (chain === undefined) return 'idle';
    if (queue.index !== HIPRIO) this.#looksLeftOut = this.#rules.hiprioPause;
    const answer = this.#answerTo(chain, queue.index);
    const written = answer === undefined ? 0 : writePieces(chain.writable, 0, this.#rules.answer(answer));
    this.complete(queue, ring, chain, written);
    return 'progressed';
  }

  /** The answer, as far as there is room for one; undefined where the driver is given none. */
  #answerTo(chain: Chain, queue: number): Uint8Array | undefined {
    const bytes = gather(chain.readable, 0, Math.min(chain.readableLength, MAX_REQUEST + 1));
    if (bytes.length < FUSE_IN_SIZE) {
      this.#rules.flawed();
      return undefined;
    }
    const order = this.#rules.orderOfInit(bytes);
    const place = this.#rules.sessionOf(queue);
    const known = this.#sessions.get(place);
    const isNew = order !== undefined && (known === undefined || this.#rules.beginsAnew());
    const session = isNew ? new FsSession(order, this.#files, this.#rules) : known;
    if (isNew && session !== undefined) this.#sessions.set(place, session);
    const { opcode } = decodeFuseRequest(bytes, session?.isLittle ?? true);
    if (unanswered.includes(opcode) && !this.#rules.answersAll()) return undefined;
    if (chain.writableLength < FUSE_OUT_SIZE) return undefined;
    if (session === undefined) return withoutSession(bytes);
    if (order !== undefined && !isNew) return session.failed(bytes, 'io');
    const answer = bytes.length > MAX_REQUEST ? session.failed(bytes, 'inval') : session.answer(bytes);
    if (opcode === fuseOpcodes.destroy) this.#sessions.delete(place);
    return answer.length > chain.writableLength ? session.failed(bytes, 'io') : answer;
  }
}

export const fsReference: RegisteredDevice<FsRules> = {
  rules: fsRules,
  queues: 2,
  make: (making) => new FsDevice(making),
};
