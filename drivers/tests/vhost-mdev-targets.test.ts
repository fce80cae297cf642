import assert from 'node:assert/strict';
import t from 'tap';
import { targets } from '../../fixtures/targets/index.ts';
import { vhostMdevL1, vhostMdevL2Net } from '../../fixtures/targets/vhost-mdev.ts';
import { openerOf } from '../open-target.ts';
import { openMdevReference } from '../reference/open-mdev-reference.ts';
import { isReachedBy } from '../target.ts';
import { MdevSession } from '../vhost-mdev/mdev-session.ts';
import { OpenVhostNet } from '../vhost-net/vhost-net-session.ts';
import { VdpaSession } from '../vhost-vdpa/vdpa-session.ts';
import { PciSession } from '../virtio-pci/pci-session.ts';

t.test('targets in process are opened by their name alone', async (t) => {
  const inProcess = targets.flatMap((target) => (isReachedBy(target, 'in-process') ? [target] : []));
  t.ok(inProcess.length >= 6);
  for (const target of inProcess) {
    const open = await openerOf(target);
    const port = open({ deadlineMs: 123 });
    t.teardown(() => port.close());
    t.match(port.facts, { ...target.facts, version: 'in process' });
    t.equal(port.deadlineMs, 123);
    const opened = port.connect();
    assert.ok(opened.kind === 'connected');
    if ('mdev' in target.reach) {
      assert.ok(opened.session instanceof MdevSession);
      const { places } = opened.session;
      t.equal(places.name, target.reach.mdev === 'l1' ? 'l1' : 'l2', target.facts.name);
      t.ok(port.facts.capabilities.includes(`layout-${places.name}`));
    } else {
      assert.ok([VdpaSession, PciSession, OpenVhostNet].some((kind) => opened.session instanceof kind));
    }
    const word = opened.session.readFeatures('features');
    assert.ok(word.kind === 'word');
    const offersMac = ((word.word >> 5n) & 1n) === 1n;
    // Over vhost-net the front-end serves the address.
    const servesMac = target.facts.device === 'net' && target.facts.transport !== 'vhost-kernel';
    t.equal(offersMac, servesMac, 'the device is what the target says');
  }
});

t.test('faults of a target in process are put into it, and unknown ones are named', async (t) => {
  const faulty = (...faults: string[]) => openerOf({ ...vhostMdevL1, reach: { ...vhostMdevL1.reach, faults } });
  const features = async (...faults: string[]): Promise<unknown> => {
    const port = (await faulty(...faults))();
    t.teardown(() => port.close());
    const opened = port.connect();
    assert.ok(opened.kind === 'connected');
    return opened.session.readFeatures('features');
  };
  t.notSame(await features('mdev-l1-offers-access-platform'), await features());
  const open = await faulty('mdev-second-start-refuse');
  t.throws(() => open(), {
    message: /no fault is called mdev-second-start-refuse \(did you mean mdev-second-start-refused /,
  });
});

t.test('the mode in which a device does what its text was coded to do is told as a capability', async (t) => {
  for (const mode of ['l2-faithful', 'l2-strict'] as const) {
    const port = openMdevReference({ device: 'block', mode });
    t.teardown(() => port.close());
    t.ok(port.facts.capabilities.includes('layout-l2'));
    t.equal(port.facts.capabilities.includes('faithful'), mode === 'l2-faithful');
  }
});

t.test('a target that contradicts itself', async (t) => {
  const facts = { ...vhostMdevL1.facts, transport: 'vhost-user' } as const;
  await t.rejects(openerOf({ ...vhostMdevL1, facts }), {
    message:
      'vhost-mdev-l1: in-process reaches vhost-mdev or vhost-vdpa or vhost-kernel or virtio-pci, and not vhost-user',
  });
  t.notOk(targets.some((target) => target !== vhostMdevL2Net && target.facts.name === vhostMdevL2Net.facts.name));
});
