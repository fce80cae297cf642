import t from 'tap';
import { dpdkTestpmd } from '../../fixtures/targets/dpdk-testpmd.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import { readable, writable } from '../../reference-impl/virtqueue/segment.ts';
import { targetVersion } from '../iut-process/target-version.ts';
import type { Guest, VhostUserSession } from '../port/port.ts';
import { connected, running, skipWithout } from './real-target.ts';

const skip = skipWithout(dpdkTestpmd);
const headerBytes = 12;

interface Test {
  same(found: unknown, wanted: unknown): boolean;
  equal(found: unknown, wanted: unknown): boolean;
}

/** Sends a frame and waits for it on the receive ring. */
function reflect(t: Test, session: VhostUserSession, guest: Guest): void {
  const receive = session.attach(guest.ring({ layout: 'split', size: 256 }), { index: 0 });
  const transmit = session.attach(guest.ring({ layout: 'split', size: 256 }), { index: 1 });
  const buffers = Array.from({ length: 32 }, () => guest.allocate({ size: 2048 }));
  const heads = receive.makeAvailable(buffers.map((buffer) => [writable(buffer)]));
  receive.kick();
  const frame = guest.allocate({ size: headerBytes + 60 });
  const [destination, source] = [
    [2, 0, 0, 0, 0, 9],
    [2, 0, 0, 0, 0, 1],
  ] as const;
  const payload = [0x88, 0xb5, ...Array.from({ length: 46 }, (_, at) => at)];
  frame.fill(0);
  frame.store(Uint8Array.from([...destination, ...source, ...payload]), headerBytes);
  transmit.makeAvailable([[readable(frame)]]);
  t.same(transmit.kickAndWaitForUsed(1), [{ id: 0, len: 0 }]);
  const [element] = receive.waitForUsed(1);
  t.equal(element?.len, headerBytes + 60);
  const buffer = buffers[heads.indexOf(element?.id ?? -1)];
  t.same([...(buffer?.load().subarray(headerBytes, headerBytes + 60) ?? [])], [...source, ...destination, ...payload]);
  t.same(receive.stop(), { kind: 'stopped', position: splitPosition(1) });
  t.same(transmit.stop(), { kind: 'stopped', position: splitPosition(1) });
}

t.test('a frame comes back with its addresses swapped', { skip }, (t) => {
  const { port } = running(t, dpdkTestpmd);
  const session = connected(port);
  session.negotiate({ device: (1n << 32n) | (1n << 30n), protocol: 1n << 3n });
  const guest = port.createGuest(guestLayouts['below-and-above-4gib']);
  t.same(session.shareMemory(guest), { kind: 'done', by: 'acknowledgement' });
  reflect(t, session, guest);
  t.end();
});

t.test('the same behind an IOMMU: misses are served', { skip }, (t) => {
  const { start, ...rest } = dpdkTestpmd;
  if (start === undefined) throw new Error('testpmd is ours to start');
  const withIommu = start.arguments.map((each) => each.replace('client=0', 'client=0,iommu-support=1'));
  const { port } = running(t, { ...rest, start: { ...start, arguments: withIommu } });
  const session = connected(port);
  const features = (1n << 33n) | (1n << 32n) | (1n << 30n);
  const words = session.negotiate({ device: features, protocol: (1n << 5n) | (1n << 3n) });
  t.equal(words.accepted.device, features);
  t.equal(session.messages.openBackEndChannel({ kind: 'serve' }).kind, 'done');
  const guest = port.createGuest(guestLayouts['below-and-above-4gib']);
  session.shareMemory(guest);
  reflect(t, session, guest);
  t.end();
});

t.test('a death is found, and its signal', { skip }, (t) => {
  const { port, pid } = running(t, dpdkTestpmd);
  const session = connected(port);
  t.equal(session.messages.fence().kind, 'reply');
  process.kill(pid(), 'SIGABRT');
  t.equal(
    port.until(() => false, 5000),
    'died',
  );
  t.match(session.messages.exchange({ request: 1 }), { kind: 'died', exit: { signal: 'SIGABRT', stderr: /EAL/ } });
  t.end();
});

t.test('what the program says of itself', { skip }, (t) => {
  t.match(targetVersion(dpdkTestpmd), /^\d\d\.\d+/);
  t.end();
});
