import t from 'tap';
import { BlockRequests, VIRTIO_BLK_S_OK } from '../../drivers/devices/block-requests.ts';
import { NetFrames } from '../../drivers/devices/net-frames.ts';
import { cutSpan, pattern, type Request } from '../../drivers/devices/request.ts';
import { plainGuest } from '../../reference-impl/memory/guest.ts';

t.test('cuts divide a span without a gap, and those at or beyond its end are left out', async (t) => {
  const span = plainGuest().allocate({ size: 20 });
  const lengths = (cuts: readonly number[]): number[] => cutSpan(span, cuts).map(({ length }) => length);
  t.same(lengths([]), [20]);
  t.same(lengths([1, 18]), [1, 18, 1]);
  t.same(lengths([1, 19]), [1, 19]);
  t.same(lengths([25]), [20]);
  const pieces = cutSpan(span, [3, 4]);
  t.same(
    pieces.map(({ guestAddress }) => guestAddress - span.guestAddress),
    [0n, 3n, 7n],
  );
});

t.test('a block request is judged by its status and its data', async (t) => {
  const guest = plainGuest();
  const block = new BlockRequests(guest, { kind: 'block', queueIndex: 0, companions: [], sectors: 8 });
  const expected = pattern(512, 1);
  const read = block.read({ sector: 3, expected, writableCuts: [512] });
  t.same(read.writes, { least: 513, most: 513 });
  t.match(read.problem(), /status 165/, 'nothing was written yet');
  const [, data, status] = read.segments;
  const spanOf = (segment: typeof data) =>
    guest.spanAt(segment?.guestAddress ?? guest.allocate({ size: 1 }).guestAddress, segment?.length ?? 1);
  spanOf(status).store(Uint8Array.of(VIRTIO_BLK_S_OK));
  t.match(read.problem(), /byte 0 is/);
  spanOf(data).store(expected);
  t.equal(read.problem(), undefined);
});

t.test('a block request is cut as Linux cuts it, unless a case is about framing', async (t) => {
  const block = new BlockRequests(plainGuest(), { kind: 'block', queueIndex: 0, companions: [], sectors: 8 });
  const lengths = ({ segments }: Pick<Request, 'segments'>): number[] => segments.map(({ length }) => length);
  t.same(lengths(block.read()), [16, 512, 1]);
  t.same(lengths(block.write(pattern(512, 1))), [16, 512, 1]);
  t.same(lengths(block.withoutData()), [16, 1]);
  t.same(lengths(block.read({ descriptors: 5 })), [16, 170, 170, 172, 1]);
  t.same(lengths(block.write(pattern(512, 1), { dataCuts: [100, 412] })), [16, 100, 412, 1]);
  t.same(lengths(block.read({ readableCuts: [3], writableCuts: [] })), [3, 13, 513]);
});

t.test('a write lies in its cuts and where it was told to', async (t) => {
  const guest = plainGuest();
  const block = new BlockRequests(guest, { kind: 'block', queueIndex: 0, companions: [], sectors: 8 });
  const write = block.write(pattern(1024, 2), {
    readableCuts: [16, 512],
    readableWhere: { region: 1, at: 'region-end' },
  });
  t.same(
    write.segments.map(({ length, writable }) => [length, writable]),
    [
      [16, false],
      [512, false],
      [512, false],
      [1, true],
    ],
  );
  const region = guest.regions[1];
  const last = write.segments[2];
  t.equal((last?.guestAddress ?? 0n) + 512n, (region?.guestAddress ?? 0n) + BigInt(region?.size ?? 0));
});

t.test('frames that come back have their addresses exchanged where the target does that', async (t) => {
  const facts = { kind: 'net', queueIndex: 1, companions: [0], receiveIndex: 0, returns: 'same-port' } as const;
  const swapped = new NetFrames(plainGuest(), { ...facts, reflects: 'macs-swapped' }, () => 12);
  const frame = swapped.frame(80, 3);
  const returned = swapped.returned(frame);
  t.same([...returned.subarray(0, 6)], [...frame.subarray(6, 12)]);
  t.same([...returned.subarray(6, 12)], [...frame.subarray(0, 6)]);
  t.same([...returned.subarray(12)], [...frame.subarray(12)]);
  const unchanged = new NetFrames(plainGuest(), { ...facts, reflects: 'unchanged' }, () => 12);
  t.same(unchanged.returned(frame), frame);
  t.notSame(swapped.frame(80, 4), frame, 'another seed gives another frame');
  const { segments } = swapped.transmitFrame(frame, { readableCuts: [4] });
  t.same(
    segments.map(({ length }) => length),
    [4, 12 + 80 - 4],
  );
});
