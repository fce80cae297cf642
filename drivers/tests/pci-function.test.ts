import t from 'tap';
import { errno } from '../../reference-impl/wire/errno.ts';
import { vfioPci } from '../../reference-impl/wire/vfio-structures.ts';
import { PCI_CONFIG_SIZE, virtioPciCapabilities } from '../../reference-impl/wire/virtio-pci.ts';
import type { VfioDevice } from '../port/port.ts';
import { OpenPciFunction } from '../virtio-pci/pci-function.ts';
import { PciVectors } from '../virtio-pci/pci-vectors.ts';

const types = virtioPciCapabilities;
const barSize = 0x1000;

/** A function of plain bytes: configuration space and BAR 0, which answer any access. */
function functionOf(change: (config: Uint8Array) => void, answers: Partial<VfioDevice> = {}) {
  const config = new Uint8Array(PCI_CONFIG_SIZE);
  config[0x06] = 0x10;
  change(config);
  const bar = new Uint8Array(barSize);
  const bytesOf = (region: number): Uint8Array => (region === vfioPci.CONFIG_REGION_INDEX ? config : bar);
  const irqs: number[][] = [];
  const vfio = {
    read: (region: number, offset: number, bytes: Uint8Array) => {
      const part = bytesOf(region).subarray(offset, offset + bytes.length);
      bytes.set(part);
      return part.length;
    },
    write: (region: number, offset: number, bytes: Uint8Array) => {
      bytesOf(region).set(bytes, offset);
      return bytes.length;
    },
    regionInfo: (index: number) => ({ flags: 3, size: index === 0 ? BigInt(barSize) : 0n, offset: 0n }),
    setIrqEvents: (_: number, start: number, events: readonly number[]) => {
      irqs.push([start, events.length]);
      return 0;
    },
    ...answers,
  } as unknown as VfioDevice;
  return { pci: new OpenPciFunction(vfio), vfio, config, bar, irqs };
}

/** Puts a capability of virtio at a place, which points at the next. */
function put(
  config: Uint8Array,
  at: number,
  next: number,
  type: number,
  fields: Partial<Record<'bar' | 'offset' | 'length', number>>,
) {
  const view = new DataView(config.buffer);
  config.set([0x09, next, 16, type, fields.bar ?? 0], at);
  view.setUint32(at + 8, fields.offset ?? 0, true);
  view.setUint32(at + 12, fields.length ?? 64, true);
}

t.test('a list that goes round, or leaves the space of capabilities, ends', async (t) => {
  const round = functionOf((config) => {
    config[0x34] = 0x40;
    put(config, 0x40, 0x60, types.VIRTIO_PCI_CAP_COMMON_CFG, {});
    put(config, 0x60, 0x40, types.VIRTIO_PCI_CAP_ISR_CFG, {});
  });
  t.same(round.pci.capabilities(), {
    all: [
      { id: 9, at: 0x40 },
      { id: 9, at: 0x60 },
    ],
    brokenBy: 'a loop to 0x40',
  });
  t.equal(round.pci.structures().length, 2);
  const low = functionOf((config) => {
    config[0x34] = 0x10;
  });
  t.same(low.pci.capabilities(), { all: [], brokenBy: 'a capability at 0x10' });
  const none = functionOf((config) => {
    config[0x06] = 0;
    config[0x34] = 0x40;
  });
  t.same(none.pci.capabilities(), { all: [], brokenBy: 'there is no list' });
});

