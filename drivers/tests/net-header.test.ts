import t from 'tap';
import { featureSetOf } from '../../reference-impl/catalogue/catalogue.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { openDeviceDriver } from '../devices/device-types.ts';
import { openReference } from '../reference/open-reference.ts';

const owner = { transport: 'vhost-user', device: 'net' } as const;

for (const [names, bytes] of [
  [[], 10],
  [['VIRTIO_NET_F_MRG_RXBUF'], 12],
  [['VIRTIO_F_VERSION_1'], 12],
] as const) {
  const what = names.length === 0 ? 'neither VERSION_1 nor MRG_RXBUF' : names.join();
  t.test(`with ${what} a frame travels behind ${bytes} bytes of header`, async (t) => {
    const port = openReference({ device: 'net' });
    t.teardown(() => port.close());
    const opened = port.connect();
    if (opened.kind === 'refused') throw new Error(opened.why);
    const { session } = opened;
    session.negotiate(featureSetOf(names, owner));
    const guest = port.createGuest(guestLayouts['below-and-above-4gib']);
    session.shareMemory(guest);
    const driver = openDeviceDriver({ session, facts: port.facts.workload, guest: () => guest });
    const queue = driver.attach(guest.ring({ layout: driver.layout, size: 16 }));
    t.equal(driver.net.headerSize, bytes);
    t.equal(driver.transfer(queue), undefined);
    t.equal(driver.transferSizes().header, bytes);
    const buffer = driver.net.receiveBuffer();
    const receive = driver.companion(driver.net.facts.receiveIndex);
    receive.makeAvailable([buffer.request.segments]);
    receive.kick();
    queue.makeAvailable([driver.net.transmit({ bytes: 100 }).segments]);
    queue.kick();
    t.equal(receive.waitForUsed(1)[0]?.len, bytes + 100);
  });
}
