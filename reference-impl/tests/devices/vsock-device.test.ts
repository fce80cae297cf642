import t from 'tap';
import { VsockDevice } from '../../devices/vsock-device.ts';
import { referenceEchoPort, referenceGuestCid } from '../../devices/vsock-host.ts';
import {
  decodeVsockHeader,
  encodeVsockPacket,
  VIRTIO_VSOCK_F_NO_IMPLIED_STREAM,
  VIRTIO_VSOCK_F_SEQPACKET,
  VSOCK_HEADER_SIZE,
  VSOCK_HOST_CID,
  type VsockHeader,
  type VsockOperation,
  vsockOps,
  vsockQueues,
  vsockSeq,
  vsockShutdown,
  vsockTypes,
} from '../../devices/vsock-layout.ts';
import { vsockRules } from '../../devices/vsock-rules.ts';
import type { Span } from '../../memory/span.ts';
import { VIRTIO_F_VERSION_1 } from '../../virtqueue/feature-bits.ts';
import { readable, writable } from '../../virtqueue/segment.ts';
import { harness } from './queue-harness.ts';

const untouched = 0xa5;
const nothing: Uint8Array = new Uint8Array();
const bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, (_, n) => n * 7);

/** A device, and what a driver sends to it and receives. */
function sockets({
  room = 4096,
  buffers = 8,
  features = 0n,
  rules = vsockRules,
  device = new VsockDevice({ rules }),
} = {}) {
  const h = harness(device, { features: VIRTIO_F_VERSION_1 | features });
  const [rx, tx] = [h.queue(vsockQueues.rx), h.queue(vsockQueues.tx)];
  const given = new Map<number, Span>();
  const give = (count: number, size = VSOCK_HEADER_SIZE + room): void => {
    for (let n = 0; n < count; n++) {
      const span = h.guest.allocate({ size });
      span.fill(untouched);
      given.set(Number(rx.driver.add([writable(span)])), span);
    }
    rx.run();
  };
  const came = () =>
    rx.driver.reapUsed().map(({ id, len }) => {
      const packet = given.get(id)?.load() ?? nothing;
      if (len < VSOCK_HEADER_SIZE) return { op: -1, usedLen: len, payload: packet } as const;
      return { ...decodeVsockHeader(packet), usedLen: len, payload: packet.slice(VSOCK_HEADER_SIZE, len) };
    });
  const send = (operation: VsockOperation | number, change: Partial<VsockHeader> = {}, payload = nothing) => {
    const packet = encodeVsockPacket(
      {
        srcCid: referenceGuestCid,
        dstCid: VSOCK_HOST_CID,
        srcPort: 1000,
        dstPort: referenceEchoPort,
        len: payload.length,
        type: vsockTypes.stream,
        op: typeof operation === 'number' ? operation : vsockOps[operation],
        flags: 0,
        bufAlloc: 0x1000,
        fwdCnt: 0,
        ...change,
      },
      payload,
    );
    const span = h.guest.allocate({ size: packet.length });
    span.store(packet);
    tx.driver.add([readable(span)]);
    tx.run();
    return came();
  };
  give(buffers);
  return { device, h, tx, give, came, send };
}

const opsOf = (packets: readonly { readonly op: number }[]): number[] => packets.map(({ op }) => op);

t.test('a connection is accepted where a socket listens, and refused elsewhere', async (t) => {
  const { send, device } = sockets();
  t.equal(device.deviceId, 19);
  t.same(device.readConfig(0, 8), Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0));
  const [response] = send('request');
  t.match(response, { op: vsockOps.response, srcPort: 7, dstPort: 1000, srcCid: 2n, dstCid: 4n, len: 0, type: 1 });
  t.match(response, { bufAlloc: 0x1_0000, fwdCnt: 0, usedLen: VSOCK_HEADER_SIZE });
  t.match(send('request', { dstPort: 8 }), [{ op: vsockOps.rst, srcPort: 8, dstPort: 1000 }]);
  t.match(send('request'), [{ op: vsockOps.rst }], 'a second request ends the connection');
  t.same(opsOf(send('request')), [vsockOps.response]);
});

t.test('data come back as far as the driver has room, cut as its buffers are', async (t) => {
  const { send } = sockets({ room: 100 });
  send('request', { bufAlloc: 250 });
  const sent = bytes(300);
  const first = send('rw', { bufAlloc: 250 }, sent);
  t.same(
    first.map(({ payload }) => payload.length),
    [100, 100, 50],
  );
  t.match(first[2], { op: vsockOps.rw, len: 50, fwdCnt: 250 });
  const rest = send('creditUpdate', { bufAlloc: 250, fwdCnt: 250 });
  t.same(Buffer.concat([...first, ...rest].map(({ payload }) => payload)), Buffer.from(sent));
  t.match(send('creditRequest'), [{ op: vsockOps.creditUpdate, fwdCnt: 300, bufAlloc: 0x1_0000 }]);
});

