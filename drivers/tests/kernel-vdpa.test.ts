import assert from 'node:assert/strict';
import { constants } from 'node:os';
import t from 'tap';
import { errno } from '../../reference-impl/wire/errno.ts';
import { vdpaRequests } from '../../reference-impl/wire/vdpa-structures.ts';
import { SystemCallError } from '../errors.ts';
import { closeFd, type MapOptions, type Mapping, mapMemory, memfdCreate } from '../native/native.ts';
import { KernelVdpa } from '../vhost-vdpa/kernel-vdpa.ts';
import { VdpaDeviceCalls } from '../vhost-vdpa/vdpa-device-calls.ts';
import type { VdpaKernel } from '../vhost-vdpa/vdpa-kernel.ts';
import { destroyVduse } from '../vhost-vdpa/vduse-control.ts';

/** A kernel with one device file: what is asked of it stands in `calls`, what it refuses in `errors`. */
class ScriptedVdpaKernel implements VdpaKernel {
  readonly calls: string[] = [];
  readonly errors: Partial<Record<'open' | 'ioctl' | 'write' | 'map', keyof typeof constants.errno>> = {};
  readonly mapped: MapOptions[] = [];

  open(path: string): number {
    this.calls.push(`open ${path}`);
    this.#fail('open');
    return 77;
  }

  ioctl(fd: number, request: number, argument: Uint8Array): number {
    this.calls.push(`ioctl ${fd} 0x${request.toString(16)}`);
    if (this.errors.ioctl !== undefined) return -constants.errno[this.errors.ioctl];
    argument.fill(1);
    return 0;
  }

  write(fd: number, bytes: Uint8Array): number {
    this.calls.push(`write ${fd} ${bytes.length}`);
    return this.errors.write === undefined ? bytes.length : -constants.errno[this.errors.write];
  }

  map(_fd: number, length: number, position: number, options: MapOptions): Mapping {
    this.calls.push(`map ${length} at ${position}`);
    this.#fail('map');
    this.mapped.push(options);
    const file = memfdCreate('doorbell', length, { seal: false });
    try {
      return mapMemory(file, length);
    } finally {
      closeFd(file);
    }
  }

  close(fd: number): void {
    this.calls.push(`close ${fd}`);
  }

  #fail(what: 'open' | 'map'): void {
    const name = this.errors[what];
    if (name !== undefined) throw new SystemCallError(constants.errno[name], what, 'the device');
  }
}

const device = '/dev/vhost-vdpa-7';

function opened(kernel: ScriptedVdpaKernel): VdpaDeviceCalls {
  const carrier = new KernelVdpa(() => device, kernel);
  const result = carrier.open();
  assert.ok(result.kind === 'opened');
  return new VdpaDeviceCalls(result.file, carrier.pageSize);
}

t.test('why a file cannot be opened is one line', async (t) => {
  const kernel = new ScriptedVdpaKernel();
  const why = (name: keyof typeof constants.errno): string => {
    kernel.errors.open = name;
    const result = new KernelVdpa(() => device, kernel).open();
    return result.kind === 'refused' ? result.why : 'opened';
  };
  t.match(why('ENOENT'), /^there is no \/dev\/vhost-vdpa-7: modprobe vhost_vdpa/);
  t.match(why('EACCES'), /^no permission on \/dev\/vhost-vdpa-7/);
  t.match(why('EBUSY'), /^EBUSY: \/dev\/vhost-vdpa-7 is in use/);
  t.match(why('EIO'), /EIO/);
});

t.test('calls, messages and pages go to the open file', async (t) => {
  const kernel = new ScriptedVdpaKernel();
  const calls = opened(kernel);
  t.equal(calls.deviceId(), 0x0101_0101);
  t.equal(calls.status(), 1);
  t.equal(calls.iotlb({ request: 2 }), 72);
  const page = calls.mapDoorbell(3);
  assert.ok(typeof page !== 'number');
  calls.store16(page, 3, 0x1234);
  t.same([...page.bytes.subarray(0, 2)], [0x34, 0x12]);
  t.same(kernel.mapped, [{ writeOnly: true, isPrivate: false }]);
  t.same(kernel.calls, [
    `open ${device}`,
    `ioctl 77 0x${vdpaRequests.VHOST_VDPA_GET_DEVICE_ID.toString(16)}`,
    `ioctl 77 0x${vdpaRequests.VHOST_VDPA_GET_STATUS.toString(16)}`,
    'write 77 72',
    'map 4096 at 12288',
  ]);
});

t.test('what the kernel refuses is an answer', async (t) => {
  const kernel = new ScriptedVdpaKernel();
  const calls = opened(kernel);
  kernel.errors.ioctl = 'EBUSY';
  kernel.errors.write = 'EFAULT';
  kernel.errors.map = 'EINVAL';
  t.equal(calls.setFeatures(1n), -errno.EBUSY);
  t.equal(calls.features(), -errno.EBUSY);
  t.equal(calls.iotlb({ request: 2 }), -errno.EFAULT);
  t.equal(calls.mapDoorbell(0), -errno.EINVAL);
});

t.test('behind its close every call answers EBADF, and pages are unmapped', async (t) => {
  const kernel = new ScriptedVdpaKernel();
  const calls = opened(kernel);
  const page = calls.mapDoorbell(0);
  assert.ok(typeof page !== 'number');
  const { bytes } = page;
  calls.file.close();
  calls.file.close();
  t.equal(bytes.length, 0, 'the page is gone');
  page.unmap();
  t.equal(calls.status(), -errno.EBADF);
  t.equal(calls.iotlb({ request: 2 }), -errno.EBADF);
  t.equal(calls.mapDoorbell(0), -errno.EBADF);
  t.equal(kernel.calls.filter((call) => call === 'close 77').length, 1);
});

t.test('a VDUSE device is removed by its name', async (t) => {
  const kernel = new ScriptedVdpaKernel();
  t.equal(destroyVduse('vc7', kernel), 0);
  t.same(kernel.calls, ['open /dev/vduse/control', 'ioctl 77 0x41008103', 'close 77']);
  kernel.errors.ioctl = 'EBUSY';
  t.equal(destroyVduse('vc7', kernel), -errno.EBUSY, 'a program has it');
});
