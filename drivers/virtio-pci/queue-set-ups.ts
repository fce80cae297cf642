import { areaAddresses, sentAddresses } from '../../reference-impl/virtqueue/area-addresses.ts';
import type { GuestRing } from '../../reference-impl/virtqueue/ring.ts';
import { VIRTIO_PCI_CAP_SIZE, virtioPciCapabilities } from '../../reference-impl/wire/virtio-pci.ts';
import { DriverUsageError, PeerProtocolError } from '../errors.ts';
import type { VirtioPciFunction } from '../port/virtio-pci-door.ts';
import { failedCall } from '../session/call-outcome.ts';
import type { CheckedFields } from './checked-fields.ts';

/** What is known of a queue that was set up. */
interface SetUpQueue {
  readonly notifyAt: { readonly bar: number; readonly offset: number };
  /** The word that names it in notifications. */
  readonly word: number;
  /** Since the last reset of the device. */
  life: 'set-up' | 'enabled' | 'reset';
}

export interface QueueToSetUp {
  readonly index: number;
  readonly ring: GuestRing;
}

/** Where queues are notified, and which of them are enabled. */
export class QueueSetUps {
  readonly #pci: VirtioPciFunction;
  readonly #fields: CheckedFields;
  readonly #byIndex = new Map<number, SetUpQueue>();

  constructor(pci: VirtioPciFunction, fields: CheckedFields) {
    this.#pci = pci;
    this.#fields = fields;
  }

  isEnabled(index: number): boolean {
    return this.#byIndex.get(index)?.life === 'enabled';
  }

  /** It was enabled before, and reset alone. */
  wasReset(index: number): boolean {
    return this.#byIndex.get(index)?.life === 'reset';
  }

  /**
   * Size, addresses, and what the device tells of notifications; not the vector.
   * @throws PeerProtocolError where the device has no such queue, or none of that size.
   */
  setUp({ index, ring }: QueueToSetUp, hasConfigData: boolean): void {
    const fields = this.#fields;
    fields.write('queueSelect', index);
    const largest = fields.read('queueSize');
    if (largest < ring.size) {
      throw new PeerProtocolError(`queue_size of queue ${index} is ${largest}, for a ring of ${ring.size}`);
    }
    fields.write('queueSize', ring.size);
    const { descriptor, driver, device } = areaAddresses(ring, sentAddresses.translated);
    fields.writeAddress('Desc', descriptor);
    fields.writeAddress('Driver', driver);
    fields.writeAddress('Device', device);
    this.#byIndex.set(index, {
      notifyAt: this.#notifyPlace(),
      word: hasConfigData ? fields.read('queueNotifConfigData') : index,
      life: this.wasReset(index) ? 'reset' : 'set-up',
    });
  }

  /** Bytes written, or an error number negated. @throws DriverUsageError for a queue that was not set up. */
  enable(index: number): number {
    this.#of(index).life = 'enabled';
    const selected = this.#pci.write('queueSelect', index);
    return selected < 0 ? selected : this.#pci.write('queueEnable', 1);
  }

  queueWasReset(index: number): void {
    const queue = this.#byIndex.get(index);
    if (queue?.life === 'enabled') queue.life = 'reset';
  }

  deviceWasReset(): void {
    for (const queue of this.#byIndex.values()) queue.life = 'set-up';
  }

  /** @param data the next available place, with NOTIFICATION_DATA. @throws as `failedCall`. */
  notify(index: number, data: number | undefined): void {
    const { notifyAt, word } = this.#of(index);
    const { bar, offset } = notifyAt;
    const written =
      data === undefined
        ? this.#pci.writeBar(bar, offset, 2, word)
        : this.#pci.writeBar(bar, offset, 4, data * 0x1_0000 + word);
    if (written < 0) failedCall(`the notification of ring ${index}`, written);
  }

  #of(index: number): SetUpQueue {
    const queue = this.#byIndex.get(index);
    if (queue === undefined) throw new DriverUsageError(`ring ${index} was not set up`);
    return queue;
  }

  /** Where the selected queue is notified. */
  #notifyPlace(): SetUpQueue['notifyAt'] {
    const notify = this.#pci.structure(virtioPciCapabilities.VIRTIO_PCI_CAP_NOTIFY_CFG);
    if (notify === undefined) throw new PeerProtocolError('no capability shows where queues are notified');
    const multiplier = this.#pci.readConfigSpace(notify.at + VIRTIO_PCI_CAP_SIZE, 4);
    return { bar: notify.bar, offset: notify.offset + this.#fields.read('queueNotifyOff') * multiplier };
  }
}
