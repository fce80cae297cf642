import { readdirSync } from 'node:fs';
import t from 'tap';
import * as native from '../native/native.ts';
import { throwsErrno, throwsUsage } from './thrown-errors.ts';

const pageSize = 4096;

function threads(): number {
  return readdirSync('/proc/self/task').length;
}

function pause(microseconds: number): void {
  native.poll(new Int32Array(0), new Int16Array(0), new Int16Array(0), 0, microseconds);
}

t.test('the memory changes under a reader, between the patterns alone', async (t) => {
  const fd = native.memfdCreate('mutated', pageSize, { seal: true });
  const mapping = native.mapMemory(fd, pageSize);
  const bytes = new Uint8Array(mapping.buffer);
  const field = new Uint32Array(mapping.buffer, 64, 1);
  const threadsBefore = threads();
  const patterns = [Uint8Array.of(1, 1, 1, 1), Uint8Array.of(2, 2, 2, 2), Uint8Array.of(3, 3, 3, 3)];
  const mutator = native.startMutator(mapping, 64, patterns, 0);
  t.equal(threads(), threadsBefore + 1);
  const seen = new Set<number>();
  const deadline = native.monotonicUs() + 10_000_000;
  while (seen.size < 3 && native.monotonicUs() < deadline) {
    for (let read = 0; read < 1000; read++) {
      const value = Atomics.load(field, 0);
      if (value !== 0) seen.add(value);
    }
    pause(100);
  }
  const writes = mutator.stop();
  t.same([...seen].sort(), [0x01010101, 0x02020202, 0x03030303], 'never a mixture');
  t.ok(writes >= 3, `${writes} writes`);
  t.equal(mutator.stop(), writes);
  t.equal(threads(), threadsBefore);
  const last = field[0];
  t.equal(last, [0x01010101, 0x02020202, 0x03030303][(writes - 1) % 3], 'it wrote in turn');
  pause(2000);
  t.equal(field[0], last, 'and stopped');
  bytes.fill(0, 64, 68);
  t.ok(
    bytes.every((byte) => byte === 0),
    'nothing beside was written',
  );
  mapping.unmap();
  native.closeFd(fd);
});

t.test('the period is kept, and stopping does not wait for it', async (t) => {
  const fd = native.memfdCreate('period', pageSize, { seal: true });
  const mapping = native.mapMemory(fd, pageSize);
  const often = native.startMutator(mapping, 0, [Uint8Array.of(1, 2, 3)], 1_000_000);
  pause(50_000);
  const writes = often.stop();
  t.ok(writes >= 2 && writes <= 60, `${writes} writes in 50 periods or so`);
  const seldom = native.startMutator(mapping, 0, [Uint8Array.of(1)], 60_000_000_000);
  pause(1000);
  const start = native.monotonicUs();
  seldom.stop();
  t.ok(native.monotonicUs() - start < 5_000_000);
  mapping.unmap();
  native.closeFd(fd);
});

t.test('a mapping in use cannot be unmapped', async (t) => {
  const fd = native.memfdCreate('pinned', pageSize, { seal: true });
  const mapping = native.mapMemory(fd, pageSize);
  const first = native.startMutator(mapping, 8, [new Uint8Array(8)], 1000);
  const second = native.startMutator(mapping, 16, [new Uint8Array(8)], 1000);
  throwsErrno(t, () => mapping.unmap(), 'EBUSY', 'munmap');
  first.stop();
  throwsErrno(t, () => mapping.unmap(), 'EBUSY', 'munmap');
  t.equal(mapping.buffer.byteLength, pageSize);
  second.stop();
  mapping.unmap();
  t.equal(mapping.buffer.byteLength, 0);
  throwsUsage(t, () => native.startMutator(mapping, 0, [Uint8Array.of(1)], 0));
  native.closeFd(fd);
});

t.test('what a mutator refuses', async (t) => {
  const fd = native.memfdCreate('refused', pageSize, { seal: true });
  const mapping = native.mapMemory(fd, pageSize);
  const one = Uint8Array.of(1);
  throwsUsage(t, () => native.startMutator(mapping, pageSize, [one], 0));
  throwsUsage(t, () => native.startMutator(mapping, pageSize - 1, [Uint8Array.of(1, 2)], 0));
  throwsUsage(t, () => native.startMutator(mapping, -1, [one], 0));
  throwsUsage(t, () => native.startMutator(mapping, 0, [], 0));
  throwsUsage(t, () => native.startMutator(mapping, 0, [new Uint8Array(0)], 0));
  throwsUsage(t, () => native.startMutator(mapping, 0, [one, Uint8Array.of(1, 2)], 0));
  throwsUsage(t, () => native.startMutator(mapping, 0, [one], -1));
  const readOnly = native.mapMemory(fd, pageSize, 0, { readOnly: true });
  throwsErrno(t, () => native.startMutator(readOnly, 0, [one], 0), 'EACCES');
  readOnly.unmap();
  mapping.unmap();
  native.closeFd(fd);
});
