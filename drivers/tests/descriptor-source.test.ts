import t from 'tap';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { DriverUsageError, PeerProtocolError } from '../errors.ts';
import { openReference } from '../reference/open-reference.ts';
import { OwnedDescriptors } from '../session/descriptor-source.ts';

t.test('files are read and written at any place, and no further than their end', (t) => {
  const descriptors = new OwnedDescriptors();
  const file = descriptors.memoryFile(16);
  descriptors.store(file, 4, Uint8Array.of(1, 2, 3));
  t.same([...descriptors.load(file, 3, 5)], [0, 1, 2, 3, 0]);
  t.equal(descriptors.load(file, 12, 100).length, 4);
  t.equal(descriptors.load(file, 16, 1).length, 0);
  t.equal(descriptors.closeAll(), 1);
  t.throws(() => descriptors.load(file, 0, 1), DriverUsageError);
  t.throws(() => descriptors.store(file, 0, new Uint8Array(1)), DriverUsageError);
  t.end();
});

t.test('an eventfd adds up what is signalled, a pipe carries it as eight bytes', (t) => {
  const descriptors = new OwnedDescriptors();
  const event = descriptors.eventfd();
  descriptors.signal(event);
  descriptors.signal(event, 6n);
  t.equal(descriptors.read(event), 7);
  t.equal(descriptors.read(event), 0);
  const { readEnd, writeEnd } = descriptors.pipe();
  descriptors.signal(writeEnd, 258);
  t.equal(descriptors.read(readEnd), 258);
  t.equal(descriptors.write(writeEnd, Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 0)), 8);
  t.equal(descriptors.read(readEnd), 5);
  while (descriptors.write(writeEnd, new Uint8Array(4096)));
  t.equal(descriptors.write(writeEnd, new Uint8Array(4096)), 0, 'a full pipe takes no more and does not block');
  descriptors.closeAll();
  t.end();
});

t.test('a pipe that blocks is read and written without waiting', async (t) => {
  const descriptors = new OwnedDescriptors();
  const { readEnd, writeEnd } = descriptors.pipe('blocking');
  t.same(descriptors.drain(readEnd), new Uint8Array(0), 'nothing waits');
  t.ok(descriptors.write(writeEnd, Uint8Array.of(1, 2)));
  t.same(descriptors.drain(readEnd), Uint8Array.of(1, 2));
  while (descriptors.write(writeEnd, new Uint8Array(4096)));
  t.notOk(descriptors.write(writeEnd, new Uint8Array(1)), 'it is full');
  descriptors.close(writeEnd);
  t.ok((descriptors.drain(readEnd)?.length ?? 0) > 0, 'what was written is there');
  while (descriptors.drain(readEnd) !== undefined);
  const other = descriptors.pipe();
  descriptors.close(other.readEnd);
  t.throws(() => descriptors.write(other.writeEnd, Uint8Array.of(1)), PeerProtocolError, 'nobody reads');
  descriptors.closeAll();
});

t.test('the memory of a guest is found in the file of its region', (t) => {
  const port = openReference({ device: 'block' });
  const guest = port.createGuest(guestLayouts['one-file']);
  const [first, second] = guest.regions;
  if (first === undefined || second === undefined) throw new Error('the layout has two regions');
  t.equal(port.descriptors.ofRegion(first), port.descriptors.ofRegion(second));
  t.throws(() => port.descriptors.ofRegion({ ...first, backing: undefined }), DriverUsageError);
  port.close();
  t.end();
});
