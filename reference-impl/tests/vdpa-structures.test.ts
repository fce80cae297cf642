import t from 'tap';
import { allIoctls } from '../catalogue/kernel-interface.ts';
import { IOTLB_MESSAGE_SIZE, iotlbBytes, iotlbMessageV2, vdpaRequests } from '../wire/vdpa-structures.ts';

t.test('request numbers are those of the catalogue, and none of vhost-vdpa is missing', async (t) => {
  const known = new Map(allIoctls().map(({ name, request }) => [name as string, request]));
  for (const [name, request] of Object.entries(vdpaRequests)) t.equal(request, known.get(name), name);
  const ofVdpa = allIoctls().filter(({ drivers }) => drivers.includes('vdpa'));
  t.same(
    ofVdpa.filter(({ name }) => !Object.hasOwn(vdpaRequests, name)).map(({ name }) => name),
    [],
  );
});

t.test('a message of the IOTLB is a vhost_msg_v2', async (t) => {
  const bytes = iotlbBytes({
    request: 2,
    asid: 1,
    ioVirtualAddress: 0x1000n,
    size: 0x2000n,
    userAddress: 3n,
    permission: 3,
  });
  t.equal(bytes.length, IOTLB_MESSAGE_SIZE);
  t.equal(iotlbMessageV2.size, 40);
  const view = new DataView(bytes.buffer);
  t.same([view.getUint32(0, true), view.getUint32(4, true)], [2, 1]);
  t.same(
    [view.getBigUint64(8, true), view.getBigUint64(16, true), view.getBigUint64(24, true)],
    [0x1000n, 0x2000n, 3n],
  );
  t.same([bytes[32], bytes[33]], [3, 2], 'permission, then what is asked for');
});
