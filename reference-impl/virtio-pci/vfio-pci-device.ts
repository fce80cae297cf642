import type { ParentDriver, StepOutcome } from '../devices/parent-driver.ts';
import { toggleConfig } from '../devices/toggled-config.ts';
import { DmaContainer, dmaRules } from '../vhost-mdev/dma-container.ts';
import type { MdevEdge } from '../vhost-mdev/mdev-edge.ts';
import { errno } from '../wire/errno.ts';
import { VFIO_REGION_SPAN, vfioPci } from '../wire/vfio-structures.ts';
import { PCI_CONFIG_SIZE } from '../wire/virtio-pci.ts';
import { barSizes, STRUCTURES_BAR } from './pci-layout.ts';
import { MSIX_BAR, type VirtioPciRules } from './pci-rules.ts';
import { type CalledVfioPci, vfioPciCall } from './vfio-pci-calls.ts';
import { VfioPciInterrupts } from './vfio-pci-interrupts.ts';
import { VirtioPciFunction } from './virtio-pci-function.ts';

/**
 * A virtio function behind VFIO, as the kernel's vfio-pci shows it: regions for its BARs and configuration space,
 * interrupts as events, memory by the container. Every call returns what the kernel's would: a count or 0, or an error
 * number negated.
 */
export class VfioPciDevice implements CalledVfioPci {
  readonly function: VirtioPciFunction;
  readonly container: DmaContainer;
  readonly interrupts: VfioPciInterrupts;
  #opens = 0;

  /** @param lacking features that it does not offer although it could. */
  constructor(parent: ParentDriver, edge: MdevEdge, rules: VirtioPciRules, lacking = 0n) {
    this.container = new DmaContainer(edge, dmaRules, () => this.function.queues.move());
    const bus = {
      memory: () => this.container.memoryMap(),
      signalVector: (vector: number) => this.interrupts.signalVector(vector),
      pinChanged: () => this.interrupts.pinChanged(),
    };
    this.function = new VirtioPciFunction(parent, rules, bus, lacking);
    const { config, interrupts } = this.function;
    this.interrupts = new VfioPciInterrupts(edge, rules.identity.vectors, {
      setMsixEnabled: (enabled) => config.setMsixEnabled(enabled),
      isPinDue: () => interrupts.isPinDue,
    });
  }

  /** The device, once more: its files differ in nothing. */
  open(): this {
    this.#opens++;
    return this;
  }

  /** A file was closed. Behind the last, the function is as a reset leaves it. */
  close(): void {
    this.#opens--;
    if (this.#opens > 0) return;
    this.resetFunction();
    this.interrupts.dropAll();
  }

  /** Configuration changes from outside. */
  changeConfig(): void {
    if (toggleConfig(this.function.parent)) this.function.interrupts.ofConfiguration();
  }

  resetFunction(): void {
    this.function.reset();
    this.function.setStatus(0);
  }

  ioctl(request: number, argument: Uint8Array): number {
    return vfioPciCall(this, request, argument);
  }

  /** Bytes of a region; 0 for an index without one. */
  regionSize(index: number): number {
    if (index === vfioPci.CONFIG_REGION_INDEX) return PCI_CONFIG_SIZE;
    return barSizes[index] ?? 0;
  }

  pread(position: number, count: number, target: Uint8Array): number {
    return this.#access(position, target.subarray(0, count), (index, offset, part) => {
      if (index === vfioPci.CONFIG_REGION_INDEX) this.function.config.read(offset, part);
      // The kernel keeps the table of vectors to itself.
      else if (index === MSIX_BAR) part.fill(0xff);
      else this.function.readBar(offset, part);
    });
  }

  pwrite(position: number, count: number, source: Uint8Array): number {
    return this.#access(position, source.subarray(0, count), (index, offset, part) => {
      if (index === vfioPci.CONFIG_REGION_INDEX) this.function.config.write(offset, part);
      else if (index !== MSIX_BAR) this.function.writeBar(offset, part);
    });
  }

  /** Nothing of it can be mapped: an access to a BAR is a call. */
  map(): number {
    return -errno.EINVAL;
  }

  /** Whether what was notified before is done ahead of an access: of all but notifications. */
  settlesAhead(access: 'read' | 'write' | 'map', position: number): boolean {
    const isOfStructures = Math.floor(position / VFIO_REGION_SPAN) === STRUCTURES_BAR;
    return access !== 'write' || !isOfStructures || !this.function.isNotification(position % VFIO_REGION_SPAN);
  }

  step(): StepOutcome {
    return this.function.step();
  }

  /** Kernel accesses are of 1, 2 and 4 bytes: a longer one is several, and what is not aligned is cut to be. */
  #access(position: number, bytes: Uint8Array, act: (index: number, offset: number, part: Uint8Array) => void): number {
    const index = Math.floor(position / VFIO_REGION_SPAN);
    const offset = position % VFIO_REGION_SPAN;
    const size = this.regionSize(index);
    if (offset >= size) return -errno.EINVAL;
    const length = Math.min(bytes.length, size - offset);
    for (let done = 0; done < length; ) {
      const width = widthAt(offset + done, length - done);
      act(index, offset + done, bytes.subarray(done, done + width));
      done += width;
    }
    return length;
  }
}

function widthAt(offset: number, left: number): 1 | 2 | 4 {
  if (offset % 4 === 0 && left >= 4) return 4;
  return offset % 2 === 0 && left >= 2 ? 2 : 1;
}
