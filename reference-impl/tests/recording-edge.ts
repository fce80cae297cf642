import type {
  BackEndEdge,
  Breakdown,
  DescriptorToken,
  MapOutcome,
  PageFaults,
  SharedMemory,
  SharedPage,
} from '../vhost-user/back-end-edge.ts';

/** Where all memory lies, to the session. */
export const mappedAt = 0x7f00_0000_0000n;

/** An edge without a world: files are byte arrays, and everything that is asked of it is written down. */
export class RecordingEdge implements BackEndEdge {
  readonly open = new Set<DescriptorToken>();
  readonly signals: DescriptorToken[] = [];
  readonly requests: Uint8Array[] = [];
  readonly pageSize = 4096;
  readonly brokenDown: Breakdown[] = [];
  /** Tokens that were closed and were not open. */
  readonly closedTwice: DescriptorToken[] = [];
  mapped = 0;
  /** Memory that is registered for missing pages, and accesses to it that wait. */
  readonly registered = new Set<SharedMemory>();
  readonly touched: { readonly offset: number; readonly length: number; readonly arrived: () => void }[] = [];
  readonly #files = new Map<DescriptorToken, Uint8Array>();
  #next = 100;

  /** A descriptor of a file with this memory, or of something that is no file. */
  give(memory?: Uint8Array): DescriptorToken {
    const token = this.#next++;
    this.open.add(token);
    if (memory !== undefined) this.#files.set(token, memory);
    return token;
  }

  fileOf(token: DescriptorToken): Uint8Array | undefined {
    return this.#files.get(token);
  }

  mapRegion(token: DescriptorToken, size: bigint, offset: bigint): MapOutcome {
    const file = this.#files.get(token);
    if (file === undefined || !this.open.has(token)) return { refused: 'not a memory file' };
    if (offset + size > BigInt(file.length)) return { refused: 'beyond the end of the file' };
    this.mapped++;
    let isMapped = true;
    return {
      bytes: file.subarray(Number(offset), Number(offset + size)),
      unmap: () => {
        if (isMapped) this.mapped--;
        isMapped = false;
      },
    };
  }

  readonly pageFaults: PageFaults = {
    open: () => this.give(),
    share: () => this.give(),
    addressOf: ({ bytes }) => mappedAt + BigInt(bytes.byteOffset),
    register: (_, memory) => this.registered.add(memory).size > 0,
    unregister: (memory) => void this.registered.delete(memory),
    touch: (_, offset, length, arrived) => this.touched.push({ offset, length, arrived }),
  };

  /** Each page that is waited for arrives. */
  arrive(): void {
    for (const { arrived } of this.touched.splice(0)) arrived();
  }

  createSharedMemory(_name: string, size: number): { readonly token: DescriptorToken } {
    return { token: this.give(new Uint8Array(size)) };
  }

  createSharedPage(_name: string): SharedPage {
    const token = this.give(new Uint8Array(this.pageSize));
    return { token, memory: this.mapRegion(token, BigInt(this.pageSize), 0n) as SharedMemory };
  }

  duplicate(token: DescriptorToken): DescriptorToken {
    return this.give(this.#files.get(token));
  }

  read(token: DescriptorToken): Uint8Array | 'end' {
    const bytes = this.#files.get(token) ?? new Uint8Array(0);
    this.#files.set(token, new Uint8Array(0));
    return bytes.length === 0 ? 'end' : bytes;
  }

  write(token: DescriptorToken, bytes: Uint8Array): number | 'broken' {
    const file = this.#files.get(token);
    if (file === undefined) return 'broken';
    this.#files.set(token, Uint8Array.of(...file, ...bytes));
    return bytes.length;
  }

  isPipe(): boolean {
    return false;
  }

  signal(token: DescriptorToken): void {
    this.signals.push(token);
  }

  close(token: DescriptorToken | undefined): void {
    if (token === undefined) return;
    if (!this.open.delete(token)) this.closedTwice.push(token);
  }

  sendRequest(channel: DescriptorToken | undefined, message: Uint8Array): void {
    if (channel === undefined) return;
    this.requests.push(message);
  }

  breakDown(how: Breakdown): void {
    this.brokenDown.push(how);
  }
}
