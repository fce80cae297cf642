import { maskNames } from './annotation-notes.ts';
import { type Annotation, Annotator, numberText } from './annotator.ts';
import { type Layout, u32 } from './layout.ts';
import {
  VFIO_DEVICE_FLAGS_PCI,
  VFIO_DEVICE_FLAGS_RESET,
  VFIO_DEVICE_FLAGS_VHOST,
  VFIO_DMA_MAP_FLAG_READ,
  VFIO_DMA_MAP_FLAG_WRITE,
  VFIO_GROUP_FLAGS_VIABLE,
  VFIO_IRQ_INFO_EVENTFD,
  VFIO_IRQ_SET_ACTION_MASK,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_ACTION_UNMASK,
  VFIO_IRQ_SET_DATA_BOOL,
  VFIO_IRQ_SET_DATA_EVENTFD,
  VFIO_IRQ_SET_DATA_NONE,
  VFIO_REGION_INFO_FLAG_MMAP,
  VFIO_REGION_INFO_FLAG_READ,
  VFIO_REGION_INFO_FLAG_WRITE,
  vfioDeviceInfo,
  vfioDmaMap,
  vfioDmaUnmap,
  vfioGroupRequests,
  vfioGroupStatus,
  vfioIrqInfo,
  vfioIrqSet,
  vfioRegionInfo,
  vfioRequests,
} from './vfio-structures.ts';

interface Argument {
  readonly layout: Layout;
  /** Names of the bits of `flags`. */
  readonly flags: Readonly<Record<string, number>>;
}

const structures = new Map<number, Argument>([
  [
    vfioRequests.VFIO_DEVICE_GET_INFO,
    {
      layout: vfioDeviceInfo.layout,
      flags: { reset: VFIO_DEVICE_FLAGS_RESET, pci: VFIO_DEVICE_FLAGS_PCI, vhost: VFIO_DEVICE_FLAGS_VHOST },
    },
  ],
  [
    vfioRequests.VFIO_DEVICE_GET_REGION_INFO,
    {
      layout: vfioRegionInfo.layout,
      flags: {
        read: VFIO_REGION_INFO_FLAG_READ,
        write: VFIO_REGION_INFO_FLAG_WRITE,
        mmap: VFIO_REGION_INFO_FLAG_MMAP,
      },
    },
  ],
  [vfioRequests.VFIO_DEVICE_GET_IRQ_INFO, { layout: vfioIrqInfo.layout, flags: { eventfd: VFIO_IRQ_INFO_EVENTFD } }],
  [
    vfioRequests.VFIO_DEVICE_SET_IRQS,
    {
      layout: vfioIrqSet.layout,
      flags: {
        'data none': VFIO_IRQ_SET_DATA_NONE,
        'data bool': VFIO_IRQ_SET_DATA_BOOL,
        'data eventfd': VFIO_IRQ_SET_DATA_EVENTFD,
        'action mask': VFIO_IRQ_SET_ACTION_MASK,
        'action unmask': VFIO_IRQ_SET_ACTION_UNMASK,
        'action trigger': VFIO_IRQ_SET_ACTION_TRIGGER,
      },
    },
  ],
  [
    vfioRequests.VFIO_IOMMU_MAP_DMA,
    {
      layout: vfioDmaMap.layout,
      flags: { read: VFIO_DMA_MAP_FLAG_READ, write: VFIO_DMA_MAP_FLAG_WRITE },
    },
  ],
  [
    vfioGroupRequests.VFIO_GROUP_GET_STATUS,
    { layout: vfioGroupStatus.layout, flags: { viable: VFIO_GROUP_FLAGS_VIABLE } },
  ],
  [vfioGroupRequests.VFIO_GROUP_SET_CONTAINER, { layout: [u32('container')], flags: {} }],
  [vfioGroupRequests.VFIO_CHECK_EXTENSION, { layout: [u32('extension')], flags: {} }],
  [vfioGroupRequests.VFIO_SET_IOMMU, { layout: [u32('type')], flags: {} }],
  [vfioRequests.VFIO_IOMMU_UNMAP_DMA, { layout: vfioDmaUnmap.layout, flags: {} }],
]);

/** Says what every byte of the argument of a VFIO call is. Copes with anything, as `annotate` does. */
export function annotateVfioArgument(request: number, bytes: Uint8Array): readonly Annotation[] {
  const annotator = new Annotator(bytes);
  if (request === vfioGroupRequests.VFIO_GROUP_GET_DEVICE_FD && bytes.length > 0) {
    annotator.add(0, bytes.length, 'name', nameText(bytes));
    return annotator.annotations;
  }
  const argument = structures.get(request);
  let at = 0;
  if (argument !== undefined) {
    const { layout, flags } = argument;
    at = annotator.fields(layout, 0, bytes.length, '', (field, value) =>
      field === 'flags' ? maskNames(Number(value), flags) : undefined,
    );
    if (request === vfioRequests.VFIO_DEVICE_SET_IRQS) at = eventDescriptors(annotator, bytes, at);
  }
  annotator.raw(at, bytes.length, at === 0 ? 'argument' : 'data', at === 0 ? 'as it is' : 'behind the structure');
  return annotator.annotations;
}

/** The name of a device, as bytes up to a zero: printable characters are themselves. */
function nameText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return [...(end < 0 ? bytes : bytes.subarray(0, end))]
    .map((byte) => (byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '?'))
    .join('');
}

/** The data of SET_IRQS, where its flags say that it is a descriptor for each vector. */
function eventDescriptors(annotator: Annotator, bytes: Uint8Array, start: number): number {
  if (start < vfioIrqSet.size || (annotator.u32(4) & VFIO_IRQ_SET_DATA_EVENTFD) === 0) return start;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const first = annotator.u32(12);
  let at = start;
  for (; at + 4 <= bytes.length; at += 4) {
    const descriptor = view.getInt32(at, true);
    const vector = first + (at - start) / 4;
    annotator.add(
      at,
      4,
      `vector ${vector}`,
      descriptor < 0 ? `${descriptor}` : numberText(descriptor),
      descriptor === -1 ? 'no event' : 'event descriptor',
    );
  }
  return at;
}
