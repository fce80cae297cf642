import type { DeviceDriver } from '../../drivers/devices/device-driver.ts';
import type { DriverPort, GuestRing, Session } from '../../drivers/port/port.ts';
import { VIRTIO_BLK_F_MQ } from '../../reference-impl/devices/block-layout.ts';

/** Of so many rings, those on which requests complete by themselves. A block device has one without MQ (virtio 5.2.2). */
export function requestQueues<R extends GuestRing>(
  driver: DeviceDriver<R>,
  { negotiated }: Session,
  ringCount: number,
): readonly number[] {
  const isAlone = driver.kind === 'block' && (negotiated.accepted.device & VIRTIO_BLK_F_MQ) === 0n;
  return isAlone ? [driver.queueIndex] : driver.requestQueues(ringCount);
}

/** A block device may offer MQ with one request queue (virtio 5.2.4): where that is known, nothing waits on another. */
export const severalRequestQueues = {
  holds: ({ workload }: DriverPort['facts']): boolean =>
    !('requestQueues' in workload) || Number(workload.requestQueues) > 1,
  missing: 'a target with two request queues (requestQueues)',
} as const;
