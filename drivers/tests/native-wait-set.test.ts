import t from 'tap';
import * as native from '../native/native.ts';
import { scriptSystemCall } from '../native/system-call-script.ts';
import { KernelWaitSet } from '../session/kernel-wait-set.ts';
import { throwsErrno, throwsUsage } from './thrown-errors.ts';

const EINTR = -4;
const ready = new Int32Array(8);
const pinnedReady = native.pin(ready);
const second = 1_000_000;

/** An eventfd of a set, and what was seen of it. */
class Signal {
  readonly pollFd = native.eventfdCreate();
  seen = 0;
  onSeen: (() => void) | undefined;

  onReady(): void {
    this.seen++;
    native.eventfdRead(this.pollFd);
    this.onSeen?.();
  }
}

t.test('a set says which slots are ready, and with what', async (t) => {
  const set = native.waitSetCreate();
  const [first, other] = [native.eventfdCreate(), native.eventfdCreate()];
  native.waitSetAdd(set, first, 7);
  native.waitSetAdd(set, other, 9);
  t.equal(native.waitSetWait(set, pinnedReady, 0), 0);
  native.eventfdWrite(other, 1);
  t.equal(native.waitSetWait(set, pinnedReady, second), 1);
  t.same([...ready.subarray(0, 2)], [9, native.POLLIN]);
  native.eventfdWrite(first, 1);
  t.equal(native.waitSetWait(set, pinnedReady, -1), 2);
  t.equal(native.waitSetRemove(set, other), true);
  t.equal(native.waitSetRemove(set, other), false);
  t.equal(native.waitSetWait(set, pinnedReady, second), 1);
  t.equal(ready[0], 7);
  throwsErrno(t, () => native.waitSetAdd(set, first, 8), 'EEXIST');
  throwsErrno(t, () => native.waitSetAdd(set, -1, 8), 'EBADF');
  native.waitSetClose(set);
  throwsUsage(t, () => native.waitSetWait(set, pinnedReady, 0));
  for (const fd of [first, other]) native.closeFd(fd);
});

t.test('a wait ends at its time, and at most so early as a shorter one before it would have', async (t) => {
  const set = native.waitSetCreate();
  const before = native.monotonicUs();
  for (const timeoutUs of [3000, 20_000]) {
    let waits = 0;
    const end = native.monotonicUs() + timeoutUs;
    while (native.monotonicUs() < end && waits < 10) {
      t.equal(native.waitSetWait(set, pinnedReady, end - native.monotonicUs()), 0);
      waits++;
    }
    t.ok(waits <= 2, `${waits} waits until ${timeoutUs} us had passed`);
  }
  t.ok(native.monotonicUs() - before >= 23_000);
  scriptSystemCall('epoll_wait', [EINTR]);
  t.equal(native.waitSetWait(set, pinnedReady, second), 0, 'an interruption ends it as well');
  scriptSystemCall('epoll_wait', []);
  native.waitSetClose(set);
});

t.test('the descriptor of a set is readable while one of the set is', async (t) => {
  const set = native.waitSetCreate();
  const fd = native.eventfdCreate({ initial: 1 });
  const [fds, events, revents] = [
    Int32Array.of(native.waitSetFd(set)),
    Int16Array.of(native.POLLIN),
    new Int16Array(1),
  ];
  t.equal(native.poll(fds, events, revents, 1, 0), 0);
  native.waitSetAdd(set, fd, 0);
  t.equal(native.poll(fds, events, revents, 1, 0), 1);
  native.waitSetClose(set);
  native.closeFd(fd);
});

t.test('a pinned array stands for itself in every call', async (t) => {
  const set = native.waitSetCreate();
  const array = new Int32Array(4);
  t.equal(native.pin(array), native.pin(array));
  t.equal(native.waitSetWait(set, native.pin(array), 0), 0);
  throwsUsage(t, () => native.waitSetWait(set, native.pin(new Uint8Array(64)), 0));
  throwsUsage(t, () => native.waitSetWait(set, 1_000_000, 0));
  throwsUsage(t, () => native.waitSetWait(set, native.pin(new Int32Array(1)), 0));
  native.waitSetClose(set);
});

t.test('sources may be added and removed while others are called', async (t) => {
  const set = new KernelWaitSet();
  const [first, second, third] = [new Signal(), new Signal(), new Signal()];
  set.add(first);
  set.add(second);
  for (const { pollFd } of [first, second, third]) native.eventfdWrite(pollFd, 1);
  first.onSeen = () => {
    set.remove(first);
    set.remove(second);
    set.add(third);
  };
  second.onSeen = first.onSeen;
  t.equal(set.wait(1000), 2);
  t.equal(first.seen + second.seen, 1, 'what was removed is not called');
  t.equal(third.seen, 0, 'what was added has not been looked at yet');
  t.equal(set.wait(1000), 1);
  t.equal(third.seen, 1);
  set.close();
  set.close();
  for (const { pollFd } of [first, second, third]) native.closeFd(pollFd);
});

t.test('a descriptor that was closed without being removed does not keep the set awake', async (t) => {
  const set = new KernelWaitSet();
  const lost = new Signal();
  const kept = new Signal();
  set.add(lost);
  set.add(kept);
  // As an IUT that was given it.
  const [ours, theirs] = native.socketPair();
  native.sendMessage(ours, Uint8Array.of(1), 0, 1, Int32Array.of(lost.pollFd), 1, native.noDeadline);
  native.eventfdWrite(lost.pollFd, 1);
  native.closeFd(lost.pollFd);
  set.remove(lost);
  set.wait(1000);
  t.equal(set.wait(0), 0);
  native.eventfdWrite(kept.pollFd, 1);
  t.equal(set.wait(1000), 1);
  t.equal(kept.seen, 1);
  set.close();
  for (const fd of [ours, theirs, kept.pollFd]) native.closeFd(fd);
});
