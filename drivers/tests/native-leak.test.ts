import { readdirSync, readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import * as native from '../native/native.ts';
import { socketDirectory } from './socket-directory.ts';

const rounds = 10_000;
const pageSize = 4096;

function descriptors(): string[] {
  return readdirSync('/proc/self/fd');
}

/** Mappings of memfds; others come and go with the collector's heap. */
function sharedMappings(): number {
  return readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => line.includes('/memfd:')).length;
}

/** Runs once to warm up, then `rounds` times: nothing may be left. */
function leavesNothing(t: Test, round: (index: number) => void): void {
  round(0);
  const fdsBefore = descriptors();
  const mappingsBefore = sharedMappings();
  for (let index = 0; index < rounds; index++) round(index);
  t.same(descriptors(), fdsBefore, 'descriptors');
  t.equal(sharedMappings(), mappingsBefore, 'mappings');
}

t.test('exchanges, each carrying a descriptor both ways', async (t) => {
  const [ours, theirs] = native.socketPair();
  const eventfd = native.eventfdCreate();
  const request = new Uint8Array(12);
  const received = new Uint8Array(64);
  const fds = Int32Array.of(eventfd);
  const fdsOut = new Int32Array(8);
  const exchanged = new Int32Array(5);
  const result = new Int32Array(3);
  leavesNothing(t, () => {
    native.sendMessage(theirs, request, 0, 12, fds, 1, native.noDeadline);
    const outcome = native.exchange(ours, request, 12, fds, 1, received, fdsOut, exchanged, native.noDeadline, null);
    if (outcome !== native.exchangeReply || exchanged[native.exchangedFdCount] !== 1) throw new Error('no reply');
    native.closeFd(fdsOut[0] ?? -1);
    if (native.receiveMessage(theirs, received, 0, 64, fdsOut, 0, result) !== 12) throw new Error('no request');
    native.closeFd(fdsOut[0] ?? -1);
  });
  for (const fd of [ours, theirs, eventfd]) native.closeFd(fd);
});

t.test('truncated control data', async (t) => {
  const [ours, theirs] = native.socketPair();
  const eventfd = native.eventfdCreate();
  const byte = new Uint8Array(1);
  const fds = Int32Array.of(eventfd, eventfd, eventfd);
  const fdsOut = new Int32Array(1);
  const result = new Int32Array(3);
  leavesNothing(t, () => {
    native.sendMessage(theirs, byte, 0, 1, fds, 3, native.noDeadline);
    native.receiveMessage(ours, byte, 0, 1, fdsOut, 0, result);
    if (result[native.receivedControlTruncated] !== 1) throw new Error('not truncated');
    native.closeFd(fdsOut[0] ?? -1);
  });
  for (const fd of [ours, theirs, eventfd]) native.closeFd(fd);
});

t.test('memfds mapped and unmapped', async (t) => {
  leavesNothing(t, (index) => {
    const fd = native.memfdCreate('leak', pageSize, { seal: true });
    const mapping = native.mapMemory(fd, pageSize);
    new Uint32Array(mapping.buffer)[0] = index;
    mapping.unmap();
    mapping.unmap();
    native.closeFd(fd);
  });
});

t.test('eventfds', async (t) => {
  leavesNothing(t, () => {
    const fd = native.eventfdCreate({ initial: 1 });
    if (native.eventfdRead(fd) !== 1) throw new Error('no count');
    native.closeFd(fd);
  });
});

t.test('connections', async (t) => {
  const path = `${socketDirectory(t)}/socket`;
  const listener = native.unixListen(path);
  leavesNothing(t, () => {
    const client = native.unixConnect(path, { timeoutMs: 1000 });
    native.closeFd(native.acceptConnection(listener));
    native.closeFd(client);
  });
  native.closeFd(listener);
});

t.test('a synchronous loop of mappings does not grow the process', async (t) => {
  const fd = native.memfdCreate('grow', 16 << 20, { seal: true });
  const touch = (): void => {
    const mapping = native.mapMemory(fd, 16 << 20);
    new Uint8Array(mapping.buffer).fill(1);
    mapping.unmap();
  };
  touch();
  const before = process.memoryUsage.rss();
  for (let index = 0; index < 100; index++) touch();
  const grown = process.memoryUsage.rss() - before;
  t.ok(grown < 64 << 20, `${grown} bytes more, of ${100 * (16 << 20)} touched`);
  native.closeFd(fd);
});
