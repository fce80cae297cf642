import t from 'tap';
import { openDeviceDriver } from '../../drivers/devices/device-types.ts';
import { genericWorkload } from '../../drivers/devices/generic-workload.ts';
import { RequestsUnknownError } from '../../drivers/port/port.ts';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { firstContact } from '../../judging/first-contact.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { referenceRules } from '../../reference-impl/vhost-user/reference-rules.ts';

/** VIRTIO_BLK_T_IN of sector 0, as bytes: the reference's disk answers it. */
const readOfSector = {
  readable: '00000000 00000000 0000000000000000',
  writable: 513,
  writes: { least: 513, most: 513 },
};

t.test('a request that a target names is made as it stands', (t) => {
  const port = openReference({ device: 'block', rules: referenceRules, deadlineMs: 600 });
  t.teardown(() => port.close());
  if (firstContact(port).kind !== 'served') throw new Error('the reference does not serve');
  const opened = port.connect();
  if (opened.kind === 'refused') throw new Error(opened.why);
  const { session } = opened;
  session.negotiate({ device: (1n << 32n) | (1n << 30n) });
  const guest = port.createGuest(guestLayouts['below-and-above-4gib']);
  session.shareMemory(guest);
  const facts = genericWorkload.parse({ kind: 'generic', queueIndex: 0, companions: [], request: readOfSector });
  const driver = openDeviceDriver({ session, facts, guest: () => guest });
  const queue = driver.attach(guest.ring({ layout: 'split', size: 16 }));
  t.ok(driver.hasRequests);
  t.equal(driver.once(queue), undefined);
  t.equal(driver.once(queue, { readableCuts: [4], writableCuts: [100, 1] }), undefined, 'however it is cut');
  t.same(driver.sizes(), { readable: 16, writable: 513 });
  t.throws(() => driver.transfer(queue), RequestsUnknownError);
  t.end();
});

t.test('a request for one descriptor is not cut', (t) => {
  const request = { ...readOfSector, isWhole: true };
  const read = genericWorkload.safeParse({ kind: 'generic', queueIndex: 0, companions: [], request });
  t.ok(read.success);
  t.notOk(
    genericWorkload.safeParse({
      kind: 'generic',
      queueIndex: 0,
      companions: [],
      request: { ...request, readable: 'xy' },
    }).success,
  );
  const wrong = { ...request, writes: { least: 514, most: 514 } };
  t.notOk(genericWorkload.safeParse({ kind: 'generic', queueIndex: 0, companions: [], request: wrong }).success);
  t.end();
});
