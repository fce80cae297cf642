import { constants, readFileSync, readlinkSync } from 'node:fs';
import { constants as systemConstants } from 'node:os';
import {
  type BackEndEdge,
  type Breakdown,
  BrokenDown,
  type DescriptorToken,
  isRefusedMap,
  type MapOutcome,
  type PageFaults,
  type SharedMemory,
  type SharedPage,
} from '../../reference-impl/vhost-user/back-end-edge.ts';
import { SystemCallError } from '../errors.ts';
import { identityOfLink, memoryFileMappings } from '../iut-process/process-resources.ts';
import {
  closeFd,
  eventfdWrite,
  fstat,
  hasUserfault,
  type Mapping,
  mapMemory,
  memfdCreate,
  monotonicUs,
  openFile,
  POLLIN,
  POLLOUT,
  pollOne,
  readOnce,
  sendMessage,
  writeOnce,
} from '../native/native.ts';
import { kernelPageSize } from '../port/page-size.ts';
import type { IutResources } from '../port/port.ts';
import { AwaitedMappings } from './awaited-mappings.ts';

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFIFO = 0o010000;
const pageSize = kernelPageSize();
/** Bytes that a pipe takes without blocking where it takes any. */
const atOnce = 4096;

/** The answer where a system call failed; anything else goes on. */
function unlessSystemCall<Answer>(act: () => Answer, instead: (error: SystemCallError) => Answer): Answer {
  try {
    return act();
  } catch (error) {
    if (error instanceof SystemCallError) return instead(error);
    throw error;
  }
}

const countBy = (names: Iterable<string>): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
};

function identityOf(fd: number): string {
  try {
    return identityOfLink(readlinkSync(`/proc/self/fd/${fd}`));
  } catch {
    return 'unknown';
  }
}

/** The world around a session with real descriptors: a token is the number of a descriptor. It keeps account of them. */
export class BackEndFiles implements BackEndEdge {
  readonly pageSize = pageSize;
  /** Something was done that may have made a descriptor of another part ready. */
  hasSignalled = false;
  /** What is open, by identity where that was looked up, and what is mapped. */
  readonly #open = new Map<DescriptorToken, string | undefined>();
  readonly #mapped = new Set<Mapping>();
  readonly #mappings = new Map<SharedMemory, Mapping>();
  #pageFaults: AwaitedMappings | undefined;

  /** What memory was mapped as. */
  mappingOf(memory: SharedMemory): Mapping | undefined {
    return this.#mappings.get(memory);
  }

  /** Descriptors that came with a message, or with a connection, are ours from now on. */
  hold(tokens: readonly DescriptorToken[]): void {
    for (const token of tokens) this.#open.set(token, undefined);
  }