t.test('more than its buffer holds ends a connection', async (t) => {
  const { send } = sockets();
  send('request', { bufAlloc: 0 });
  t.same(opsOf(send('rw', { bufAlloc: 0 }, bytes(0x1_0000))), []);
  t.same(opsOf(send('rw', { bufAlloc: 0 }, bytes(1))), [vsockOps.rst]);
});

t.test('SHUTDOWN is answered once both hints were given; data that are not wanted go nowhere', async (t) => {
  const { send } = sockets();
  send('request', { bufAlloc: 0 });
  send('rw', { bufAlloc: 0 }, bytes(10));
  t.same(send('shutdown', { flags: vsockShutdown.receive }), []);
  t.match(send('creditRequest'), [{ op: vsockOps.creditUpdate, fwdCnt: 10 }], 'what waited is taken out of the buffer');
  t.same(send('rw', {}, bytes(5)), []);
  t.same(opsOf(send('shutdown', { flags: vsockShutdown.send })), [vsockOps.rst]);
  t.same(opsOf(send('rw', {}, bytes(1))), [vsockOps.rst], 'there is no connection any more');
  t.same(opsOf(send('rst')), [], 'RST is never answered');
});

t.test('packets that do not fit are answered by RST, or by nothing where the guest did not send them', async (t) => {
  let flaws = 0;
  const { send, tx, h, came } = sockets({ rules: { ...vsockRules, flawed: () => flaws++ } });
  t.same(opsOf(send('request', { type: 3 })), [vsockOps.rst]);
  t.same(opsOf(send('request', { type: vsockTypes.seqpacket })), [vsockOps.rst], 'which was not negotiated');
  t.equal(flaws, 0);
  t.same(opsOf(send('request', { dstCid: 9n })), [vsockOps.rst]);
  t.same(opsOf(send('request', { srcCid: 9n })), []);
  send('request');
  t.same(opsOf(send('rw', { len: 11 }, bytes(10))), [vsockOps.rst]);
  send('request');
  t.same(opsOf(send(8)), [vsockOps.rst]);
  const span = h.guest.allocate({ size: VSOCK_HEADER_SIZE - 1 });
  tx.driver.add([readable(span)]);
  tx.run();
  t.same(came(), []);
  t.equal(flaws, 5);
});

t.test('packets wait for receive buffers, and the transmit queue for those that wait', async (t) => {
  const { send, tx, give, came } = sockets({ buffers: 0, rules: { ...vsockRules, held: 2 } });
  for (let n = 0; n < 4; n++) t.same(send('request', { dstPort: 8 }), []);
  t.equal(tx.driver.reapUsed().length, 2, 'two packets are taken');
  give(1, VSOCK_HEADER_SIZE - 1);
  t.match(came(), [{ op: -1, usedLen: 0 }], 'a buffer without room for a header goes back as it is');
  give(4);
  t.same(opsOf(came()), [3, 3, 3, 3]);
  t.equal(tx.driver.reapUsed().length, 2);
});

t.test('messages and records end where they did', async (t) => {
  const { send } = sockets({ room: 100, features: VIRTIO_VSOCK_F_SEQPACKET | VIRTIO_VSOCK_F_NO_IMPLIED_STREAM });
  const type = vsockTypes.seqpacket;
  t.same(opsOf(send('request')), [vsockOps.rst], 'a stream is not implied');
  t.same(opsOf(send('request', { type })), [vsockOps.response]);
  t.match(send('rw', { type }, bytes(50)), [{ flags: 0, type }]);
  const flags = vsockSeq.endOfMessage | vsockSeq.endOfRecord;
  t.match(send('rw', { type, flags }, bytes(150)), [
    { flags: 0, len: 100 },
    { flags, len: 50 },
  ]);
});

t.test('a reset, and a driver that negotiates while no queue runs, end all connections', async (t) => {
  const { device, send } = sockets();
  send('request');
  device.setFeatures(VIRTIO_F_VERSION_1);
  t.same(opsOf(send('creditRequest')), [vsockOps.creditUpdate], 'queues run');
  for (const queue of [0, 1, 2]) device.stopQueue(queue);
  const next = sockets({ device });
  t.same(opsOf(next.send('creditRequest')), [vsockOps.rst], 'another driver');
  next.send('request');
  device.reset();
  t.equal(device.features, 0n);
  t.same(opsOf(sockets({ device }).send('creditRequest')), [vsockOps.rst], 'behind a reset');
});
