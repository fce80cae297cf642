import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import t from 'tap';
import { EventLog } from '../../reference-impl/observations/event-log.ts';
import { ioctlName } from '../../reference-impl/wire/ioctl-names.ts';
import { closeFd, openFile } from '../native/native.ts';
import { kernelPageSize } from '../port/page-size.ts';
import { holdersOf } from '../vfio/group-holders.ts';
import { KernelVfio } from '../vfio/kernel-vfio.ts';
import { recordedOpening } from '../vfio/recorded-vfio-file.ts';
import { mdevSubject, uuidOf } from '../vfio/vfio-subject.ts';
import { ScriptedVfioKernel, scriptedUuid } from './scripted-vfio-kernel.ts';
import { throwsUsage } from './thrown-errors.ts';

const EBADF = -9;
const EINVAL = -22;
const group = '/dev/vfio/7';

function opened(kernel: ScriptedVfioKernel) {
  const answer = new KernelVfio(mdevSubject(scriptedUuid), kernel).open();
  assert.ok(answer.kind === 'opened', JSON.stringify(answer));
  return answer.file;
}

t.test('a device is opened by its group and container, and closed from the device on', async (t) => {
  const kernel = new ScriptedVfioKernel();
  const file = opened(kernel);
  t.same(kernel.calls.splice(0), [
    'open /dev/vfio/vfio',
    'GET_API_VERSION /dev/vfio/vfio 0',
    'CHECK_EXTENSION /dev/vfio/vfio 3',
    `open ${group}`,
    `GROUP_GET_STATUS ${group} ${Buffer.from([8, 0, 0, 0, 1, 0, 0, 0])}`.replace('\x01', '\0'),
    `SET_CONTAINER ${group} ${Buffer.from([100, 0, 0, 0])}`,
    'SET_IOMMU /dev/vfio/vfio 3',
    `GET_DEVICE_FD ${group} ${scriptedUuid}\0`,
    'open device',
  ]);
  file.close();
  file.close();
  t.same(kernel.calls, ['close device', `close ${group}`, 'close /dev/vfio/vfio'], 'once');
  t.same(kernel.held, []);
});

t.test('the calls that open it enter the log, with what came of them', async (t) => {
  const log = new EventLog(() => 0);
  const kernel = new ScriptedVfioKernel();
  const answer = new KernelVfio(mdevSubject(scriptedUuid), kernel).open(recordedOpening(log, 3));
  assert.ok(answer.kind === 'opened');
  const told = (): string[] =>
    log
      .events()
      .flatMap((event) => (event.kind === 'ioctl' ? `${event.on} ${ioctlName(event.request)} ${event.result}` : []));
  t.match(told(), [
    'container VFIO_GET_API_VERSION 0',
    'container VFIO_CHECK_EXTENSION 1',
    'group VFIO_GROUP_GET_STATUS 0',
    'group VFIO_GROUP_SET_CONTAINER 0',
    'container VFIO_SET_IOMMU 0',
    /^group VFIO_GROUP_GET_DEVICE_FD \d+$/,
  ]);
  t.match(log.events(), [{ session: 3 }]);
  answer.file.close();
  log.restart();
  kernel.errors['SET_IOMMU'] = 'EPERM';
  t.equal(new KernelVfio(mdevSubject(scriptedUuid), kernel).open(recordedOpening(log, 4)).kind, 'refused');
  t.equal(told().at(-1), 'container VFIO_SET_IOMMU -1');
});

t.test('calls go to the device or to the container, and nowhere after the close', async (t) => {
  const kernel = new ScriptedVfioKernel();
  const file = opened(kernel);
  kernel.calls.length = 0;
  file.ioctl(0x3b6b, new Uint8Array(16));
  file.containerIoctl(0x3b71, new Uint8Array(32));
  t.equal(file.pread(2 ** 40, new Uint8Array(4)), 4);
  t.equal(file.pwrite(0, new Uint8Array(20)), 20);
  t.same(kernel.calls.splice(0), [
    'ioctl device 0x3b6b 16',
    'ioctl /dev/vfio/vfio 0x3b71 32',
    'pread device 4 at 1099511627776',
    'pwrite device 20 at 0',
  ]);
  file.close();
  kernel.calls.length = 0;
  const nothing = new Uint8Array();
  t.same(
    [
      file.ioctl(0x3b6b, nothing),
      file.containerIoctl(0x3b71, nothing),
      file.pread(0, nothing),
      file.pwrite(0, nothing),
      file.map(0, 4096),
    ],
    [EBADF, EBADF, EBADF, EBADF, EBADF],
  );
  t.same(kernel.calls, []);
});

