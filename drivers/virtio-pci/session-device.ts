import { errorName } from '../../reference-impl/wire/errno.ts';
import { virtioPciCapabilities } from '../../reference-impl/wire/virtio-pci.ts';
import type { ControlOutcome } from '../port/outcome.ts';
import type { ConfigRead, NumberRead, SessionDevice } from '../port/session-device.ts';
import type { AccessWidth, VirtioPciFunction } from '../port/virtio-pci-door.ts';
import { callOutcome, isDeviceGone } from '../session/call-outcome.ts';

const number = (what: string, answer: number): NumberRead => {
  if (answer >= 0) return { kind: 'number', value: answer };
  return isDeviceGone(-answer) ? { kind: 'closed' } : { kind: 'unreadable', why: `${what}: ${errorName(answer)}` };
};

/** Accesses that a range is read or written by: as wide as its alignment allows. */
function accesses(offset: number, length: number): { readonly at: number; readonly width: AccessWidth }[] {
  const all: { at: number; width: AccessWidth }[] = [];
  for (let at = offset; at < offset + length; ) {
    const left = offset + length - at;
    const width = at % 4 === 0 && left >= 4 ? 4 : at % 2 === 0 && left >= 2 ? 2 : 1;
    all.push({ at, width });
    at += width;
  }
  return all;
}

const retries = 16;

/** The device behind a virtio-pci session. It is reset by its status. */
export class PciDeviceParts implements SessionDevice {
  readonly config: {
    read(offset: number, length: number): ConfigRead;
    write(offset: number, bytes: Uint8Array): ControlOutcome;
  };
  readonly status: { get(): NumberRead; set(status: number): ControlOutcome };
  readonly queues: { count(): NumberRead };
  readonly reset = undefined;
  readonly #pci: VirtioPciFunction;

  /** @param setStatus writes the status, and lets the session know. */
  constructor(pci: VirtioPciFunction, setStatus: (status: number) => ControlOutcome) {
    this.#pci = pci;
    this.config = {
      read: (offset, length) => this.#readConfig(offset, length),
      write: (offset, bytes) => this.#writeConfig(offset, bytes),
    };
    this.status = { get: () => number('device_status', pci.read('deviceStatus')), set: setStatus };
    this.queues = { count: () => number('num_queues', pci.read('numQueues')) };
  }

  /** Reads until the generation is the same before and after, as drivers do. */
  #readConfig(offset: number, length: number): ConfigRead {
    const place = this.#pci.structure(virtioPciCapabilities.VIRTIO_PCI_CAP_DEVICE_CFG);
    if (place === undefined) return { kind: 'unreadable', why: 'no capability shows device-specific configuration' };
    const bytes = new Uint8Array(Math.max(0, Math.min(length, place.length - offset)));
    for (let left = retries; left > 0; left--) {
      const before = this.#pci.read('configGeneration');
      for (const { at, width } of accesses(offset, bytes.length)) {
        const value = this.#pci.readBar(place.bar, place.offset + at, width);
        if (value < 0) {
          if (isDeviceGone(-value)) return { kind: 'closed' };
          return { kind: 'unreadable', why: `device-specific configuration: ${errorName(value)}` };
        }
        for (let n = 0; n < width; n++) bytes[at - offset + n] = Math.floor(value / 256 ** n) & 0xff;
      }
      if (before === this.#pci.read('configGeneration')) return { kind: 'bytes', bytes };
    }
    return { kind: 'unreadable', why: `the generation changed in each of ${retries} reads` };
  }

  #writeConfig(offset: number, bytes: Uint8Array): ControlOutcome {
    const place = this.#pci.structure(virtioPciCapabilities.VIRTIO_PCI_CAP_DEVICE_CFG);
    if (place === undefined) return { kind: 'refused', by: 'errno', value: 0 };
    for (const { at, width } of accesses(offset, bytes.length)) {
      let value = 0;
      for (let n = width - 1; n >= 0; n--) value = value * 256 + (bytes[at - offset + n] ?? 0);
      const written = this.#pci.writeBar(place.bar, place.offset + at, width, value);
      if (written < 0) return callOutcome(written);
    }
    return { kind: 'done', by: 'return' };
  }
}
