import { netConfig, VIRTIO_NET_S_ANNOUNCE } from '../../../reference-impl/devices/net-layout.ts';
import { defineCase } from '../../case.ts';
import { fieldFrom } from '../device-parts.ts';
import { acknowledgeAnnouncement, commandQueue } from './control-queue.ts';

/** A device asks its driver to announce itself on the network (virtio 5.1.9.5.4). */

const status = { name: 'status', at: netConfig.status, bytes: 2 } as const;

export const clears = defineCase({
  id: 'virtio/net/announce-bit-clears-at-its-acknowledgement',
  title: 'once the command that acknowledges a request to announce is used, the ANNOUNCE bit of status is clear',
  proves: { 'net/announce-clears-before-acknowledge-used': 'net-announce-bit-stays' },
  applies: {
    start: 'negotiated',
    // Over vhost-user the front-end serves the control queue, and no target of vhost-vdpa changes its configuration.
    transports: ['virtio-pci'],
    devices: ['net'],
    needs: ['device.config', 'changes-config'],
    negotiate: ['VIRTIO_NET_F_CTRL_VQ', 'VIRTIO_NET_F_GUEST_ANNOUNCE', 'VIRTIO_NET_F_STATUS'],
  },
  run(context) {
    const { session, port, driver, guest, ring, requirement } = context;
    const check = requirement('net/announce-clears-before-acknowledge-used');
    driver.attach(ring({ size: 16 }));
    const carryOut = commandQueue(context);
    const shown = (): number => fieldFrom(session, check, status);
    check.presumes(port.operator !== undefined, 'the configuration can be changed from here');
    // The second change takes back the first: a link that was down is up again.
    for (const time of [1, 2]) {
      const before = shown();
      port.operator?.changeConfig();
      check.presumes(
        port.until(() => shown() !== before, port.deadlineMs) === 'true',
        `change ${time} shows in status`,
      );
    }
    const isAsked = (shown() & VIRTIO_NET_S_ANNOUNCE) !== 0;
    check.presumes(isAsked, 'the driver is asked to announce itself once its link is up again');
    carryOut(acknowledgeAnnouncement(guest));
    check.equal(shown() & VIRTIO_NET_S_ANNOUNCE, 0, 'the ANNOUNCE bit of status once the acknowledgement is used');
  },
});
