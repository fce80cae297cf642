import type { AccessWidth, PciStructure, VirtioPciSession } from '../../drivers/port/port.ts';
import { vfioPci } from '../../reference-impl/wire/vfio-structures.ts';
import { VIRTIO_PCI_CAP_SIZE, virtioPciCap, virtioPciCapabilities } from '../../reference-impl/wire/virtio-pci.ts';
import type { PciPlace } from '../program/pci-calls.ts';
import type { CallOf } from '../program/program.ts';
import { type DoorOutcome, type PciDoor, skipped, type ToldRegion, type TransportDoor } from './transport-door.ts';

/** What one access may be of: all of configuration space. */
const mostBytes = 256;
const FEATURES_OK = 8;
/** From the field of the BAR on, up to the end of the data. */
const windowBytes = 16;

const typeOf = {
  common: virtioPciCapabilities.VIRTIO_PCI_CAP_COMMON_CFG,
  notify: virtioPciCapabilities.VIRTIO_PCI_CAP_NOTIFY_CFG,
  isr: virtioPciCapabilities.VIRTIO_PCI_CAP_ISR_CFG,
  device: virtioPciCapabilities.VIRTIO_PCI_CAP_DEVICE_CFG,
  window: virtioPciCapabilities.VIRTIO_PCI_CAP_PCI_CFG,
} as const satisfies Readonly<Record<Exclude<PciPlace, 'space'>, number>>;

/** The raw door of virtio over PCI: an access has been handled when it returns. */
export class VirtioPciDoor implements TransportDoor, PciDoor {
  readonly vfio = undefined;
  readonly #session: VirtioPciSession;

  constructor(session: VirtioPciSession) {
    this.#session = session;
  }

  get pci(): PciDoor {
    return this;
  }

  read({ place, offset, length }: CallOf<'pci-read'>): DoorOutcome {
    const at = this.#placeOf(place, offset);
    if (at === undefined) return skipped;
    const bytes = new Uint8Array(Math.min(length, mostBytes));
    return readOutcome(this.#session.vfio.read(at.region, at.offset, bytes), bytes);
  }

  write({ place, offset, bytes }: CallOf<'pci-write'>): DoorOutcome {
    const at = this.#placeOf(place, offset);
    if (at === undefined || bytes.length > mostBytes) return skipped;
    // What lies beside the window decides where the function is, and outlives the session.
    const isKept = place === 'space' || (place === 'window' && offset + bytes.length > windowBytes);
    if (isKept) return skipped;
    return outcomeOf(this.#session.vfio.write(at.region, at.offset, bytes));
  }

  window({ place, offset, length, bytes }: CallOf<'pci-window'>): DoorOutcome {
    const { pci } = this.#session;
    const window = this.#structureOf('window');
    const target = place === 'space' ? undefined : this.#structureOf(place);
    if (window === undefined || target === undefined) return skipped;
    const fields: readonly (readonly [at: number, width: AccessWidth, value: number])[] = [
      [virtioPciCap.bar, 1, target.bar],
      [virtioPciCap.offset, 4, (target.offset + offset) % 2 ** 32],
      [virtioPciCap.structureLength, 4, length],
    ];
    for (const [at, width, value] of fields) {
      const written = pci.writeConfigSpace(window.at + at, width, value);
      if (written < 0) return outcomeOf(written);
    }
    const data = window.at + VIRTIO_PCI_CAP_SIZE;
    const { CONFIG_REGION_INDEX } = vfioPci;
    const width = length === 1 || length === 2 ? length : 4;
    if (bytes.length > 0) {
      const value = new Uint8Array(width);
      value.set(bytes.subarray(0, width));
      return outcomeOf(this.#session.vfio.write(CONFIG_REGION_INDEX, data, value));
    }
    const read = new Uint8Array(width);
    return readOutcome(this.#session.vfio.read(CONFIG_REGION_INDEX, data, read), read);
  }

  negotiateExactly({ device }: CallOf<'negotiate'>): DoorOutcome {
    const { pci } = this.#session;
    this.#session.prepare({});
    for (const select of [0, 1]) {
      pci.write('driverFeatureSelect', select);
      pci.write('driverFeature', Number((device >> (32n * BigInt(select))) & 0xffff_ffffn));
    }
    const status = pci.read('deviceStatus');
    if (status < 0) return outcomeOf(status);
    const written = pci.write('deviceStatus', status | FEATURES_OK);
    if (written < 0) return outcomeOf(written);
    const told = pci.read('deviceStatus');
    return told >= 0 && (told & FEATURES_OK) === 0 ? { kind: 'refused', by: 'status', value: told } : outcomeOf(told);
  }

  message(): DoorOutcome {
    return skipped;
  }

  bytes(): DoorOutcome {
    return skipped;
  }

  memoryTable(regions: readonly ToldRegion[]): DoorOutcome {
    for (const region of regions) {
      const mapped = this.memorySlot('add', region);
      if (mapped.kind !== 'done') return mapped;
    }
    return { kind: 'done', by: 'return' };
  }

  memorySlot(how: 'add' | 'remove', { ioVirtualAddress, userAddress, size }: ToldRegion): DoorOutcome {
    const { vfio } = this.#session;
    if (how === 'add') return outcomeOf(vfio.mapDma({ ioVirtualAddress, userAddress, size }));
    const unmapped = vfio.unmapDma({ ioVirtualAddress, size });
    return typeof unmapped === 'number' ? outcomeOf(unmapped) : { kind: 'done', by: 'return', value: unmapped };
  }

  channel(): DoorOutcome {
    return skipped;
  }

  shutdown(): DoorOutcome {
    this.#session.abandon();
    return { kind: 'done', by: 'return' };
  }

  #structureOf(place: Exclude<PciPlace, 'space'>): PciStructure | undefined {
    const { pci } = this.#session;
    if (place !== 'window') return pci.structure(typeOf[place]);
    return pci.structures().find(({ type }) => type === typeOf.window);
  }

  /** The window lies in configuration space itself. */
  #placeOf(place: PciPlace, offset: number): { readonly region: number; readonly offset: number } | undefined {
    const { CONFIG_REGION_INDEX } = vfioPci;
    if (place === 'space') return { region: CONFIG_REGION_INDEX, offset };
    const structure = this.#structureOf(place);
    if (structure === undefined) return undefined;
    return place === 'window'
      ? { region: CONFIG_REGION_INDEX, offset: structure.at + virtioPciCap.bar + offset }
      : { region: structure.bar, offset: structure.offset + offset };
  }
}

const outcomeOf = (answer: number): DoorOutcome =>
  answer < 0 ? { kind: 'refused', by: 'errno', value: -answer } : { kind: 'done', by: 'return' };

const readOutcome = (answer: number, bytes: Uint8Array): DoorOutcome =>
  answer < 0 ? outcomeOf(answer) : { kind: 'answered', bytes: bytes.subarray(0, answer) };