t.test('pages that are still mapped are unmapped before the device is closed', async (t) => {
  const kernel = new ScriptedVfioKernel();
  const file = opened(kernel);
  const first = file.map(2 ** 40, 4096);
  const second = file.map(2 ** 40 + 4096, 4096);
  assert.ok(typeof first !== 'number' && typeof second !== 'number');
  t.equal(first.bytes.length, 4096);
  first.unmap();
  first.unmap();
  t.equal(first.bytes.length, 0);
  kernel.errors['map'] = 'EINVAL';
  t.equal(file.map(0, 4096), EINVAL, 'what cannot be mapped is an answer');
  t.equal(second.bytes.length, 4096);
  file.close();
  t.equal(second.bytes.length, 0);
  second.unmap();
});

const refusals: readonly [string, (kernel: ScriptedVfioKernel) => void, RegExp][] = [
  ['no mdev', (kernel) => kernel.missing.add('/sys/bus/mdev/devices'), /^no module mdev is loaded: modprobe mdev$/],
  [
    'no such device',
    (kernel) => kernel.missing.add(`/sys/bus/mdev/devices/${scriptedUuid}`),
    /^there is not a mediated device 01234567-89ab-4cde-8f01-23456789abcd \(\/sys\/bus\/mdev\/devices\/[0-9a-f-]{36}\)$/,
  ],
  [
    'no group',
    (kernel) => kernel.missing.add(`/sys/bus/mdev/devices/${scriptedUuid}/iommu_group`),
    /has no IOMMU group: its driver does not offer it to VFIO$/,
  ],
  [
    'no vfio',
    (kernel) => (kernel.errors['/dev/vfio/vfio'] = 'ENOENT'),
    /^there is no \/dev\/vfio\/vfio: modprobe vfio$/,
  ],
  ['vfio unloaded', (kernel) => (kernel.errors['/dev/vfio/vfio'] = 'ENODEV'), /modprobe vfio$/],
  [
    'no permission',
    (kernel) => (kernel.errors['/dev/vfio/vfio'] = 'EACCES'),
    /^no permission on \/dev\/vfio\/vfio: run/,
  ],
  ['no permission on the group', (kernel) => (kernel.errors[group] = 'EPERM'), /^no permission on \/dev\/vfio\/7: run/],
  ['a busy group', (kernel) => (kernel.errors[group] = 'EBUSY'), /^EBUSY: \/dev\/vfio\/7 is in use$/],
  ['another error', (kernel) => (kernel.errors[group] = 'EIO'), /^\/dev\/vfio\/7: EIO$/],
  ['another VFIO', (kernel) => (kernel.answers['GET_API_VERSION'] = 1), /^VFIO has version 1 here/],
  ['no type 1', (kernel) => (kernel.answers['CHECK_EXTENSION'] = 0), /no IOMMU of type 1: modprobe vfio_iommu_type1$/],
  ['not viable', (kernel) => (kernel.isViable = false), /^\/dev\/vfio\/7 is not viable/],
  ['no IOMMU', (kernel) => (kernel.errors['SET_IOMMU'] = 'ENODEV'), /^VFIO_SET_IOMMU: ENODEV$/],
  ['no device', (kernel) => (kernel.errors['GET_DEVICE_FD'] = 'EBUSY'), /^VFIO_GROUP_GET_DEVICE_FD: EBUSY$/],
];

for (const [what, breakKernel, why] of refusals) {
  t.test(`refused: ${what}`, async (t) => {
    const kernel = new ScriptedVfioKernel();
    breakKernel(kernel);
    const answer = new KernelVfio(mdevSubject(scriptedUuid), kernel).open();
    assert.ok(answer.kind === 'refused');
    t.match(answer.why, why);
    t.notMatch(answer.why, /\n/);
    t.same(kernel.held, [], 'what was opened is closed');
  });
}

t.test('UUIDs', async (t) => {
  t.equal(uuidOf(scriptedUuid.toUpperCase()), scriptedUuid);
  for (const text of ['', 'net', `${scriptedUuid}0`, scriptedUuid.replaceAll('-', ''), `../${scriptedUuid}`]) {
    throwsUsage(t, () => uuidOf(text), text);
  }
});

t.test('who holds a file', async (t) => {
  const path = `${t.testdir({ held: '' })}/held`;
  t.same(holdersOf(path), []);
  const fd = openFile(path);
  t.match(holdersOf(path), [new RegExp(`^${process.pid} \\(.+\\)$`)]);
  closeFd(fd);
});

t.test('this kernel has pages', async (t) => {
  t.equal(kernelPageSize() % 4096, 0);
  t.ok(kernelPageSize() > 0);
});

t.test('the kernel as it is', { skip: existsSync('/dev/vfio/vfio') && 'it has VFIO' }, async (t) => {
  const answer = new KernelVfio(mdevSubject(scriptedUuid)).open();
  t.match(answer, { kind: 'refused', why: /modprobe|no mediated device/ });
});
