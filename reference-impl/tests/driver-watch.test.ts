import t from 'tap';
import { allRequirements } from '../catalogue/catalogue.ts';
import { sharedDeviceNames } from '../devices/reference-devices.ts';
import { driverRequirements, observedRequirements } from '../oracle/observed/observed-requirements.ts';
import {
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_IN_ORDER,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_RING_PACKED,
} from '../virtqueue/feature-bits.ts';
import { writable } from '../virtqueue/segment.ts';
import { Scene } from './observed-driver.ts';
import { driverMisbehaviours } from './observed-driver-misbehaviours.ts';

t.test('a lawful driver breaks no rule, whatever was negotiated', async (t) => {
  const layouts = [0n, VIRTIO_F_RING_PACKED];
  const others = [0n, VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC, VIRTIO_F_IN_ORDER];
  for (const features of layouts.flatMap((layout) => others.map((other) => layout | other))) {
    const scene = new Scene({ features });
    for (let n = 0; n < 20; n++) {
      const isIndirect = (features & VIRTIO_F_INDIRECT_DESC) !== 0n && n % 2 === 0;
      scene.send(scene.request(1, BigInt(n), 512), isIndirect);
      scene.send([scene.header(0, BigInt(n)), writable(scene.guest.allocate({ size: 512 })), scene.status], isIndirect);
      scene.watch.look(n * 10_000);
    }
    scene.send(scene.request(4, 0n, 0));
    scene.send(scene.ranges(11, 8, 0));
    t.same(scene.broken, [], `features 0x${features.toString(16)}`);
    t.same(scene.unexplained, []);
    t.equal(scene.observations.of('blk/driver-stays-within-capacity')?.kept, 40);
    t.equal(scene.observations.of('blk/driver-discard-segments-bounded')?.kept, 1);
    t.equal(scene.observations.of('blk/driver-get-id-length'), undefined, 'what was not seen is not judged');
  }
});

t.test('each rule is broken by a driver that does that one thing', async (t) => {
  const all = sharedDeviceNames.flatMap(driverRequirements);
  t.same([...new Set(all)].sort(), Object.keys(driverMisbehaviours).sort(), 'a misbehaviour for each rule');
  for (const [requirement, { scene: options = {}, act }] of Object.entries(driverMisbehaviours)) {
    const scene = new Scene(options);
    act(scene);
    t.same(scene.broken, [requirement], requirement);
  }
});

t.test('a ring that is stopped is not looked at', async (t) => {
  const scene = new Scene({});
  scene.kick();
  scene.driver.add(scene.request(4, 0n, 0));
  scene.driver.publish();
  scene.device.stopQueue(0);
  scene.watch.look(0);
  scene.watch.look(10_000);
  t.same(scene.broken, []);
});

t.test('the catalogue says of which rules of the driver and the front-end an observation judges', async (t) => {
  const observed = new Set(sharedDeviceNames.flatMap(observedRequirements));
  for (const { slug, binds, untested } of allRequirements()) {
    const says = untested?.detail?.endsWith('observe judges it') ?? false;
    if (says || observed.has(slug)) t.ok(says && observed.has(slug) && /^(driver|front-end)$/.test(binds), slug);
  }
});
