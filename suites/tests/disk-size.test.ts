import t from 'tap';
import type { BlockWorkload } from '../../drivers/devices/block-workload.ts';
import type { DriverPort } from '../../drivers/port/port.ts';
import { openReference } from '../../drivers/reference/open-reference.ts';
import { firstContact } from '../../judging/first-contact.ts';
import { allCases } from '../all-cases.ts';
import { defineCase, variantsOf } from '../case.ts';
import { applicability } from '../runner/applicability.ts';
import { judge } from '../runner/judge.ts';
import { leavesDisk } from '../virtio/block/disk-size.ts';
import { completed } from '../virtio/block/range-requests.ts';
import { runningQueue } from '../virtio/running-queue.ts';

/** The reference's disk of 2048 sectors, of which the target tells what `told` has. */
function diskOf(told: Pick<BlockWorkload, 'sectors' | 'disk'>): DriverPort {
  const port: DriverPort = openReference({ device: 'block', faults: [], deadlineMs: 20_000 });
  const workload: BlockWorkload = { kind: 'block', queueIndex: 0, companions: [], ...told };
  Object.defineProperty(port, 'facts', { value: { ...port.facts, workload } });
  t.teardown(() => port.close());
  return port;
}

function offerOf(port: DriverPort) {
  const contact = firstContact(port);
  if (contact.kind === 'not-served') throw new Error(contact.why);
  return contact.offer;
}

/** Whether sectors were written, found out by a case of its own. */
function isZero(port: DriverPort, sector: number, sectors: number): boolean {
  let bytes: Uint8Array = new Uint8Array(0);
  const look = defineCase({
    id: 'virtio/block/what-the-disk-holds',
    title: 'reads what other cases left',
    proves: { 'blk/read-returns-written-data': [] },
    applies: { start: 'closed', devices: ['block'] },
    run(context) {
      const { driver, queue } = runningQueue(context);
      bytes = completed(queue, driver.block.read({ sector, bytes: sectors * 512 })).data();
      context.requirement('blk/read-returns-written-data').holds(true, 'sectors', { expected: 'read', actual: 'read' });
    },
  });
  judge(port, look, {}, offerOf(port), { seed: 1, referenceMeetsDeadline: () => true });
  t.equal(bytes.length, sectors * 512, 'the sectors were read');
  return bytes.every((byte) => byte === 0);
}

function judgeBlock(port: DriverPort, prefix = 'virtio/block/'): string[] {
  const offer = offerOf(port);
  const strange: string[] = [];
  for (const definition of allCases) {
    if (!definition.id.startsWith(prefix) || applicability(definition, port.facts, offer).length > 0) continue;
    for (const variant of variantsOf(definition)) {
      const { verdict, findings, error } = judge(port, definition, variant, offer, {
        seed: 1,
        referenceMeetsDeadline: () => true,
      });
      if (verdict !== 'pass') strange.push(`${definition.id}: ${verdict} ${error ?? findings[0]?.what}`);
    }
  }
  return strange;
}

t.test('a disk is larger than what may be written: all pass, and the rest keeps its data', async (t) => {
  const port = diskOf({ sectors: 1200 });
  t.same(judgeBlock(port), []);
  t.notOk(isZero(port, 0, 1200), 'some of what may be written was');
  t.ok(isZero(port, 1200, 848), 'nothing behind it was');
});

t.test('a disk is smaller than what may be written: it is not blamed', async (t) => {
  t.same(judgeBlock(diskOf({ sectors: 4096 })), []);
});

t.test('a size that is told stands above what configuration says', async (t) => {
  const short = diskOf({ sectors: 2048, disk: 4096 });
  const [line, ...more] = judgeBlock(short, 'virtio/block/capacity-counts');
  t.match(line, 'virtio/block/capacity-counts-512-byte-sectors: fail');
  t.same(more, []);
});

t.test('a request at the end of a disk that is not ours is not tried', async (t) => {
  const ours = { capacity: 100n, isOurs: true };
  const foreign = { capacity: 100n, isOurs: false };
  const over = [{ sector: 99n, sectors: 2 }];
  const behind = [{ sector: 100n, sectors: 1 }];
  t.same([leavesDisk(over, ours), leavesDisk(over, foreign)], [true, false]);
  t.same([leavesDisk(behind, ours), leavesDisk(behind, foreign)], [true, true]);
  t.same([leavesDisk([{ sector: 99n, sectors: 1 }], ours), leavesDisk([...over, ...behind], foreign)], [false, false]);
});
