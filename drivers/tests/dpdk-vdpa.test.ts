import { spawnSync } from 'node:child_process';
import t from 'tap';
import { dpdkVdpaNet } from '../../fixtures/targets/dpdk-vdpa.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { readable, writable } from '../../reference-impl/virtqueue/segment.ts';
import type { BackEndRequestPolicy, Guest, VhostUserSession } from '../port/port.ts';
import type { VhostUserPort } from '../vhost-user/vhost-user-port.ts';
import { connected, running } from './real-target.ts';

const hasDpdk = spawnSync('pkg-config', ['--exists', 'libdpdk']).status === 0;
const skip = hasDpdk ? false : "DPDK's headers are not installed (libdpdk-dev)";

t.setTimeout(120_000);

const protocol = { replyAck: 3, backendReq: 5, backendSendFd: 10, hostNotifier: 11 } as const;
const wordWith = (bits: readonly number[]): bigint => bits.reduce((word, bit) => word | (1n << BigInt(bit)), 0n);
const hostNotifier = 3;
const noDescriptor = 0x100n;

const callsOf = (port: VhostUserPort): string[] =>
  (port.iut.takeDeviceCalls?.().calls ?? []).map(({ call, result }) => `${call} ${result}`);

/** A session with a pair of rings that run, and a back-end channel. */
function served(port: VhostUserPort, policy: BackEndRequestPolicy): { session: VhostUserSession; guest: Guest } {
  const session = connected(port);
  session.negotiate({ device: wordWith([30, 32]), protocol: wordWith(Object.values(protocol)) });
  session.messages.openBackEndChannel(policy);
  const guest = port.createGuest(guestLayouts['below-and-above-4gib']);
  session.shareMemory(guest);
  return { session, guest };
}

/** One frame to the device and back. */
function loops(session: VhostUserSession, guest: Guest): number | undefined {
  const receive = session.attach(guest.ring({ layout: 'split', size: 16 }), { index: 0 });
  const transmit = session.attach(guest.ring({ layout: 'split', size: 16 }), { index: 1 });
  receive.makeAvailable([[writable(guest.allocate({ size: 2048 }))]]);
  receive.kick();
  transmit.makeAvailable([[readable(guest.allocate({ size: 12 + 60 }))]]);
  transmit.kickAndWaitForUsed(1);
  return receive.waitForUsed(1)[0]?.len;
}

const policies: readonly { name: string; policy: BackEndRequestPolicy; taken: boolean }[] = [
  { name: 'a front-end that maps it', policy: { kind: 'script', answer: () => 0n }, taken: true },
  { name: 'a front-end that cannot', policy: { kind: 'refuse' }, taken: false },
];

for (const { name, policy, taken } of policies) {
  t.test(`pages of a memfd are offered as host notifiers to ${name}`, { skip }, (t) => {
    const { port } = running(t, dpdkVdpaNet);
    const { session, guest } = served(port, policy);
    t.equal(loops(session, guest), 72, 'frames come back by kicks');
    port.until(() => session.messages.backEndRequests.length >= (taken ? 2 : 3), 5000);
    const told = session.messages.backEndRequests.map(({ request, payload, descriptors }) => {
      const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
      const [u64, size, offset] = [0, 8, 16].map((at) => view.getBigUint64(at, true));
      return { request, u64, size, offset, descriptors: descriptors.length };
    });
    const of = (ring: bigint) => ({
      request: hostNotifier,
      u64: ring,
      size: 4096n,
      offset: ring * 4096n,
      descriptors: 1,
    });
    const withdrawn = (ring: bigint) => ({
      request: hostNotifier,
      u64: ring | noDescriptor,
      size: 0n,
      offset: 0n,
      descriptors: 0,
    });
    t.same(told, taken ? [of(0n), of(1n)] : [of(0n), withdrawn(0n), withdrawn(1n)]);
    session.close();
    t.equal(connected(port).messages.fence().kind, 'reply');
    const calls = callsOf(port);
    for (const call of [
      'dev_conf 0',
      'get_vfio_device_fd a descriptor',
      'get_notify_area 0',
      'dev_close 0',
      'dev_cleanup 0',
    ])
      t.ok(calls.includes(call), `${call} in ${calls.join(', ')}`);
    t.end();
  });
}

t.test('the end of a migration reaches the device', { skip }, (t) => {
  const { port } = running(t, dpdkVdpaNet);
  const session = connected(port);
  session.negotiate({ device: wordWith([30, 32]), protocol: wordWith([2, 3]) });
  session.messages.exchange({ request: 'VHOST_USER_SEND_RARP', payload: { u64: 0x0200_0000_0001n }, flags: 9 });
  t.ok(callsOf(port).includes('migration_done 0'));
  t.end();
});
