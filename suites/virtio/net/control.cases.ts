import { MAC_SIZE, netConfig, VIRTIO_NET_OK } from '../../../reference-impl/devices/net-layout.ts';
import { defineCase } from '../../case.ts';
import { configFrom } from '../device-parts.ts';
import { controlFeatures, controlQueueIndex, setAddress } from './control-queue.ts';

/** Commands of the control queue (virtio 5.1.6.5). */

export const addressIsShown = defineCase({
  id: 'virtio/net/address-of-a-command-shows-in-configuration',
  title: 'once the command that sets the address is used, configuration shows that address',
  proves: { 'net/config-mac-updated-before-used': 'net-command-address-is-not-shown' },
  applies: {
    start: 'negotiated',
    // Over vhost-user the front-end serves the control queue.
    transports: ['vhost-vdpa', 'virtio-pci'],
    devices: ['net'],
    negotiate: [...controlFeatures, 'VIRTIO_NET_F_MAC'],
    needs: ['device.config'],
  },
  run({ session, driver, guest, ring, requirement }) {
    const check = requirement('net/config-mac-updated-before-used');
    const shown = (): Uint8Array => configFrom(session, check, netConfig.mac + MAC_SIZE).slice(netConfig.mac);
    const before = shown();
    driver.attach(ring({ size: 16 }));
    const queue = driver.attach(guest.ring({ layout: driver.layout, size: 16 }), { index: controlQueueIndex });
    const set = (mac: Uint8Array, what: string): void => {
      const command = setAddress(guest, mac);
      queue.makeAvailable([command.segments]);
      queue.kickAndWaitForUsed(1);
      check.presumes(command.acknowledgement() === VIRTIO_NET_OK, `${what} is acknowledged with VIRTIO_NET_OK`);
      check.bytesEqual(shown(), mac, `mac behind ${what}`);
    };
    try {
      set(before.with(MAC_SIZE - 1, (before[MAC_SIZE - 1] ?? 0) ^ 1), 'another address');
    } finally {
      // Some devices keep it over a reset.
      if (session.isOpen) set(before, 'the address of before');
    }
  },
});