  resources(): IutResources {
    const byIdentity = countBy([...this.#open.keys()].map((token) => this.#identityOf(token)));
    const memory = [...this.#mapped].reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
    return { descriptors: this.#open.size, byIdentity, mappings: countBy(this.#mappingNames()), memory };
  }

  /** Found out only when asked: the descriptors are long closed. */
  #mappingNames(): string[] {
    if (this.#mapped.size === 0) return [];
    const starts = new Map(
      readFileSync('/proc/self/maps', 'latin1')
        .split('\n')
        .map((line) => [BigInt(`0x${line.slice(0, line.indexOf('-')) || '0'}`), line]),
    );
    return [...this.#mapped].map(({ address }) => {
      const [name] = Object.keys(memoryFileMappings(starts.get(address) ?? ''));
      return name ?? 'unknown';
    });
  }

  /** Readable when pages have come that were waited for; -1 while none is. */
  get arrivalsFd(): number {
    return this.#pageFaults?.arrivalsFd ?? -1;
  }

  /** Tells of the pages that have come. */
  takeArrivals(): void {
    this.#pageFaults?.takeArrivals();
  }

  get pageFaults(): PageFaults | undefined {
    if (!hasUserfault()) return undefined;
    this.#pageFaults ??= new AwaitedMappings(this, pageSize);
    return this.#pageFaults;
  }

  mapRegion(token: DescriptorToken, size: bigint, offset: bigint): MapOutcome {
    return unlessSystemCall<MapOutcome>(
      () => {
        const file = fstat(token);
        if ((file.mode & S_IFMT) !== S_IFREG) return { refused: 'not a memory file' };
        if (offset + size > BigInt(file.size)) return { refused: 'beyond the end of the file' };
        const before = offset % BigInt(pageSize);
        const mapping = mapMemory(token, Number(size + before), offset - before);
        this.#mapped.add(mapping);
        const memory: SharedMemory = {
          bytes: new Uint8Array(mapping.buffer, Number(before), Number(size)),
          unmap: () => {
            this.#pageFaults?.forget(memory);
            mapping.unmap();
            this.#mapped.delete(mapping);
            this.#mappings.delete(memory);
          },
        };
        this.#mappings.set(memory, mapping);
        return memory;
      },
      (error) => ({ refused: error.message }),
    );
  }

  createSharedMemory(name: string, size: number): { readonly token: DescriptorToken } | undefined {
    return unlessSystemCall(
      () => {
        const token = memfdCreate(name, size, { seal: true });
        this.hold([token]);
        return { token };
      },
      () => undefined,
    );
  }

  createSharedPage(name: string): SharedPage {
    const token = memfdCreate(name, pageSize, { seal: true });
    this.hold([token]);
    const memory = this.mapRegion(token, BigInt(pageSize), 0n);
    if (isRefusedMap(memory)) throw new SystemCallError(systemConstants.errno.ENOMEM, 'mmap', name);
    return { token, memory };
  }

  duplicate(token: DescriptorToken): DescriptorToken | undefined {
    return unlessSystemCall(
      () => {
        const another = openFile(`/proc/self/fd/${token}`, constants.O_RDWR);
        this.hold([another]);
        return another;
      },
      () => undefined,
    );
  }

  isPipe(token: DescriptorToken): boolean {
    return unlessSystemCall(
      () => (fstat(token).mode & S_IFMT) === S_IFIFO,
      () => false,
    );
  }

  read(token: DescriptorToken): Uint8Array | 'nothing' | 'end' | 'broken' {
    return unlessSystemCall<Uint8Array | 'nothing' | 'end' | 'broken'>(
      () => {
        // It may be one that blocks.
        if (pollOne(token, POLLIN, 0) === 0) return 'nothing';
        const bytes = new Uint8Array(atOnce);
        const count = readOnce(token, bytes, 0, bytes.length);
        if (count < 0) return 'nothing';
        this.hasSignalled = true;
        return count === 0 ? 'end' : bytes.subarray(0, count);
      },
      () => 'broken',
    );
  }

  write(token: DescriptorToken, bytes: Uint8Array): number | 'broken' {
    return unlessSystemCall<number | 'broken'>(
      () => {
        if (pollOne(token, POLLOUT, 0) === 0) return 0;
        const count = Math.max(0, writeOnce(token, bytes, 0, Math.min(bytes.length, atOnce)));
        this.hasSignalled ||= count > 0;
        return count;
      },
      () => 'broken',
    );
  }

  /** A pipe or eventfd that would block is left alone: its reader has a signal waiting. */
  signal(token: DescriptorToken): void {
    unlessSystemCall(
      () => {
        if (pollOne(token, POLLOUT, 0) === POLLOUT) {
          eventfdWrite(token, 1);
          this.hasSignalled = true;
        }
      },
      () => {},
    );
  }

  close(token: DescriptorToken | undefined): void {
    if (token === undefined || !this.#open.delete(token)) return;
    this.hasSignalled = true;
    unlessSystemCall(
      () => closeFd(token),
      () => {},
    );
  }

  sendRequest(
    channel: DescriptorToken | undefined,
    message: Uint8Array,
    descriptors: readonly DescriptorToken[] = [],
  ): void {
    if (channel === undefined) return;
    const passed = descriptors.length === 0 ? null : Int32Array.from(descriptors);
    unlessSystemCall(
      () => {
        sendMessage(channel, message, 0, message.length, passed, descriptors.length, monotonicUs());
        this.hasSignalled = true;
      },
      () => {},
    );
  }

  /** Nothing that was under way goes on: it is caught where the turn began. */
  breakDown(how: Breakdown): never {
    this.hasSignalled = true;
    throw new BrokenDown(how);
  }

  /** What a descriptor stands for does not change while it is open. */
  #identityOf(token: DescriptorToken): string {
    const known = this.#open.get(token);
    if (known !== undefined) return known;
    const identity = identityOf(token);
    if (this.#open.has(token)) this.#open.set(token, identity);
    return identity;
  }
}
