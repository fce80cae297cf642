import assert from 'node:assert/strict';
import t from 'tap';
import { featureSetOf } from '../../reference-impl/catalogue/catalogue.ts';
import type { FeatureName } from '../../reference-impl/catalogue/features.ts';
import { guestLayouts } from '../../reference-impl/memory/guest-layout.ts';
import type { ConfigRead, DriverPort, Session } from '../port/port.ts';
import { openMdevReference } from '../reference/open-mdev-reference.ts';
import { openReference } from '../reference/open-reference.ts';

const protocolFeatures: readonly FeatureName[] = [
  'VHOST_USER_PROTOCOL_F_CONFIG',
  'VHOST_USER_PROTOCOL_F_STATUS',
  'VHOST_USER_PROTOCOL_F_RESET_DEVICE',
  'VHOST_USER_PROTOCOL_F_MQ',
  'VHOST_USER_PROTOCOL_F_REPLY_ACK',
];

function connected<S extends Session>(test: { teardown(handler: () => void): void }, port: DriverPort<S>): S {
  test.teardown(() => port.close());
  const connection = port.connect();
  assert.ok(connection.kind === 'connected');
  return connection.session;
}

const negotiationOf = (port: DriverPort, names: readonly FeatureName[]) =>
  featureSetOf(['VIRTIO_F_VERSION_1', 'VHOST_USER_F_PROTOCOL_FEATURES', ...names], port.facts);

const bytesOf = (read: ConfigRead): Uint8Array => {
  assert.ok(read.kind === 'bytes', read.kind);
  return read.bytes;
};

t.test('over vhost-user each part is there once its protocol feature is acknowledged', async (t) => {
  const port = openReference({ device: 'block' });
  const session = connected(t, port);
  const parts = () => {
    const { config, status, queues, reset } = session.device;
    return [config, status, queues, reset].map((part) => part !== undefined);
  };
  t.same(parts(), [false, false, false, false]);
  session.prepare(negotiationOf(port, ['VHOST_USER_PROTOCOL_F_STATUS']));
  t.same(parts(), [false, true, false, false]);
  const other = connected(t, openReference({ device: 'block' }));
  other.negotiate(negotiationOf(port, protocolFeatures));
  t.same(
    [other.device.config, other.device.status, other.device.queues, other.device.reset].map((part) => typeof part),
    ['object', 'object', 'object', 'function'],
  );
});

t.test('configuration, status, queues and reset over vhost-user', async (t) => {
  const port = openReference({ device: 'block', queues: 2 });
  const session = connected(t, port);
  const withCache = negotiationOf(port, [...protocolFeatures, 'VIRTIO_BLK_F_FLUSH', 'VIRTIO_BLK_F_CONFIG_WCE']);
  session.negotiate(withCache);
  const { config, status, queues, reset } = session.device;
  assert.ok(config && status && queues && reset);
  const capacity = bytesOf(config.read(0, 8));
  t.equal(new DataView(capacity.buffer, capacity.byteOffset).getBigUint64(0, true), 2048n);
  t.same(config.write(32, Uint8Array.of(0)), { kind: 'done', by: 'acknowledgement' });
  t.same([...bytesOf(config.read(32, 1))], [0]);
  t.match(config.read(0xffff, 8), { kind: 'unreadable', why: 'GET_CONFIG was answered without bytes' });
  t.match(config.write(0xffff, Uint8Array.of(0)), { kind: 'refused', by: 'acknowledgement' });
  t.same(status.set(3), { kind: 'done', by: 'acknowledgement' });
  t.same(status.get(), { kind: 'number', value: 3 });
  t.match(status.set(0x100), { kind: 'refused', by: 'acknowledgement' });
  t.same(queues.count(), { kind: 'number', value: 2 });
  t.same(reset(), { kind: 'done', by: 'acknowledgement' });
  t.same(status.get(), { kind: 'number', value: 0 });
  session.messages.shutdown('both');
  t.same(status.get(), { kind: 'closed' });
});

t.test('without acknowledgements a fence says that it was handled', async (t) => {
  const port = openReference({ device: 'net' });
  const session = connected(t, port);
  session.negotiate(negotiationOf(port, ['VHOST_USER_PROTOCOL_F_STATUS']));
  t.same(session.device.status?.set(3), { kind: 'done', by: 'fence' });
});

t.test('what was prepared is negotiated on from there', async (t) => {
  const port = openReference({ device: 'block' });
  const session = connected(t, port);
  const wanted = negotiationOf(port, ['VHOST_USER_PROTOCOL_F_CONFIG']);
  session.prepare(wanted);
  t.equal(session.negotiated.accepted.protocol, wanted.protocol);
  t.equal(session.negotiated.accepted.device, 0n);
  t.equal(bytesOf(session.device.config?.read(0, 8) ?? { kind: 'closed' }).length, 8);
  t.same(session.negotiate(wanted).accepted, wanted);
});

t.test('vhost-mdev has queues and a reset, and neither configuration nor status', async (t) => {
  for (const mode of ['l1', 'l2-strict'] as const) {
    const port = openMdevReference({ device: 'block', mode, queues: 2 });
    const session = connected(t, port);
    session.prepare();
    session.negotiate({ device: 1n << 32n });
    const { config, status, queues, reset } = session.device;
    t.same([config, status], [undefined, undefined]);
    t.same(queues.count(), { kind: 'number', value: 2 });
    const guest = port.createGuest(guestLayouts['single-region']);
    session.shareMemory(guest);
    session.attach(guest.ring({ layout: 'split', size: 8 }), { index: 0 });
    t.same(reset(), { kind: 'done', by: 'return' }, 'of a device that runs');
    session.vfio.close();
    t.same(reset(), { kind: 'closed' });
  }
});
