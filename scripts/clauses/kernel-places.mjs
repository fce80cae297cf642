// Where Linux does or declares what a topic of the catalogue is about: its interfaces have no chapters, so that a clause of
// them is a topic, and its place the function, or the call, that one reads first.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const vdpa = 'drivers/vhost/vdpa.c';
const vhost = 'drivers/vhost/vhost.c';
const vfio = 'include/uapi/linux/vfio.h';

const linux = {
  open: [vdpa, 'vhost_vdpa_open'],
  close: [vdpa, 'vhost_vdpa_release'],
  mmap: [vdpa, 'vhost_vdpa_mmap'],
  ioctl: [vdpa, 'vhost_vdpa_unlocked_ioctl'],
  'ioctl / owner': [vhost, 'vhost_dev_set_owner'],
  'ioctl / features': [vdpa, 'vhost_vdpa_set_features'],
  'ioctl / status': [vdpa, 'vhost_vdpa_set_status'],
  'ioctl / config': [vdpa, 'vhost_vdpa_config_validate'],
  'ioctl / identity': [vdpa, 'vhost_vdpa_get_device_id'],
  'ioctl / memory': [vhost, 'vhost_set_memory'],
  'ioctl / vring': [vhost, 'vhost_vring_ioctl'],
  'ioctl / groups': [vdpa, 'vhost_vdpa_vring_ioctl'],
  'ioctl / suspend': [vdpa, 'vhost_vdpa_suspend'],
  'ioctl / log': [vhost, 'vhost_dev_ioctl'],
  'ioctl / backend': ['drivers/vhost/net.c', 'vhost_net_set_backend'],
  'IOTLB messages': [vdpa, 'vhost_vdpa_process_iotlb_msg'],
  'netlink / dev add': ['drivers/vdpa/vdpa.c', 'vdpa_nl_cmd_dev_add_set_doit'],
};

const places = {
  'linux-6.1': linux,
  'linux-newer': linux,
  'vfio-uapi': {
    'linux/vfio.h / device information': [vfio, 'VFIO_DEVICE_GET_INFO'],
    'linux/vfio.h / region information': [vfio, 'VFIO_DEVICE_GET_REGION_INFO'],
    'linux/vfio.h / signals': [vfio, 'VFIO_DEVICE_SET_IRQS'],
    'linux/vfio.h / bad calls': [vfio, 'VFIO_DEVICE_SET_IRQS'],
    'linux/vfio.h / reset': [vfio, 'VFIO_DEVICE_RESET'],
    'linux/vfio.h / container of L2': [vfio, 'VFIO_IOMMU_MAP_DMA'],
  },
};

/** `{ path, title, at }` for each topic of a text, in a tree of Linux. @throws Error where the tree lacks the place */
export function kernelPlaces(text, tree) {
  const version = /^VERSION = (\d+)\nPATCHLEVEL = (\d+)\nSUBLEVEL = (\d+)$/m.exec(
    readFileSync(join(tree, 'Makefile'), 'utf8'),
  );
  const release = version?.slice(1).join('.');
  return Object.entries(places[text] ?? {}).map(([topic, [file, name]]) => {
    const begins = new RegExp(`^(?:#define ${name}\\b|[a-z][a-z_0-9 ]*[ *]${name}\\()`);
    const line = readFileSync(join(tree, file), 'utf8')
      .split('\n')
      .findIndex((one) => begins.test(one));
    if (line < 0) throw new Error(`${file}: no ${name}`);
    return { path: topic.split(' / '), title: name, at: `${file}?h=v${release}#n${line + 1}` };
  });
}
