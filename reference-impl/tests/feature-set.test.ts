import t from 'tap';
import {
  bitsIn,
  commonFeatures,
  type FeatureOwner,
  featureSet,
  featureSetOf,
  hasFeature,
  namesIn,
} from '../catalogue/catalogue.ts';

const owner = (transport: FeatureOwner['transport'], device: FeatureOwner['device']): FeatureOwner => ({
  transport,
  device,
});

t.test('a bit is looked up in the word of its kind', async (t) => {
  const guestCsum = featureSet({ device: 1n << 1n });
  t.ok(hasFeature(guestCsum, 'VIRTIO_NET_F_GUEST_CSUM', owner('vhost-kernel', 'net')));
  t.notOk(hasFeature(guestCsum, 'VHOST_BACKEND_F_IOTLB_MSG_V2', owner('vhost-kernel', 'net')), 'bit 1 of another word');
  t.notOk(hasFeature(guestCsum, 'VHOST_USER_PROTOCOL_F_LOG_SHMFD', owner('vhost-user', 'net')));
  t.ok(hasFeature(featureSet({ backend: 1n << 1n }), 'VHOST_BACKEND_F_IOTLB_MSG_V2', owner('vhost-vdpa', 'net')));
  t.ok(hasFeature(featureSet({ protocol: 1n << 1n }), 'VHOST_USER_PROTOCOL_F_LOG_SHMFD', owner('vhost-user', 'net')));
});

t.test("a device's bit belongs to that device only, a transport's to that transport", async (t) => {
  const everyBit = 2n ** 64n - 1n;
  const all = featureSet({ device: everyBit, protocol: everyBit, backend: everyBit });
  t.ok(hasFeature(all, 'VIRTIO_NET_F_MAC', owner('vhost-mdev', 'net')));
  t.notOk(hasFeature(all, 'VIRTIO_NET_F_MAC', owner('vhost-mdev', 'block')), 'bit 5 is BLK_F_RO there');
  t.notOk(hasFeature(all, 'VHOST_USER_F_PROTOCOL_FEATURES', owner('vhost-mdev', 'net')));
  t.notOk(hasFeature(all, 'VHOST_USER_PROTOCOL_F_CONFIG', owner('vhost-mdev', 'net')));
  t.notOk(hasFeature(all, 'VHOST_BACKEND_F_SUSPEND', owner('vhost-user', 'net')));
  t.ok(hasFeature(all, 'VHOST_F_LOG_ALL', owner('vhost-vdpa', 'block')), 'of every vhost');
  t.notOk(hasFeature(all, 'VHOST_F_LOG_ALL', owner('virtio-pci', 'block')));
});

t.test('the device word may be wider than 64 bits', async (t) => {
  const tunnel = featureSetOf(['VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO'], owner('vhost-kernel', 'net'));
  t.ok(tunnel.device >= 2n ** 64n);
  t.ok(hasFeature(tunnel, 'VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO', owner('vhost-kernel', 'net')));
  t.same(namesIn(tunnel, owner('vhost-kernel', 'net')), ['VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO']);
  t.same(bitsIn(1n | (1n << 70n)), [0, 70]);
});

t.test('sets are made of names, intersected, and told as names', async (t) => {
  const block = owner('vhost-user', 'block');
  const wanted = featureSetOf(
    ['VIRTIO_F_VERSION_1', 'VIRTIO_NET_F_MAC', 'VHOST_USER_PROTOCOL_F_CONFIG', 'VHOST_BACKEND_F_RESUME'],
    block,
  );
  t.same(
    wanted,
    featureSet({ device: 1n << 32n, protocol: 1n << 9n }),
    'what a block device has no bit for is left out',
  );
  const common = commonFeatures(wanted, featureSet({ device: (1n << 32n) | 1n, backend: 1n }));
  t.same(common, featureSet({ device: 1n << 32n }));
  t.same(namesIn(featureSet({ device: (1n << 9n) | (1n << 62n), protocol: (1n << 9n) | (1n << 63n) }), block), [
    'VIRTIO_BLK_F_FLUSH',
    'bit 62',
    'VHOST_USER_PROTOCOL_F_CONFIG',
    'protocol bit 63',
  ]);
});
