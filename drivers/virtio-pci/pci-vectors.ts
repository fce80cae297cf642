import { vfioPci } from '../../reference-impl/wire/vfio-structures.ts';
import { PeerProtocolError } from '../errors.ts';
import { closeFd, eventfdCreate, eventfdRead } from '../native/native.ts';
import type { VfioDevice } from '../port/vhost-mdev-door.ts';
import type { VirtioPciFunction } from '../port/virtio-pci-door.ts';
import { checkCall } from '../session/call-outcome.ts';

/** The vector that configuration has, and with it each queue for which there is none of its own. */
const shared = 0;

/** What a queue was given. */
export interface QueueVector {
  readonly vector: number;
  /** Others may signal it, too. */
  readonly isShared: boolean;
}

/** Which vectors of MSI-X go to what: the first to configuration, one to each queue, then the first again. */
export class PciVectors {
  readonly #vfio: VfioDevice;
  readonly #pci: VirtioPciFunction;
  readonly #ofQueue = new Map<number, QueueVector>();
  #event = -1;
  /** Signals of the shared vector since it was mapped. */
  #signals = 0;

  constructor(vfio: VfioDevice, pci: VirtioPciFunction) {
    this.#vfio = vfio;
    this.#pci = pci;
  }

  /** Signals of the vector that configuration has. */
  get sharedSignals(): number {
    if (this.#event >= 0) this.#signals += eventfdRead(this.#event);
    return this.#signals;
  }

  /** Enables MSI-X, where it is not, and maps configuration. */
  enable(): void {
    if (this.#event >= 0) return;
    const count = this.#pci.vectors();
    if (count === 0) throw new PeerProtocolError('the function has no MSI-X capability');
    this.#event = eventfdCreate();
    // All at once: most kernels enable no more of them later.
    const events = Array.from({ length: count }, (_, vector) => (vector === shared ? this.#event : -1));
    checkCall('VFIO_DEVICE_SET_IRQS', this.#vfio.setIrqEvents(vfioPci.MSIX_IRQ_INDEX, 0, events));
    this.mapConfiguration();
  }

  /** Behind a reset of the device, which unmaps everything. */
  mapConfiguration(): void {
    if (this.#event < 0) return;
    this.#pci.write('configMsixVector', shared);
    const mapped = this.#pci.read('configMsixVector');
    if (mapped !== shared)
      throw new PeerProtocolError(`config_msix_vector reads ${mapped} behind a write of ${shared}`);
  }

  /** The vector of a queue, the same each time. */
  of(index: number): QueueVector {
    const known = this.#ofQueue.get(index);
    if (known !== undefined) return known;
    const own = [...this.#ofQueue.values()].filter(({ isShared }) => !isShared).length + 1;
    const given = own < this.#pci.vectors() ? { vector: own, isShared: false } : { vector: shared, isShared: true };
    this.#ofQueue.set(index, given);
    return given;
  }

  assign(index: number, vector: number): void {
    this.#ofQueue.set(index, { vector, isShared: vector === shared });
  }

  /** Maps the selected queue. @param event its own; a shared vector keeps the one that it has. */
  mapSelected(index: number, event: number): void {
    const { vector, isShared } = this.of(index);
    if (!isShared) {
      checkCall('VFIO_DEVICE_SET_IRQS', this.#vfio.setIrqEvents(vfioPci.MSIX_IRQ_INDEX, vector, [event]));
    }
    this.#pci.write('queueMsixVector', vector);
    const mapped = this.#pci.read('queueMsixVector');
    if (mapped !== vector) throw new PeerProtocolError(`queue_msix_vector reads ${mapped} behind a write of ${vector}`);
  }

  release(): void {
    if (this.#event >= 0) closeFd(this.#event);
    this.#event = -1;
  }
}
