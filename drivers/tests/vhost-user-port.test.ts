import { readdirSync } from 'node:fs';
import t from 'tap';
import { defaultGuestLayout, guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import { DriverUsageError, SystemCallError } from '../errors.ts';
import { closeFd, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK, ftruncate, getSeals, pipe2 } from '../native/native.ts';
import { descriptorOfRegion, MappedGuest } from '../session/guest-memory.ts';
import { PollSet, type WaitSource } from '../session/wait-set.ts';
import { VhostUserPort } from '../vhost-user/vhost-user-port.ts';
import { ScriptedPeer, scriptedPort } from './scripted-peer.ts';

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

t.test('the memory of a guest is sealed and shared, in as many files as its layout says', (t) => {
  const before = openDescriptors();
  const mapped = new MappedGuest(guestLayouts['one-file'], 'test-guest');
  const [first, second] = mapped.guest.regions;
  if (first === undefined || second === undefined) throw new Error('the layout has two regions');
  t.equal(descriptorOfRegion(first), descriptorOfRegion(second));
  t.equal(getSeals(descriptorOfRegion(first)), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  t.throws(() => ftruncate(descriptorOfRegion(first), 0), SystemCallError);
  const other = new MappedGuest(defaultGuestLayout, 'test-guest');
  t.equal(new Set(other.guest.regions.map(descriptorOfRegion)).size, 2);
  const { bytes } = first;
  mapped.close();
  mapped.close();
  other.close();
  t.equal(bytes.length, 0, 'views of it are empty');
  t.equal(openDescriptors(), before);
  t.throws(() => descriptorOfRegion({ ...first, backing: undefined }), DriverUsageError);
  t.end();
});

t.test('everything is given back, again and again', (t) => {
  const peer = new ScriptedPeer();
  peer.answer = ({ request, flags }) => {
    if (request === 1) peer.sendU64(1, 1n << 30n);
    else if (request === 15) peer.sendU64(15, (1n << 3n) | (1n << 5n));
    else if ((flags & 8) !== 0) peer.sendU64(request, 0n);
  };
  const port = scriptedPort(peer);
  const round = (): void => {
    const connection = port.connect();
    if (connection.kind === 'refused') throw new Error(connection.why);
    const { session } = connection;
    session.negotiate({ device: 1n << 30n, protocol: ~0n });
    session.messages.openBackEndChannel({ kind: 'serve' });
    const guest = port.createGuest(defaultGuestLayout);
    session.shareMemory(guest);
    for (const index of [0, 1]) session.attach(guest.ring({ layout: 'split', size: 16 }), { index }).kick();
    port.descriptors.eventfd();
    t.ok(port.releaseAll() >= 3);
    peer.close();
  };
  round();
  const before = openDescriptors();
  for (let n = 0; n < 20; n++) round();
  t.equal(openDescriptors(), before, 'no descriptor is left');
  port.close();
  t.end();
});

t.test('the end of the parent ends the host, once', (t) => {
  const { readFd, writeFd } = pipe2({ nonblocking: true });
  const peer = new ScriptedPeer();
  const base = scriptedPort(peer);
  let gone = 0;
  const port = new VhostUserPort({
    facts: base.facts,
    carrier: peer,
    iut: { ...base.iut, pidfd: -1, isExiting: () => false, waitForExit: () => undefined, identify() {}, close() {} },
    parentFd: readFd,
    parentGone: () => {
      gone++;
    },
  });
  port.createGuest(defaultGuestLayout);
  t.equal(
    port.until(() => false, 20),
    'deadline',
  );
  t.equal(gone, 0);
  closeFd(writeFd);
  port.until(() => gone > 0, 1000);
  port.until(() => false, 20);
  t.equal(gone, 1);
  t.equal(port.releaseAll(), 0, 'all was given back before');
  closeFd(readFd);
  base.close();
  t.end();
});

t.test('a process that ended between two looks at it has died, and did not only close', (t) => {
  const peer = new ScriptedPeer();
  peer.answer = () => peer.close();
  const base = scriptedPort(peer);
  let ended = false;
  const port = new VhostUserPort({
    facts: base.facts,
    carrier: peer,
    iut: {
      ...base.iut,
      pidfd: -1,
      exit: () => (ended ? { signal: 'SIGKILL' } : undefined),
      isExiting: () => {
        ended = true;
        return false;
      },
      waitForExit: () => undefined,
      identify() {},
      close() {},
    },
  });
  const connection = port.connect();
  if (connection.kind === 'refused') throw new Error(connection.why);
  t.match(connection.session.messages.fence(), { kind: 'died', exit: { signal: 'SIGKILL' } });
  port.close();
  base.close();
  t.end();
});

t.test('sources may come and go while they are called', (t) => {
  const set = new PollSet();
  const called: string[] = [];
  const pipes = Array.from({ length: 70 }, () => pipe2({ nonblocking: true }));
  const sources = pipes.map(({ readFd }, at): WaitSource => {
    const source = {
      pollFd: readFd,
      onReady: () => {
        called.push(`${at}`);
        if (at === 3) {
          set.remove(source);
          for (const other of sources.slice(5, 10)) set.remove(other);
          set.add({ pollFd: readFd, onReady: () => called.push('instead of 3') });
        }
      },
    };
    return source;
  });
  for (const source of sources) set.add(source);
  t.equal(set.others(), undefined, 'too many for an exchange');
  t.equal(set.wait(0), 0);
  for (const at of [3, 7, 69]) closeFd(pipes[at]?.writeFd ?? -1);
  t.equal(set.wait(1000), 3);
  t.same(called, ['3', '69'], 'what was removed is not called');
  called.length = 0;
  t.equal(set.wait(1000), 2);
  t.same(called, ['69', 'instead of 3']);
  for (const source of sources) set.remove(source);
  set.remove(sources[0] as WaitSource);
  t.equal(set.others()?.count, 1);
  for (const [at, { readFd, writeFd }] of pipes.entries()) {
    closeFd(readFd);
    if (![3, 7, 69].includes(at)) closeFd(writeFd);
  }
  t.end();
});
