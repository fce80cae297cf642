import { FUSE_MAJOR, S_IFDIR, viewOf } from '../../../reference-impl/devices/fuse-layout.ts';
import { defineCase } from '../../case.ts';
import { FuseClient } from './fuse-client.ts';

/** How a FUSE session begins, on whatever queue, and with either order of bytes (virtio 5.11.5, 5.11.6.1). */

const applies = { start: 'negotiated', devices: ['fs'] } as const;
const typeMask = 0o170000;

export const begins = defineCase({
  id: 'virtio/fs/init-begins-a-session',
  title: 'FUSE_INIT on a request queue is answered with protocol 7, and then the root directory has its attributes',
  proves: { 'fs/init-starts-session': 'fs-init-unknown' },
  applies,
  run({ driver, guest, ring, requirement }) {
    const check = requirement('fs/init-starts-session');
    const client = new FuseClient(guest);
    const queue = driver.attach(ring({ size: 16 }));
    const init = client.init(queue);
    check.equal(init.error, 0, 'error of FUSE_INIT');
    check.equal(viewOf(init.data).getUint32(0, true), FUSE_MAJOR, 'major version in the answer');
    const attributes = client.attributesOfRoot(queue);
    check.equal(attributes.error, 0, 'error of FUSE_GETATTR of the root');
    check.equal(client.modeIn(attributes) & typeMask, S_IFDIR, 'type in the attributes of the root');
  },
});

export const oneForAllQueues = defineCase({
  id: 'virtio/fs/queues-share-a-session',
  title: 'behind one FUSE_INIT every request queue serves, and reads a file that was opened on the first',
  proves: { 'fs/queues-share-session': 'fs-session-for-each-queue' },
  applies: { ...applies, needs: ['device.queues'] },
  run({ session, driver, guest, ring, requirement }) {
    const check = requirement('fs/queues-share-session');
    const count = session.device.queues?.count();
    const first = driver.queueIndex;
    const last = count?.kind === 'number' ? count.value - 1 : first;
    check.presumes(last > first, 'the device has two request queues');
    const queues = [first, last].map((index) => driver.attach(ring({ size: 16 }), { index }));
    const [begun, other] = queues;
    if (begun === undefined || other === undefined) return;
    const client = new FuseClient(guest);
    client.begin(begun, check);
    const file = client.create(begun, check, 'shared');
    const data = Uint8Array.of(5, 11, 5);
    check.presumes(client.ask(begun, client.write(file, 0, data)).error === 0, 'the file can be written');
    const read = client.ask(other, client.read(file, 0, data.length));
    check.equal(read.error, 0, `error of FUSE_READ on queue ${last}`);
    check.bytesEqual(read.data, data, `data of FUSE_READ on queue ${last}`);
  },
});

export const beginsAnew = defineCase({
  id: 'virtio/fs/another-init-begins-anew',
  title: 'a second FUSE_INIT is answered as the first, and in the session that it begins the root has its attributes',
  proves: { 'fs/next-init-starts-new-session': 'fs-second-init-refused' },
  applies,
  run({ driver, guest, ring, requirement }) {
    const check = requirement('fs/next-init-starts-new-session');
    const client = new FuseClient(guest);
    const queue = driver.attach(ring({ size: 16 }));
    client.begin(queue, check);
    client.create(queue, check, 'earlier');
    const init = client.init(queue);
    check.equal(init.error, 0, 'error of the second FUSE_INIT');
    check.equal(viewOf(init.data).getUint32(0, true), FUSE_MAJOR, 'major version in the second answer');
    const attributes = client.attributesOfRoot(queue);
    check.equal(attributes.error, 0, 'error of FUSE_GETATTR in the second session');
  },
});

export const bigEndian = defineCase({
  id: 'virtio/fs/session-keeps-the-order-of-init',
  title: 'in a session that a big-endian FUSE_INIT begins, answers are big-endian',
  proves: { 'fs/session-keeps-order-of-init': 'fs-answers-little-endian' },
  applies,
  run({ driver, guest, ring, requirement }) {
    const check = requirement('fs/session-keeps-order-of-init');
    const client = new FuseClient(guest, 'big');
    const queue = driver.attach(ring({ size: 16 }));
    const init = client.init(queue);
    // No sentence obliges a device to begin one in either order.
    check.presumes(init.error === 0, 'the device begins a session with a big-endian FUSE_INIT');
    check.equal(init.unique, init.asked, 'unique in the answer to FUSE_INIT');
    check.equal(init.length, init.usedLen, 'length in the answer to FUSE_INIT');
    check.equal(viewOf(init.data).getUint32(0, false), FUSE_MAJOR, 'major version in the answer');
    const attributes = client.attributesOfRoot(queue);
    check.equal(attributes.error, 0, 'error of FUSE_GETATTR of the root');
    check.equal(client.modeIn(attributes) & typeMask, S_IFDIR, 'type in the attributes of the root');
  },
});
