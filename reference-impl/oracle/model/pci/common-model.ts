import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import { featureMask } from '../../../catalogue/feature-set.ts';
import { type CommonConfigField, VIRTIO_MSI_NO_VECTOR } from '../../../wire/virtio-pci.ts';
import type { CallCheck } from '../mdev/call-check.ts';
import { isQueueField, type KnownPciQueue, type QueueField } from './common-state.ts';
import type { PciFacts } from './pci-facts.ts';

const DRIVER_OK = 4;
const FEATURES_OK = 8;
const NEEDS_RESET = 0x40;
/** ACKNOWLEDGE, DRIVER, DRIVER_OK: they stay until a reset. */
const driverBits = 7;
const ringReset = featureMask('VIRTIO_F_RING_RESET');
const packedRing = featureMask('VIRTIO_F_RING_PACKED');
/** Of a device without a legacy interface whose memory the driver maps: VERSION_1 and ACCESS_PLATFORM. */
const required = featureMask('VIRTIO_F_VERSION_1') | featureMask('VIRTIO_F_ACCESS_PLATFORM');
const half = 0xffff_ffffn;
/** Windows that a feature with a meaning lies in. */
const knownWindows = 4;

/** Told of what fields show to other parts. */
export interface CommonEvents {
  readonly notifyOff: (queue: number, told: number) => void;
  readonly wasReset: () => void;
  /** The driver wrote a status that no driver writes: what the device shows may be that. */
  readonly statusBroke: () => void;
}

const changeable: ReadonlySet<QueueField> = new Set([
  'queueSize',
  'queueDescLow',
  'queueDescHigh',
  'queueDriverLow',
  'queueDriverHigh',
  'queueDeviceLow',
  'queueDeviceHigh',
]);

/** The common configuration: what its fields read as, by what the driver wrote. Accesses are of whole fields. */
export class PciCommonModel {
  readonly #facts: PciFacts;
  readonly #check: CallCheck;
  readonly #events: CommonEvents;
  /** Selectors, the vector of configuration; absent where they are not known. */
  readonly #plain = new Map<CommonConfigField, number>();
  /** By selector: what the driver wrote last. */
  readonly #driverWindows = new Map<number, number>();
  readonly #queues = new Map<number, KnownPciQueue>();
  /** Bits that the driver wrote since the reset; undefined where they are not known. */
  #status: number | undefined;
  /** No ring was set up since the reset as a driver must not. */
  #isFresh = false;
  /** DRIVER_OK was written since the reset. */
  #wasReady = true;
  #usedAtReset = 0;

  /** Vectors were mapped, or unmapped by a reset, since this was cleared. */
  hasMapped = false;

  constructor(facts: PciFacts, check: CallCheck, events: CommonEvents) {
    this.#facts = facts;
    this.#check = check;
    this.#events = events;
  }

