import type { Region } from '../../reference-impl/memory/region.ts';
import { PeerProtocolError, SystemCallError } from '../errors.ts';
import {
  closeFd,
  dupFd,
  fillHoles,
  nextData,
  POLLIN,
  pread,
  punchHole,
  pwrite,
  setNonblocking,
  userfaultRead,
  userfaultWake,
} from '../native/native.ts';
import { kernelPageSize } from '../port/page-size.ts';
import type { PageFault, PageServer } from '../port/port.ts';
import { descriptorOfRegion } from '../session/guest-memory.ts';
import { isUserfault } from '../session/is-userfault.ts';
import type { WaitSet, WaitSource } from '../session/wait-set.ts';

const pageSize = kernelPageSize();

const fileStart = ({ mmapOffset }: Region): number => Number(mmapOffset) - (Number(mmapOffset) % pageSize);

/** Our side of a userfaultfd of the IUT: what it waits for is put into the memory file, and its wait is ended. */
export class UserfaultServer implements PageServer, WaitSource {
  readonly faults: PageFault[] = [];
  readonly pollFd: number;
  readonly #set: WaitSet;
  readonly #placed = new Map<Region, bigint>();
  /** What was in pages that are withheld, by their place in the file of the region. */
  readonly #withheld = new Map<Region, ReadonlyMap<number, Uint8Array>>();
  readonly #waiting = new Set<PageFault>();
  #held: readonly Region[] = [];
  #isOpen = true;

  /** The descriptor stays the caller's. */
  constructor({ waiting }: { readonly waiting: { readonly set: WaitSet } }, userfault: number) {
    if (!isUserfault(userfault)) throw new PeerProtocolError('what it gave for a userfaultfd is something else');
    this.pollFd = dupFd(userfault);
    // A userfaultfd whose reads block cannot be waited for.
    setNonblocking(this.pollFd, true);
    this.#set = waiting.set;
    this.#set.add(this);
  }

  onReady(revents: number): void {
    if ((revents & POLLIN) === 0) {
      this.drop();
      return;
    }
    for (let address = this.#read(); address !== undefined; address = this.#read()) {
      const fault = this.#faultAt(address);
      this.faults.push(fault);
      this.#waiting.add(fault);
      if (!this.#isHeld(fault)) this.#serve(fault);
    }
  }

  placed(region: Region, address: bigint): void {
    this.#placed.set(region, address);
  }

  withhold(region: Region): void {
    const fd = descriptorOfRegion(region);
    const end = Number(region.mmapOffset) + region.size;
    const pages = new Map<number, Uint8Array>();
    for (let at = nextData(fd, fileStart(region)); at !== undefined && at < end; at = nextData(fd, at + pageSize)) {
      const page = new Uint8Array(pageSize);
      pread(fd, page, 0, pageSize, at);
      pages.set(at, page);
    }
    this.#withheld.set(region, pages);
    punchHole(fd, fileStart(region), end - fileStart(region));
  }

  hasPages(region: Region): boolean {
    const first = nextData(descriptorOfRegion(region), fileStart(region));
    return first !== undefined && first < Number(region.mmapOffset) + region.size;
  }

  hold(regions: readonly Region[]): void {
    this.#held = regions;
  }

  serveAll(): void {
    this.#held = [];
    for (const fault of this.#waiting) this.#serve(fault);
  }

  drop(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#set.remove(this);
    closeFd(this.pollFd);
  }

  /** All pages arrive, so that the IUT waits for none, and our descriptor is closed. */
  close(): void {
    if (!this.#isOpen) return;
    this.#restoreAll();
    this.onReady(POLLIN);
    for (const { address } of this.#waiting) this.#wake(address);
    for (const [region, address] of this.#placed) this.#wake(address - (address % BigInt(pageSize)), region.size);
    this.drop();
  }

  #read(): bigint | undefined {
    try {
      return userfaultRead(this.pollFd);
    } catch (error) {
      if (error instanceof SystemCallError) return undefined;
      throw error;
    }
  }

  #faultAt(address: bigint): PageFault {
    for (const [region, start] of this.#placed) {
      const before = start % BigInt(pageSize);
      if (address < start - before || address >= start + BigInt(region.size)) continue;
      return { address, region, offset: Math.max(0, Number(address - start)) };
    }
    return { address, region: undefined, offset: 0 };
  }

  #serve(fault: PageFault): void {
    const { region, offset, address } = fault;
    this.#waiting.delete(fault);
    if (region === undefined) {
      this.#restoreAll();
      this.#wake(address);
      return;
    }
    const at = Number(region.mmapOffset) + offset;
    const page = at - (at % pageSize);
    const fd = descriptorOfRegion(region);
    const content = this.#withheld.get(region)?.get(page);
    // One that came meanwhile keeps what is in it.
    const isThere = nextData(fd, page) === page;
    if (content !== undefined && !isThere) pwrite(fd, content, 0, content.length, page);
    else fillHoles(fd, page, pageSize);
    this.#wake(address);
  }

  /** Where nothing of what it told holds the address, it may be any page. */
  #restoreAll(): void {
    for (const [region, pages] of this.#withheld) {
      const fd = descriptorOfRegion(region);
      for (const [at, content] of pages) if (nextData(fd, at) !== at) pwrite(fd, content, 0, content.length, at);
    }
    for (const region of this.#placed.keys()) {
      const start = fileStart(region);
      fillHoles(descriptorOfRegion(region), start, Number(region.mmapOffset) + region.size - start);
    }
  }

  #isHeld({ region }: PageFault): boolean {
    return region === undefined ? this.#held.length > 0 : this.#held.includes(region);
  }

  /** Where its process is gone, there is no one to wake. */
  #wake(address: bigint, length = pageSize): void {
    const first = address - (address % BigInt(pageSize));
    try {
      userfaultWake(this.pollFd, first, Math.ceil(length / pageSize) * pageSize);
    } catch (error) {
      if (!(error instanceof SystemCallError)) throw error;
    }
  }
}
