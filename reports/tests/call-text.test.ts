import t from 'tap';
import type { IoctlObservation, RegionAccessObservation } from '../../reference-impl/observations/event.ts';
import { encodeMdevMessage, mdevHeader } from '../../reference-impl/wire/mdev-messages.ts';
import { encodeStructure } from '../../reference-impl/wire/structure.ts';
import { vfioRegionInfo, vfioRequests } from '../../reference-impl/wire/vfio-structures.ts';
import { vhostRequests } from '../../reference-impl/wire/vhost-requests.ts';
import { u64Payload, vringStatePayload } from '../../reference-impl/wire/vhost-user-payloads.ts';
import { accessText, ioctlText } from '../html/call-text.ts';

const nothing = new Uint8Array();

function access(of: Partial<RegionAccessObservation>): RegionAccessObservation {
  const bytes = of.bytes ?? nothing;
  const kind = 'region-access';
  const rest = { access: 'write', layout: 'mdev-l2', session: 0, region: 0, offset: 0 } as const;
  return { ...rest, length: bytes.length, result: bytes.length, ...of, kind, bytes };
}

function ioctl(of: Partial<IoctlObservation>): IoctlObservation {
  const before = of.before ?? nothing;
  const kind = 'ioctl';
  const rest = { on: 'device', session: 0, layout: 'mdev-l1', request: vfioRequests.VFIO_DEVICE_RESET } as const;
  return { ...rest, length: before.length, after: before, result: 0, ...of, kind, before };
}

/** A line as the page has it. */
function line({ name, brief, place, answer }: ReturnType<typeof accessText>): string {
  return [name, brief, place, answer].filter((part) => part !== '').join(' | ');
}

const state = (index: number, num: number) => encodeStructure(vringStatePayload, { index, num });
const ring = (num: number) => encodeMdevMessage('VHOST_SET_VRING_NUM', state(1, num));

t.test('a message in the channel is named after its request', async (t) => {
  t.equal(line(accessText(access({ bytes: ring(8) }))), 'VHOST_SET_VRING_NUM | index 1, num 8 | CONFIG, 24 B');
  const refused = access({ bytes: ring(0), layout: 'mdev-l1', result: -22 });
  t.equal(line(accessText(refused)), 'VHOST_SET_VRING_NUM | index 1, num 0, out of use | BAR0, 24 B | EINVAL');
  const lost = access({ bytes: ring(8), result: undefined });
  t.equal(line(accessText(lost)), 'VHOST_SET_VRING_NUM | index 1, num 8 | CONFIG, 24 B | no answer');
  const running = encodeMdevMessage('VHOST_DEVICE_SET_STATE', encodeStructure(u64Payload, { u64: 1n }));
  t.equal(
    line(accessText(access({ bytes: running, result: 4 }))),
    'VHOST_DEVICE_SET_STATE | running | CONFIG, 24 B | 4 B taken',
  );
  const unknown = encodeMdevMessage(0x1234n, nothing);
  t.equal(line(accessText(access({ bytes: unknown }))), 'request 0x1234 | CONFIG, 16 B');
  t.equal(line(accessText(access({ bytes: ring(8).subarray(0, 4) }))), 'piece of a header | 10 af 08 40 | CONFIG, 4 B');
  const [block] = accessText(access({ bytes: ring(8) })).blocks;
  t.strictSame(
    block?.annotations.map(({ offset, field }) => [offset, field]),
    [
      [0, 'request'],
      [8, 'flags'],
      [12, 'size'],
      [16, 'index'],
      [20, 'num'],
    ],
  );
});

t.test('an answer, a short one and none', async (t) => {
  const request = BigInt(vhostRequests.VHOST_GET_VRING_BASE);
  const answer = new Uint8Array([...encodeStructure(mdevHeader, { request, flags: 0, size: 8 }), ...state(1, 7)]);
  const read = access({ access: 'read', bytes: answer, length: 24 });
  t.equal(line(accessText(read)), 'VHOST_GET_VRING_BASE answer | index 1, num 7 | CONFIG, 24 B');
  const short = access({ access: 'read', bytes: answer.subarray(0, 20), length: 24, result: 20 });
  t.equal(line(accessText(short)), 'VHOST_GET_VRING_BASE answer | index 1 | CONFIG, 24 B | 20 B came');
  const none = access({ access: 'read', length: 24, result: 0 });
  t.equal(line(accessText(none)), 'read CONFIG | 24 B | 0 B came');
  t.same(accessText(none).blocks, []);
});

