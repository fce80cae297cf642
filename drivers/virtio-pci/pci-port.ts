import type { GuestLayout } from '../../reference-impl/memory/guest-layout.ts';
import { DriverUsageError } from '../errors.ts';
import type { Operator } from '../port/port.ts';
import { DeviceFilePort, type DeviceFilePortOptions } from '../session/device-file-port.ts';
import type { MappedGuest } from '../session/guest-memory.ts';
import { within } from '../session/layout-within.ts';
import type { SessionPort } from '../session/session-port.ts';
import type { IoVirtualRange } from '../vfio/io-virtual-ranges.ts';
import { recordedOpening } from '../vfio/recorded-vfio-file.ts';
import type { VfioCarrier } from '../vfio/vfio-carrier.ts';
import { OpenVfioDevice } from '../vfio/vfio-device.ts';
import { OpenPciFunction } from './pci-function.ts';
import { PciSession } from './pci-session.ts';

export interface PciPortOptions extends DeviceFilePortOptions {
  readonly carrier: VfioCarrier;
  /** Absent where nothing can be done to it from outside. */
  readonly operator?: Operator;
  /** Resets the function while no session has it open. Absent where only its driver can. */
  readonly resetFunction?: () => void;
}

/** The driver of a virtio function, over any carrier of VFIO. */
export class PciPort extends DeviceFilePort<PciSession> {
  readonly operator?: Operator;
  readonly #options: PciPortOptions;

  constructor(options: PciPortOptions) {
    super(options);
    this.#options = options;
    if (options.operator !== undefined) this.operator = options.operator;
  }

  protected open(id: number): ReturnType<SessionPort<PciSession>['open']> {
    const opened = this.#options.carrier.open(recordedOpening(this.log, id));
    if (opened.kind === 'refused') return opened;
    const vfio = new OpenVfioDevice(opened.file, this.log, id);
    vfio.setLayout('virtio-pci');
    const session = new PciSession({
      context: this,
      vfio,
      pci: new OpenPciFunction(vfio),
      id,
      lend: (guest) => this.lend(guest),
    });
    return { kind: 'opened', session, detail: 'virtio-pci' };
  }

  protected override resetFunction(): void {
    const { resetFunction } = this.#options;
    if (resetFunction === undefined) throw new DriverUsageError(`${this.facts.name} is not reset from here`);
    this.reconnect();
    resetFunction();
  }

  /** In the widest range that the IOMMU takes. */
  protected override mapGuest(layout: GuestLayout, name: string, hasRedZones: boolean): MappedGuest {
    const [first, ...others] = this.#options.carrier.ioVirtualRanges ?? [];
    const widest = others.reduce((a, b) => (b !== undefined && a !== undefined && width(b) > width(a) ? b : a), first);
    return super.mapGuest(widest === undefined ? layout : within(layout, widest), name, hasRedZones);
  }
}

const width = ({ first, last }: IoVirtualRange): bigint => last - first;
