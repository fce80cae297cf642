import { type VdpaKernel, vdpaKernel } from './vdpa-kernel.ts';

const control = '/dev/vduse/control';
/** VDUSE_DESTROY_DEV: _IOW(0x81, 3, char[256]). */
const VDUSE_DESTROY_DEV = 0x4100_8103;
const nameBytes = 256;

/**
 * Removes a VDUSE device, which stays behind a program that did not remove it: one whose program does not answer is
 * broken for good. No vDPA device may be made of it, and no program have it. 0, or an error number negated.
 */
export function destroyVduse(name: string, kernel: VdpaKernel = vdpaKernel): number {
  const file = kernel.open(control);
  try {
    const argument = new Uint8Array(nameBytes);
    argument.set(new TextEncoder().encode(name).subarray(0, nameBytes - 1));
    return kernel.ioctl(file, VDUSE_DESTROY_DEV, argument);
  } finally {
    kernel.close(file);
  }
}
