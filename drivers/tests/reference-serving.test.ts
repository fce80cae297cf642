import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { defaultGuestLayout } from '../../reference-impl/memory/guest-layout.ts';
import { splitPosition } from '../../reference-impl/virtqueue/ring.ts';
import { readable, writable } from '../../reference-impl/virtqueue/segment.ts';
import { ExternalIut } from '../iut-process/external-iut.ts';
import { isListening } from '../iut-process/listening-sockets.ts';
import type { DriverPort, VhostUserSession } from '../port/port.ts';
import { openReference } from '../reference/open-reference.ts';
import { referenceFacts } from '../reference/reference-facts.ts';
import { SocketCarrier } from '../vhost-user/socket-channel.ts';
import { VhostUserPort } from '../vhost-user/vhost-user-port.ts';
import { socketDirectory } from './socket-directory.ts';

const serve = fileURLToPath(new URL('../reference/serve.js', import.meta.url));

function connected(port: DriverPort<VhostUserSession>): VhostUserSession {
  const connection = port.connect();
  if (connection.kind === 'refused') throw new Error(connection.why);
  return connection.session;
}

/** Writes a sector and reads it back over a fresh session. */
function transferBlock(t: Test, port: DriverPort<VhostUserSession>, seed: number): void {
  const session = connected(port);
  const negotiated = session.negotiate({ device: (1n << 32n) | (1n << 30n), protocol: 1n << 3n });
  t.equal(negotiated.accepted.device, (1n << 32n) | (1n << 30n));
  const guest = port.createGuest(defaultGuestLayout);
  t.same(session.shareMemory(guest), { kind: 'done', by: 'acknowledgement' });
  const queue = session.attach(guest.ring({ layout: 'split', size: 16 }), { index: 0 });
  queue.drainCalls();
  const data = Uint8Array.from({ length: 512 }, (_, n) => (n * 7 + seed) & 0xff);
  const header = guest.allocate({ size: 16 });
  const out = guest.allocate({ size: 512 });
  const status = guest.allocate({ size: 1 });
  const back = guest.allocate({ size: 512 });
  header.store(Uint8Array.of(1));
  out.store(data);
  queue.makeAvailable([[readable(header), readable(out), writable(status)]]);
  t.same(
    queue.kickAndWaitForUsed(1).map(({ len }) => len),
    [1],
  );
  header.store(Uint8Array.of(0));
  queue.makeAvailable([[readable(header), writable(back), writable(status)]]);
  t.same(
    queue.kickAndWaitForUsed(1).map(({ len }) => len),
    [513],
  );
  t.same(back.load(), data);
  t.equal(queue.calls() > 0, true);
  t.same(queue.stop(), { kind: 'stopped', position: splitPosition(2) });
  session.close();
  port.releaseAll();
}

/** Sends a frame that comes back. */
function transferFrame(t: Test, port: DriverPort<VhostUserSession>): void {
  const session = connected(port);
  session.negotiate({ device: (1n << 32n) | (1n << 30n), protocol: 1n << 3n });
  const guest = port.createGuest(defaultGuestLayout);
  session.shareMemory(guest);
  const receive = session.attach(guest.ring({ layout: 'split', size: 16 }), { index: 0 });
  const transmit = session.attach(guest.ring({ layout: 'split', size: 16 }), { index: 1 });
  // A ring that is started and not yet enabled uses what is sent, and drops it.
  session.messages.fence();
  const buffer = guest.allocate({ size: 1600 });
  receive.makeAvailable([[writable(buffer)]]);
  receive.kick();
  const frame = guest.allocate({ size: 12 + 64 });
  const bytes = Uint8Array.from({ length: 64 }, (_, n) => n + 1);
  frame.store(bytes, 12);
  transmit.makeAvailable([[readable(frame)]]);
  t.equal(transmit.kickAndWaitForUsed(1).length, 1);
  t.same(
    receive.waitForUsed(1).map(({ len }) => len),
    [76],
  );
  t.same(buffer.load().subarray(12, 76), bytes);
  session.close();
  port.releaseAll();
}

t.test('in process: a block request, a frame, and nothing left behind', async (t) => {
  const block = openReference({ device: 'block' });
  for (let seed = 0; seed < 3; seed++) transferBlock(t, block, seed);
  block.until(() => false, 1);
  t.same(block.iut.resources(), { descriptors: 0, byIdentity: {}, mappings: {}, memory: 0 });
  block.close();
  const net = openReference({ device: 'net' });
  transferFrame(t, net);
  net.close();
});

for (const device of ['block', 'net'] as const) {
  t.test(`${device} in a process of its own`, async (t) => {
    const socket = `${socketDirectory(t)}/${device}.sock`;
    const child = spawn(process.execPath, [serve, '--socket', socket, '--device', device], { stdio: 'inherit' });
    t.teardown(() => child.kill('SIGKILL'));
    const ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })));
    while (!isListening(socket)) await new Promise((resolve) => setTimeout(resolve, 5));
    const port = new VhostUserPort({
      facts: { ...referenceFacts(device, 'served'), version: 'under test' },
      carrier: new SocketCarrier(socket),
      iut: new ExternalIut(socket),
    });
    for (let seed = 0; seed < 2; seed++) {
      if (device === 'block') transferBlock(t, port, seed);
      else transferFrame(t, port);
    }
    port.close();
    const since = Date.now();
    child.kill('SIGTERM');
    t.same(await ended, { code: 0, signal: null });
    t.ok(Date.now() - since < 500, 'ends quickly');
    t.notOk(existsSync(socket), 'and takes its socket along');
  });
}
