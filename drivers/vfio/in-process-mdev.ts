import type { ParentDriver } from '../../reference-impl/devices/parent-driver.ts';
import { MdevDevice } from '../../reference-impl/vhost-mdev/mdev-device.ts';
import type { MdevRules } from '../../reference-impl/vhost-mdev/mdev-rules.ts';
import { VFIO_REGION_SPAN } from '../../reference-impl/wire/vfio-structures.ts';
import { InProcessVfio } from './in-process-vfio.ts';

/** The reference vhost-mdev of this process. */
export const inProcessMdev = (makeParent: () => ParentDriver, rules: MdevRules): InProcessVfio<SteppedMdev> =>
  new InProcessVfio((edge) => new SteppedMdev(makeParent(), edge, rules));

/** What was notified before is done ahead of writes, and not of doorbells. */
export class SteppedMdev extends MdevDevice {
  settlesAhead(access: 'read' | 'write' | 'map', position: number): boolean {
    const region = this.rules.layout.regions[Math.floor(position / VFIO_REGION_SPAN)];
    return access === 'write' && region?.use !== 'doorbells';
  }
}
