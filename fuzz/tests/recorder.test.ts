import t from 'tap';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { defaultGuestLayout } from '../../reference-impl/memory/guest-layout.ts';
import { readable, writable } from '../../reference-impl/virtqueue/segment.ts';
import { Executor } from '../executor/executor.ts';
import { printProgram } from '../program/print-program.ts';
import { resolved } from '../program/references.ts';
import { Recorder } from '../recorder/recorder.ts';

t.test('what is done with a port is written down as a program, which does the same', (t) => {
  const port = openReference({ device: 'block', deadlineMs: 60_000 });
  const recorder = new Recorder(port);
  const opened = recorder.port.connect();
  if (opened.kind !== 'connected') throw new Error('the reference refuses');
  const { session } = opened;
  session.negotiate({ device: 0x1_4000_0000n, protocol: 0x209n });
  const guest = recorder.port.createGuest(defaultGuestLayout);
  session.shareMemory(guest);
  const queue = session.attach(guest.ring({ layout: 'split', size: 8 }), { index: 0 });
  const header = guest.allocate({ size: 16 });
  header.store(Uint8Array.of(8));
  const answer = guest.allocate({ size: 21 });
  queue.makeAvailable([[readable(header), writable(answer)]]);
  const used = queue.kickAndWaitForUsed(1);
  t.same(session.device.config?.read(0, 8).kind, 'bytes');
  const event = recorder.port.descriptors.eventfd();
  if ('messages' in session) {
    const messages = session.messages as { send(message: unknown): string };
    messages.send({ request: 'VHOST_USER_SET_VRING_CALL', payload: { u64: 0n }, descriptors: [event] });
  }
  queue.stop();
  session.close();
  port.releaseAll();
  const program = recorder.take();
  t.equal(
    printProgram(program),
    [
      'r1 = connect',
      'r2 = negotiate session=r1 protocol=0x209',
      'r3 = memory',
      'r4 = share session=r1 memory=r3',
      'r5 = ring memory=r3 size=8',
      'r6 = attach session=r1 ring=r5',
      'r7 = chain queue=r6 segments=[{bytes=08.00*15} {writable=yes length=21}]',
      'r8 = kick queue=r6',
      'r9 = wait queue=r6',
      'r10 = read-config session=r1',
      'r11 = message session=r1 request=13 fields=[{name=u64 value=0x0}] descriptors=[{}]',
      'r12 = stop queue=r6',
      'r13 = disconnect session=r1',
      '',
    ].join('\n'),
  );
  const executor = new Executor(port);
  executor.run(resolved(program));
  t.strictSame(executor.outcomes.usedOf(8), used);
  t.strictSame(recorder.take().calls, []);
  port.close();
  t.end();
});
