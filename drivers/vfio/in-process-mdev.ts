import type { ParentDriver } from '../../reference-impl/devices/parent-driver.ts';
import { MdevDevice } from '../../reference-impl/vhost-mdev/mdev-device.ts';
import type { MdevRules } from '../../reference-impl/vhost-mdev/mdev-rules.ts';
import { InProcessVfio } from './in-process-vfio.ts';

/** The reference vhost-mdev of this process. */
export const inProcessMdev = (makeParent: () => ParentDriver, rules: MdevRules): InProcessVfio<MdevDevice> =>
  new InProcessVfio((edge) => new MdevDevice(makeParent(), edge, rules));
