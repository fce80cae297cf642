import type { RequirementSlug } from '../../../catalogue/catalogue.ts';
import type { CallCheck } from './call-check.ts';
import type { InformationModel } from './information-model.ts';
import type { MdevFacts } from './mdev-shape.ts';
import { type PlainRegion, PlainRegionModel } from './plain-region-model.ts';

const size = 256;
const virtioVendor = 0x1af4;
/** Virtio 5: device ids; class and subclass of PCI. */
const typeOf: Readonly<Record<string, { readonly id: number; readonly class: number }>> = {
  net: { id: 1, class: 0x0200 },
  block: { id: 2, class: 0x0180 },
};
const statusAt = 0x06;
const hasCapabilities = 0x10;
const firstBar = 0x10;
const bars = 3;
const capabilitiesAt = 0x34;
const msixId = 0x11;
const msixEntryBytes = 16;
const mostCapabilities = 16;
/** What a user may set: command, cache line size, latency timer, interrupt line. */
const fields: ReadonlyMap<number, number> = new Map([
  [0x04, 0x06],
  [0x05, 0x04],
  [0x0c, 0xff],
  [0x0d, 0xff],
  [0x3c, 0xff],
]);

/** PCI configuration space of layout L1, as implementations choose it: no text of it was found. */
export class PciConfigModel {
  readonly #facts: MdevFacts;
  readonly #check: CallCheck;
  readonly #information: InformationModel;
  readonly #plain: PlainRegionModel;
  /** As it was read. */
  readonly #seen = new Map<number, number>();

  constructor(facts: MdevFacts, check: CallCheck, information: InformationModel) {
    this.#facts = facts;
    this.#check = check;
    this.#information = information;
    const region: PlainRegion = {
      what: 'configuration space',
      size,
      writable: (at) => this.#writable(at),
      content: (at) => contentOf(facts.device, at),
      requirements: {
        holds: (at, wasWritten) => requirementAt(at, wasWritten),
        end: 'vm-regions/config-space-end-refused',
        across: 'vm-regions/config-space-ends-access',
      },
    };
    this.#plain = new PlainRegionModel(region, check);
  }

  reset(): void {
    this.#plain.reset();
    this.#seen.clear();
  }

  read(offset: number, length: number, bytes: Uint8Array, result: number): void {
    this.#plain.read(offset, length, bytes, result);
    if (this.#check.isLost) return;
    for (let n = 0; n < result; n++) this.#seen.set(offset + n, bytes[n] as number);
    this.#judgeIds();
    this.#judgeMsix();
  }

  write(offset: number, length: number, bytes: Uint8Array, result: number): void {
    this.#plain.write(offset, length, bytes, result);
    for (let n = 0; n < result; n++) this.#seen.delete(offset + n);
  }

  #writable(at: number): number | undefined {
    if (at >= firstBar && at < firstBar + 4 * bars) {
      const bytes = this.#information.sizeOf((at - firstBar) >> 2);
      if (bytes === undefined) return undefined;
      const mask = -(2 ** Math.ceil(Math.log2(Math.max(16, Number(bytes))))) >>> 0;
      return (mask >>> (8 * (at & 3))) & 0xff;
    }
    const field = fields.get(at);
    if (field !== undefined) return field;
    // The control of MSI-X lies in its capability.
    return at >= 0x40 ? undefined : 0;
  }

  #number(at: number, bytes: number): number | undefined {
    let number = 0;
    for (let n = bytes - 1; n >= 0; n--) {
      const byte = this.#seen.get(at + n);
      if (byte === undefined) return undefined;
      number = number * 256 + byte;
    }
    return number;
  }

  #judgeIds(): void {
    const device = this.#number(0x02, 2);
    if (device === undefined) return;
    const isId = device !== 0 && device !== 0xffff;
    this.#check.holds(isId, 'vm-identity/config-space-has-ids', 'the device id', '1 to fffe', device.toString(16));
  }

  #judgeMsix(): void {
    const status = this.#number(statusAt, 2);
    let at = this.#number(capabilitiesAt, 1);
    if (status === undefined || at === undefined) return;
    const check = this.#check;
    const requirement = 'vm-identity/config-space-lists-msix';
    if (!check.holds((status & hasCapabilities) !== 0, requirement, 'the flag of a list', 'set', 'clear')) return;
    for (let n = 0; n < mostCapabilities; n++) {
      const id = this.#number(at, 1);
      if (id === undefined) return;
      if (id === msixId) {
        this.#judgeCapability(at);
        return;
      }
      at = this.#number(at + 1, 1);
      if (at === undefined) return;
      if (at === 0) break;
    }
    check.fail(requirement, 'the list of capabilities', 'MSI-X', 'none');
  }

  #judgeCapability(at: number): void {
    const check = this.#check;
    const { rings } = this.#facts;
    const control = this.#number(at + 2, 2);
    const table = this.#number(at + 4, 4);
    const pending = this.#number(at + 8, 4);
    if (control === undefined || table === undefined || pending === undefined) return;
    check.equal('vm-identity/config-space-lists-msix', 'vectors of MSI-X', (control & 0x7ff) + 1, rings);
    check.equal('vm-identity/msix-lies-in-bar2', 'BAR and offset of the table', table, 2);
    check.equal('vm-identity/msix-lies-in-bar2', 'BAR of the pending bits', pending & 7, 2);
    const offset = pending - (pending & 7);
    const least = rings * msixEntryBytes;
    const what = 'offset of the pending bits';
    check.holds(offset >= least, 'vm-identity/msix-lies-in-bar2', what, `${least} at least`, String(offset));
  }
}

function contentOf(device: string, at: number): number | undefined {
  const type = typeOf[device];
  switch (at) {
    case 0x00:
    case 0x2c:
      return virtioVendor & 0xff;
    case 0x01:
    case 0x2d:
      return virtioVendor >> 8;
    case 0x0a:
      return type === undefined ? undefined : type.class & 0xff;
    case 0x0b:
      return type === undefined ? undefined : type.class >> 8;
    case 0x2e:
      return type?.id;
    case 0x2f:
      return 0;
  }
  return undefined;
}

function requirementAt(at: number, wasWritten: boolean): RequirementSlug {
  if (at < 0x04 || (at >= 0x2c && at < 0x30)) {
    if (wasWritten) return 'vm-identity/config-space-ids-read-only';
    return at >= 0x2e ? 'vm-identity/config-space-tells-device-type' : 'vm-identity/config-space-has-ids';
  }
  if (wasWritten) {
    const isBar = at >= firstBar && at < firstBar + 4 * bars;
    return isBar ? 'vm-identity/bar-tells-its-size' : 'vm-identity/config-space-writable-fields';
  }
  return at === 0x0a || at === 0x0b ? 'vm-identity/config-space-class' : 'vm-identity/config-space-widths-agree';
}
