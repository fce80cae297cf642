import fc from 'fast-check';
import { blockConfig } from '../../reference-impl/devices/block-layout.ts';
import {
  type CommonConfigField,
  commonConfig,
  PCI_CONFIG_SIZE,
  pciHeader,
  VIRTIO_MSI_NO_VECTOR,
} from '../../reference-impl/wire/virtio-pci.ts';
import { type CallDraft, draft } from './call-draft.ts';

/** A number of so many bytes, as fields have it. */
export function little(bytes: number, value: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, n) => Math.floor(value / 256 ** n) % 256);
}

const readField = (field: CommonConfigField): CallDraft => {
  const { at, bytes } = commonConfig[field];
  return draft('pci-read', { place: 'common', offset: at, length: bytes });
};

const writeField = (field: CommonConfigField, value: number): CallDraft => {
  const { at, bytes } = commonConfig[field];
  return draft('pci-write', { place: 'common', offset: at, bytes: little(bytes, value) });
};

export const wholeSpace = draft('pci-read', { place: 'space', offset: 0, length: PCI_CONFIG_SIZE });
export const readStatus = readField('deviceStatus');
export const readIsr = draft('pci-read', { place: 'isr', offset: 0, length: 1 });
const headerStatus = draft('pci-read', { place: 'space', offset: pciHeader.status, length: 2 });

const selectors = fc.constantFrom(0, 1, 2, 4, 5, 8, 0x8000_0000, 0xffff_ffff);
/** Queues of small devices, and far ones. */
const index = (queues: number): fc.Arbitrary<number> =>
  fc.constantFrom(0, 0, 1, 2, Math.max(queues - 1, 0), Math.max(queues - 1, 0), queues, queues + 1, 0xffff);
const word32 = fc.constantFrom(0x1000, 0xdead_b000, 0x7fff_f000, 0x12_3000);

const queueFields = [
  'queueSize',
  'queueMsixVector',
  'queueEnable',
  'queueNotifyOff',
  'queueNotifConfigData',
  'queueDescLow',
  'queueDescHigh',
  'queueDriverLow',
  'queueDriverHigh',
  'queueDeviceLow',
  'queueDeviceHigh',
  'queueReset',
] as const;

/** Fields of a queue as they are shown. */
export const walkOf = (queue: number, fields: readonly CommonConfigField[] = queueFields): readonly CallDraft[] => [
  writeField('queueSelect', queue),
  ...fields.map(readField),
];

const vectors = fc.constantFrom(0, 0, 1, 1, 2, 3, VIRTIO_MSI_NO_VECTOR, VIRTIO_MSI_NO_VECTOR);

const configRead = fc
  .tuple(fc.constantFrom(0, 4, 8, 12, 20, 32, 36), fc.constantFrom(1, 2, 4))
  .map(([offset, length]) => [readField('configGeneration'), draft('pci-read', { place: 'device', offset, length })]);

const writeback = fc.constantFrom(0, 1).map((value) => {
  const look = draft('pci-read', { place: 'device', offset: blockConfig.writeback, length: 1 });
  const generation = readField('configGeneration');
  const write = (byte: number): CallDraft =>
    draft('pci-write', { place: 'device', offset: blockConfig.writeback, bytes: Uint8Array.of(byte) });
  return [look, generation, write(value), look, generation, write(1 - value), look, generation];
});

const byWindow: fc.Arbitrary<readonly CallDraft[]> = fc.oneof(
  fc.constant([draft('pci-window', { place: 'common', offset: commonConfig.numQueues.at, length: 2 })]),
  fc
    .constantFrom(0x0101, 0x0203, 1, 0)
    .map((value) => [
      draft('pci-window', { place: 'common', offset: commonConfig.queueSelect.at, length: 2, bytes: little(2, value) }),
      readField('queueSelect'),
    ]),
  selectors.map((value) => [
    writeField('deviceFeatureSelect', value),
    draft('pci-window', { place: 'common', offset: commonConfig.deviceFeatureSelect.at, length: 4 }),
  ]),
  fc.constant([draft('pci-window', { place: 'common', offset: commonConfig.deviceStatus.at, length: 1 })]),
);