t.test('doorbells say the queue, other regions their bytes', async (t) => {
  const write = access({ region: 1, offset: 4096, bytes: Uint8Array.of(1, 0, 0, 0) });
  t.equal(line(accessText(write)), 'write NOTIFY +0x1000 | queue 1 | 4 B');
  const store = access({ access: 'store', layout: 'mdev-l1', region: 1, offset: 8192, bytes: Uint8Array.of(2, 0) });
  t.equal(line(accessText(store)), 'store BAR1 +0x2000 | queue 2 | 2 B');
  const map = access({ access: 'map', region: 1, length: 4096, result: -524 });
  t.equal(line(accessText(map)), 'mmap NOTIFY | 4096 B | ENOTSUPP');
  t.equal(line(accessText({ ...map, result: 0 })), 'mmap NOTIFY | 4096 B');
  const identity = access({ access: 'read', layout: 'mdev-l1', region: 7, bytes: Uint8Array.of(0xf4, 0x1a) });
  t.equal(line(accessText(identity)), 'read PCI config | f4 1a | 2 B');
  t.equal(line(accessText({ ...identity, layout: 'unknown' })), 'read region 7 | f4 1a | 2 B');
});

t.test('calls have their structures, before and after', async (t) => {
  t.equal(line(ioctlText(ioctl({}))), 'VFIO_DEVICE_RESET');
  t.same(ioctlText(ioctl({})).blocks, []);
  t.equal(
    line(ioctlText(ioctl({ request: 0x3b00, on: 'group', result: -25 }))),
    'request 0x3b00 | on the group | ENOTTY',
  );
  const info = { argsz: 32, flags: 0, index: 1, capOffset: 0, size: 0n, offset: 0n };
  const before = encodeStructure(vfioRegionInfo, info);
  const after = encodeStructure(vfioRegionInfo, { ...info, flags: 7, size: 8192n, offset: 1n << 40n });
  const asked = ioctlText(
    ioctl({ request: vfioRequests.VFIO_DEVICE_GET_REGION_INFO, before, after, layout: 'mdev-l2' }),
  );
  t.equal(
    line(asked),
    'VFIO_DEVICE_GET_REGION_INFO | index NOTIFY, flags read, write, mmap, size 0x2000, offset 0x10000000000',
  );
  t.strictSame(
    asked.blocks.map(({ title }) => title),
    ['as given', 'as the call left it'],
  );
  const vectors = new Uint8Array(Uint32Array.of(28, 0x24, 2, 3, 2, 37, 0xffff_ffff).buffer);
  const set = ioctl({ request: vfioRequests.VFIO_DEVICE_SET_IRQS, before: vectors });
  t.equal(line(ioctlText(set)), 'VFIO_DEVICE_SET_IRQS | MSI-X, vector 3 event 0x25 (37), vector 4 no event');
  const masked = new Uint8Array(Uint32Array.of(24, 0x0c, 2, 0, 1, 37).buffer);
  t.equal(
    line(ioctlText(ioctl({ request: vfioRequests.VFIO_DEVICE_SET_IRQS, before: masked }))),
    'VFIO_DEVICE_SET_IRQS | MSI-X, data eventfd, action mask, vector 0 event 0x25 (37)',
  );
  const none = new Uint8Array(Uint32Array.of(20, 0x21, 2, 0, 0).buffer);
  t.equal(
    line(ioctlText(ioctl({ request: vfioRequests.VFIO_DEVICE_SET_IRQS, before: none }))),
    'VFIO_DEVICE_SET_IRQS | index MSI-X, flags data none, action trigger, start 0, count 0',
  );
});