t.test('of a type the first structure counts that lies in a BAR which is there', async (t) => {
  const { pci } = functionOf((config) => {
    config[0x34] = 0x40;
    put(config, 0x40, 0x50, types.VIRTIO_PCI_CAP_COMMON_CFG, { bar: 6 });
    put(config, 0x50, 0x60, types.VIRTIO_PCI_CAP_COMMON_CFG, { bar: 1 });
    put(config, 0x60, 0x70, types.VIRTIO_PCI_CAP_COMMON_CFG, { offset: barSize });
    put(config, 0x70, 0x80, types.VIRTIO_PCI_CAP_COMMON_CFG, { offset: 0x100 });
    put(config, 0x80, 0, types.VIRTIO_PCI_CAP_COMMON_CFG, { offset: 0x200 });
  });
  t.equal(pci.structures().length, 5);
  t.equal(pci.structure(types.VIRTIO_PCI_CAP_COMMON_CFG)?.at, 0x70);
  t.equal(pci.structure(types.VIRTIO_PCI_CAP_ISR_CFG), undefined);
  t.equal(pci.readIsr(), -errno.ENXIO);
});

t.test('fields are read and written in their own width, at their place', async (t) => {
  const { pci, bar } = functionOf((config) => {
    config[0x34] = 0x40;
    put(config, 0x40, 0, types.VIRTIO_PCI_CAP_COMMON_CFG, { offset: 0x100 });
  });
  t.equal(pci.write('queueDescHigh', 0xfedc_ba98), 4);
  t.same([...bar.subarray(0x100 + 36, 0x100 + 40)], [0x98, 0xba, 0xdc, 0xfe]);
  t.equal(pci.read('queueDescHigh'), 0xfedc_ba98);
  t.equal(pci.write('deviceStatus', 3), 1);
  t.equal(pci.read('configGeneration'), 0);
  t.equal(pci.write('queueReset', 1), 2);
  t.equal(bar[0x100 + 58], 1);
});

t.test('without the structure, or where an access is short or fails, an error number is told', async (t) => {
  const bare = functionOf(() => {});
  t.equal(bare.pci.read('deviceStatus'), -errno.ENXIO);
  t.equal(bare.pci.write('deviceStatus', 0), -errno.ENXIO);
  t.equal(bare.pci.vectors(), 0);
  const gone = functionOf(() => {}, { read: () => -errno.ENODEV, write: () => -errno.ENODEV });
  t.equal(gone.pci.readConfigSpace(0, 2), -errno.ENODEV);
  t.same(gone.pci.capabilities(), { all: [], brokenBy: 'there is no list' });
  const short = functionOf(() => {}, { read: () => 1, write: () => 1 });
  t.equal(short.pci.readConfigSpace(0, 2), -errno.EIO);
  t.equal(short.pci.writeConfigSpace(0, 4, 0), -errno.EIO);
});

t.test('vectors: all are enabled at once, and each queue has its own while there are some', async (t) => {
  const { pci, vfio, irqs } = functionOf((config) => {
    config[0x34] = 0x40;
    put(config, 0x40, 0x50, types.VIRTIO_PCI_CAP_COMMON_CFG, {});
    config.set([0x11, 0, 2, 0], 0x50);
  });
  t.equal(pci.vectors(), 3);
  const vectors = new PciVectors(vfio, pci);
  vectors.enable();
  vectors.enable();
  t.same(irqs, [[0, 3]], 'they are enabled once');
  t.same(
    [7, 0, 3, 7].map((index) => vectors.of(index)),
    [
      { vector: 1, isShared: false },
      { vector: 2, isShared: false },
      { vector: 0, isShared: true },
      { vector: 1, isShared: false },
    ],
  );
  vectors.mapSelected(3, -1);
  t.equal(pci.read('queueMsixVector'), 0);
  t.equal(irqs.length, 1, 'the shared vector keeps its event');
  vectors.release();
  const refuses = functionOf((config) => {
    config[0x34] = 0x40;
    put(config, 0x40, 0x50, types.VIRTIO_PCI_CAP_COMMON_CFG, {});
    config.set([0x11, 0, 2, 0], 0x50);
  });
  // A field that takes nothing reads as NO_VECTOR would.
  const without = new PciVectors(refuses.vfio, Object.assign(refuses.pci, { read: () => 0xffff }));
  t.throws(() => without.enable(), /config_msix_vector reads 65535/);
  without.release();
  t.throws(() => new PciVectors(vfio, functionOf(() => {}).pci).enable(), /no MSI-X capability/);
});