/** Accesses as drivers make them, of a device with so many queues. */
export const pciAccesses = (queues: number): fc.Arbitrary<readonly CallDraft[]> =>
  fc.oneof(
    selectors.map((select) => [writeField('deviceFeatureSelect', select), readField('deviceFeature')]),
    fc.constantFrom(0, 1).map((select) => [writeField('driverFeatureSelect', select), readField('driverFeature')]),
    fc
      .constantFrom<CommonConfigField>('configMsixVector', 'numQueues', 'deviceStatus', 'configGeneration')
      .map((field) => [readField(field)]),
    { weight: 3, arbitrary: index(queues).map((queue) => walkOf(queue)) },
    vectors.map((vector) => [writeField('configMsixVector', vector), readField('configMsixVector')]),
    {
      weight: 2,
      arbitrary: fc
        .tuple(index(queues), vectors)
        .map(([queue, vector]) => [
          writeField('queueSelect', queue),
          writeField('queueMsixVector', vector),
          readField('queueMsixVector'),
        ]),
    },
    fc
      .tuple(fc.constantFrom('Desc' as const, 'Driver' as const, 'Device' as const), word32, word32)
      .map(([area, low, high]) => [
        writeField('queueSelect', Math.max(queues - 1, 0)),
        writeField(`queue${area}High`, high),
        writeField(`queue${area}Low`, low),
        readField(`queue${area}High`),
        readField(`queue${area}Low`),
      ]),
    fc
      .constantFrom(2, 16, 64)
      .map((size) => [
        writeField('queueSelect', Math.max(queues - 1, 0)),
        readField('queueSize'),
        writeField('queueSize', size),
        readField('queueSize'),
      ]),
    { weight: 2, arbitrary: fc.constant([wholeSpace, wholeSpace]) },
    { weight: 2, arbitrary: fc.constantFrom([headerStatus, readIsr], [readIsr], [readIsr, readIsr]) },
    configRead,
    writeback,
    { weight: 2, arbitrary: byWindow.map((drafts) => [wholeSpace, ...drafts]) },
  );

/** Features that the device may not take, up to FEATURES_OK. */
export const refusedFeatures: fc.Arbitrary<readonly CallDraft[]> = fc
  .constantFrom(0, 1, 2)
  .map((high) => [
    draft('status', { value: 0 }),
    writeField('deviceStatus', 1),
    writeField('deviceStatus', 3),
    ...[0, high].flatMap((word, select) => [
      writeField('driverFeatureSelect', select),
      writeField('driverFeature', word),
    ]),
    writeField('deviceStatus', 0xb),
    readStatus,
  ]);

const readOnly = ['deviceFeature', 'numQueues', 'configGeneration', 'queueNotifyOff', 'queueNotifConfigData'] as const;
const numbers = fc.constantFrom(0, 1, 2, 3, 7, 0xff, 0x7ff, 0x8000, 0xffff);

/** Accesses that no driver makes. */
export const oddAccess = (queues: number): fc.Arbitrary<readonly CallDraft[]> =>
  fc.oneof(
    fc
      .tuple(fc.nat({ max: 63 }), fc.constantFrom(1, 1, 2, 4, 8), numbers)
      .map(([offset, length, value]) => [
        draft('pci-write', { place: 'common', offset, bytes: little(length, value) }),
      ]),
    fc.tuple(fc.constantFrom(...readOnly), numbers).map(([field, value]) => [writeField(field, value)]),
    fc.constantFrom(0xff, 0x80, 0x40, 0x10, 8, 4, 1).map((value) => [writeField('deviceStatus', value)]),
    fc
      .tuple(index(queues), fc.constantFrom(...queueFields), numbers)
      .map(([queue, field, value]) => [writeField('queueSelect', queue), writeField(field, value)]),
    numbers.map((value) => [writeField('configMsixVector', value)]),
    fc
      .tuple(fc.constantFrom(0, 2, 4, 8, 12, 40, 0x100, 0x800), fc.constantFrom(1, 2, 4), numbers)
      .map(([offset, length, value]) => [
        draft('pci-write', { place: 'notify', offset, bytes: little(length, value) }),
      ]),
    fc
      .tuple(
        fc.constantFrom('common' as const, 'device' as const, 'isr' as const, 'notify' as const),
        fc.constantFrom(0, 1, 3, 20, 0x7fff),
        fc.constantFrom(0, 0, 1, 2, 3, 4, 8, 0xffff_ffff),
        fc.constantFrom(new Uint8Array(0), Uint8Array.of(1)),
      )
      .map(([place, offset, length, bytes]) => [draft('pci-window', { place, offset, length, bytes })]),
    fc
      .tuple(fc.constantFrom('isr' as const, 'device' as const, 'window' as const), fc.nat({ max: 16 }), numbers)
      .map(([place, offset, value]) => [draft('pci-write', { place, offset, bytes: little(2, value) })]),
  );