  get acceptedFeatures(): bigint | undefined {
    const [low, high] = [this.#driverWindows.get(0), this.#driverWindows.get(1)];
    return low === undefined || high === undefined ? undefined : BigInt(low) | (BigInt(high) << 32n);
  }

  get configVector(): number | undefined {
    return this.#plain.get('configMsixVector');
  }

  /** Vectors of queues that are enabled; undefined where one is not known. */
  get vectorsOfEnabled(): (number | undefined)[] {
    return [...this.#queues.values()]
      .filter(({ fields }) => fields.queueEnable !== 0)
      .map(({ fields }) => fields.queueMsixVector);
  }

  /** Nothing is known of fields any more, until the device is reset. */
  forget(): void {
    this.#plain.clear();
    this.#driverWindows.clear();
    this.#status = undefined;
    this.#wasReady = true;
    this.#isFresh = false;
    for (const queue of this.#queues.values()) queue.fields = {};
  }

  /** Used elements that rings show are not claimed to be the device's until the next reset. */
  loseUsed(): void {
    this.#wasReady = true;
  }

  /** Virtio 2.1.2: no buffer is used before DRIVER_OK. */
  judgeUsed(): void {
    if (!this.#isFresh || this.#wasReady) return;
    const used = this.#facts.used() - this.#usedAtReset;
    const requirement = 'status/no-buffers-before-driver-ok';
    this.#check.equal(requirement, 'used elements before DRIVER_OK', Math.max(used, 0), 0);
  }

  wrote(field: CommonConfigField, value: number): void {
    const maps = field === 'configMsixVector' || field === 'queueMsixVector' || field === 'queueReset';
    if (maps || (field === 'deviceStatus' && value === 0)) this.hasMapped = true;
    switch (field) {
      case 'deviceFeatureSelect':
      case 'driverFeatureSelect':
      case 'queueSelect':
        this.#plain.set(field, value);
        return;
      case 'driverFeature': {
        const select = this.#plain.get('driverFeatureSelect');
        // Features are settled before FEATURES_OK.
        if (((this.#status ?? 0) & FEATURES_OK) !== 0) this.#status = undefined;
        if (select === undefined) this.#driverWindows.clear();
        else this.#driverWindows.set(select, value);
        return;
      }
      case 'configMsixVector':
        if (this.#isVector(value)) this.#plain.set(field, value);
        else this.#plain.delete(field);
        return;
      case 'deviceStatus':
        this.#statusWritten(value);
        return;
      case 'deviceFeature':
      case 'numQueues':
      case 'configGeneration':
        // Not the driver's to write.
        return;
    }
    if (isQueueField(field)) this.#queueWritten(field, value);
  }

  read(field: CommonConfigField, value: number): void {
    switch (field) {
      case 'deviceFeature':
        this.#offerRead(value);
        return;
      case 'driverFeature': {
        const select = this.#plain.get('driverFeatureSelect');
        const written = this.#driverWindows.get(select ?? -1);
        if (select === undefined || written === undefined || select > 1) return;
        const offered = Number((this.#facts.offered >> (32n * BigInt(select))) & half);
        const what = `driver_feature of selector ${select}, as far as it is offered`;
        this.#expect('pci/driver-feature-reads-back', what, and(value, offered), and(written, offered));
        return;
      }
      case 'deviceFeatureSelect':
      case 'driverFeatureSelect':
      case 'queueSelect':
        // What a selector reads as no text says; it is what was written.
        if (this.#facts.judgesChoices)
          this.#expectKnown(field, 'pci/config-access-writes-bar', value, this.#plain.get(field));
        return;
      case 'configMsixVector':
        this.#vectorRead(field, value, this.#plain.get(field));
        return;
      case 'numQueues':
        this.#expectKnown(field, 'pci/config-access-reads-bar', value, this.#facts.queues);
        return;
      case 'deviceStatus':
        this.#statusRead(value);
        return;
      case 'configGeneration':
        return;
    }
    if (isQueueField(field)) this.#queueRead(field, value);
  }

  /** A vector outside the table is none that a driver writes. */
  #isVector(value: number): boolean {
    return value < this.#facts.vectors || value === VIRTIO_MSI_NO_VECTOR;
  }

  #offerRead(value: number): void {
    const select = this.#plain.get('deviceFeatureSelect');
    if (select === undefined || (select > 1 && select < knownWindows)) return;
    const expected = Number((this.#facts.offered >> (32n * BigInt(Math.min(select, knownWindows)))) & half);
    this.#expect('pci/device-feature-follows-selector', `device_feature of selector ${select}`, value, expected);
  }

  #statusWritten(value: number): void {
    if (value === 0) {
      this.#reset();
      return;
    }
    // A driver takes no bit back, and sets none without a meaning.
    const isPlain = ((this.#status ?? 0) & ~value) === 0 && (value & 0x70) === 0;
    if ((value & DRIVER_OK) !== 0 || !isPlain) this.#wasReady = true;
    if (!isPlain) this.#events.statusBroke();
    if (this.#status !== undefined) this.#status = isPlain ? value : undefined;
  }

  #statusRead(value: number): void {
    const written = this.#status;
    if (written === undefined) return;
    if (written === 0) {
      if (this.#facts.judgesChoices) this.#expect('pci/status-zero-resets', 'the status behind a write of 0', value, 0);
      return;
    }
    const missing = written & driverBits & ~value;
    if ((value & NEEDS_RESET) === 0) {
      const requirement = 'status/unrecoverable-error-raises-needs-reset';
      this.#expect(requirement, 'bits of the status that are gone, without DEVICE_NEEDS_RESET', missing, 0);
    }
    const accepted = this.acceptedFeatures;
    if (!this.#facts.judgesChoices || accepted === undefined || (written & FEATURES_OK) === 0) return;
    if ((accepted & required) === (this.#facts.offered & required)) return;
    this.#expect(
      'features/unacceptable-subset-refused',
      'FEATURES_OK without features that are needed',
      value & FEATURES_OK,
      0,
    );
  }

  #reset(): void {
    this.#status = 0;
    this.#isFresh = true;
    this.#wasReady = false;
    this.#usedAtReset = this.#facts.used();
    this.#driverWindows.clear();
    this.#plain.set('configMsixVector', VIRTIO_MSI_NO_VECTOR);
    for (const queue of this.#queues.values()) this.#resetQueue(queue, false);
    this.#events.wasReset();
  }

  #queue(index: number): KnownPciQueue {
    const known = this.#queues.get(index);
    if (known !== undefined) return known;
    const made: KnownPciQueue = { fields: {}, largest: undefined, isSized: false, isResetAlone: false };
    if (this.#isFresh) this.#resetQueue(made, false);
    this.#queues.set(index, made);
    return made;
  }

  #resetQueue(queue: KnownPciQueue, isAlone: boolean): void {
    const { queueNotifyOff, queueNotifConfigData } = queue.fields;
    queue.isResetAlone = isAlone;
    queue.isSized = false;
    queue.fields = {
      queueNotifyOff,
      queueNotifConfigData,
      queueSize: queue.largest,
      queueEnable: 0,
      queueReset: 0,
      queueMsixVector: isAlone ? undefined : VIRTIO_MSI_NO_VECTOR,
    };
  }

  #queueWritten(field: QueueField, value: number): void {
    const index = this.#plain.get('queueSelect');
    if (index === undefined) {
      for (const each of this.#queues.values()) each.fields = {};
      this.#isFresh = false;
      return;
    }
    if (this.#isMissing(index)) return;
    const queue = this.#queue(index);
    const { fields } = queue;
    const isEnabled = fields.queueEnable !== 0;
    switch (field) {
      case 'queueMsixVector':
        fields.queueMsixVector = this.#isVector(value) ? value : undefined;
        return;
      case 'queueEnable':
        fields.queueEnable = value === 1 ? 1 : undefined;
        fields.queueReset = fields.queueReset === 0 ? 0 : undefined;
        return;
      case 'queueReset':
        this.#queueResetWritten(queue, value);
        return;
      case 'queueNotifyOff':
      case 'queueNotifConfigData':
        return;
    }
    if (field === 'queueSize') queue.isSized = true;
    const isSound =
      field !== 'queueSize' || (value > 0 && (value & (value - 1)) === 0 && value <= (queue.largest ?? 0));
    if (changeable.has(field)) fields[field] = isEnabled || !isSound ? undefined : value;
  }

  /** With VIRTIO_F_RING_RESET, of a queue that is enabled: 1 until it is over. */
  #queueResetWritten(queue: KnownPciQueue, value: number): void {
    const accepted = this.acceptedFeatures;
    const isLawful = value === 1 && accepted !== undefined && (accepted & ringReset) !== 0n;
    if (isLawful && queue.fields.queueEnable === 1) queue.fields = { ...queue.fields, queueReset: 1 };
    else queue.fields = {};
  }

  #queueRead(field: QueueField, value: number): void {
    const index = this.#plain.get('queueSelect');
    if (index === undefined) return;
    if (this.#isMissing(index)) {
      const what = `queue_size of queue ${index}, which there is not`;
      if (field === 'queueSize') this.#expect('pci/queue-size-zero-for-missing-queue', what, value, 0);
      return;
    }
    const queue = this.#queue(index);
    const { fields } = queue;
    const isResetting = fields.queueReset === 1;
    if (isResetting && field !== 'queueReset') return;
    const what = `${field} of queue ${index}`;
    switch (field) {
      case 'queueMsixVector':
        this.#vectorRead(what, value, fields.queueMsixVector);
        return;
      case 'queueReset':
        this.#queueResetRead(queue, what, value);
        return;
      case 'queueEnable': {
        if (fields.queueEnable === undefined) return;
        const ofReset: RequirementSlug = queue.isResetAlone
          ? 'pci/queue-reset-and-enable-zero-when-done'
          : 'pci/queue-enable-zero-after-reset';
        this.#expect(ofReset, what, value, fields.queueEnable);
        return;
      }
      case 'queueSize':
        this.#sizeRead(queue, what, value);
        return;
      case 'queueNotifyOff':
        this.#events.notifyOff(index, value);
        return;
      case 'queueNotifConfigData':
        return;
    }
    if (fields[field] !== undefined)
      this.#expectKnown(what, 'pci/halves-of-64-bit-fields-accessible', value, fields[field]);
  }

  #queueResetRead(queue: KnownPciQueue, what: string, value: number): void {
    const { fields } = queue;
    if (fields.queueReset === undefined) return;
    if (fields.queueReset === 1) {
      if (value === 0) this.#resetQueue(queue, true);
      return;
    }
    const requirement: RequirementSlug =
      fields.queueEnable === 1
        ? 'pci/queue-reset-zero-after-enable'
        : queue.isResetAlone
          ? 'pci/queue-reset-one-while-in-progress'
          : 'pci/queue-reset-zero-after-reset';
    this.#expect(requirement, what, value, 0);
  }

  #sizeRead(queue: KnownPciQueue, what: string, value: number): void {
    const { fields } = queue;
    if (fields.queueSize !== undefined) {
      const isLargest = fields.queueSize === queue.largest;
      const requirement: RequirementSlug = !isLargest
        ? 'queue-reset/re-enabled-queue-uses-new-settings'
        : queue.isResetAlone
          ? 'pci/queue-reset-one-resets-queue'
          : 'pci/status-zero-resets';
      this.#expect(requirement, what, value, fields.queueSize);
      return;
    }
    // Undefined as well where the driver wrote what it must not.
    if (fields.queueEnable !== 0 || queue.isSized || queue.largest !== undefined) return;
    queue.largest = value;
    fields.queueSize = value;
    const accepted = this.acceptedFeatures;
    if (accepted !== undefined && (accepted & packedRing) !== 0n) return;
    const isPower = (value & (value - 1)) === 0;
    this.#check.holds(isPower, 'pci/queue-size-power-of-two', what, '0 or a power of 2', String(value));
  }

  /** A mapping may fail: of our reference it does not. */
  #vectorRead(what: string, value: number, expected: number | undefined): void {
    if (expected === undefined || value === expected) return;
    if (expected === VIRTIO_MSI_NO_VECTOR) {
      const requirement = this.#status === 0 ? 'pci/events-unmapped-after-reset' : 'pci/events-can-be-unmapped';
      this.#expect(requirement, what, value, expected);
    } else if (value !== VIRTIO_MSI_NO_VECTOR) this.#expect('pci/vector-reads-back', what, value, expected);
    else if (this.#facts.judgesChoices) this.#expect('pci/mapping-does-not-fail-without-need', what, value, expected);
  }

  #isMissing(index: number): boolean {
    return this.#facts.queues !== undefined && index >= this.#facts.queues;
  }

  #expectKnown(what: string, requirement: RequirementSlug, value: number, expected: number | undefined): void {
    if (expected !== undefined) this.#expect(requirement, what, value, expected);
  }

  #expect(requirement: RequirementSlug, what: string, actual: number, expected: number): void {
    this.#check.equal(requirement, what, actual, expected);
  }
}

const and = (value: number, mask: number): number => (value & mask) >>> 0;
