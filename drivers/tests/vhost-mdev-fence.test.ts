import assert from 'node:assert/strict';
import t from 'tap';
import { vhostMdevL2 } from '../../fixtures/targets/vhost-mdev.ts';
import { BlockDevice } from '../../reference-impl/devices/block-device.ts';
import { mdevRuleTables } from '../../reference-impl/vhost-mdev/mdev-rule-tables.ts';
import { MediatedIut } from '../iut-process/mediated-iut.ts';
import { inProcessMdev } from '../vfio/in-process-mdev.ts';
import { MdevSysfs } from '../vfio/mdev-sysfs.ts';
import { MdevPort } from '../vhost-mdev/mdev-port.ts';

const restMs = 2;

/** A device that acts when it is called and not while a wait runs, as far as the port can tell. */
function remotePort() {
  const inner = inProcessMdev(() => new BlockDevice({ queues: 1 }), mdevRuleTables['l2-strict']);
  const carrier = { pageSize: inner.pageSize, open: () => inner.open(), lendMemory: inner.lendMemory.bind(inner) };
  const iut = new MediatedIut(new MdevSysfs(), '00000000-0000-4000-8000-000000000000');
  return { inner, port: new MdevPort({ facts: { ...vhostMdevL2.facts, version: '' }, carrier, iut }) };
}

t.test('a fence gives a device that runs by itself the time to act, once it may have been notified', async (t) => {
  const { inner, port } = remotePort();
  t.teardown(() => {
    port.close();
    inner.close();
  });
  const opened = port.connect();
  assert.ok(opened.kind === 'connected');
  const { session } = opened;
  session.negotiate({ device: 1n << 32n });
  const from = port.nowMs();
  t.same(session.fence(), { kind: 'passed' });
  t.ok(port.nowMs() - from >= restMs);
  session.close();
  t.same(session.fence(), { kind: 'closed' });
});
