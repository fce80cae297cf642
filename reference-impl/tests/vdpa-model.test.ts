import t from 'tap';
import type { IoctlObservation } from '../observations/event.ts';
import { VdpaModel } from '../oracle/model/vdpa/vdpa-model.ts';
import { errno } from '../wire/errno.ts';
import { type IotlbMessage, iotlbBytes, type VdpaRequest, vdpaRequests } from '../wire/vdpa-structures.ts';

function words(...numbers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * numbers.length);
  for (const [n, number] of numbers.entries()) new DataView(bytes.buffer).setUint32(4 * n, number >>> 0, true);
  return bytes;
}

/** A device that was opened, with an owner, features and DRIVER_OK as told. */
function opened() {
  const found: string[] = [];
  const model = new VdpaModel(
    {
      deviceId: 2,
      rings: 2,
      pageSize: 4096,
      range: { first: 0x1000n, last: 0xffff_ffffn },
      isMemory: () => true,
    },
    ({ requirement }) => found.push(requirement),
  );
  const call = (name: VdpaRequest | number, before: Uint8Array, result: number, after = before): void => {
    const request = typeof name === 'number' ? name : vdpaRequests[name];
    const seen: IoctlObservation = {
      kind: 'ioctl',
      on: 'device',
      session: 0,
      layout: 'vhost-vdpa',
      request,
      length: before.length,
      before,
      after,
      result,
    };
    model.call(seen);
  };
  const message = (told: IotlbMessage, result: number, cut?: number): void => {
    const bytes = iotlbBytes(told).subarray(0, cut);
    model.access({
      kind: 'region-access',
      access: 'write',
      session: 0,
      layout: 'vhost-vdpa',
      region: 0,
      offset: 0,
      length: bytes.length,
      bytes,
      result,
    });
  };
  return { model, found, call, message };
}

const page: IotlbMessage = {
  request: 2,
  ioVirtualAddress: 0x2000n,
  size: 0x1000n,
  userAddress: 0x1000n,
  permission: 3,
};
const whole = 72;

type Steps = (device: ReturnType<typeof opened>) => void;
const owner: Steps = ({ call }) => call('VHOST_SET_OWNER', words(), 0);

/** What a device does wrong, and what it may do. */
const judged: readonly (readonly [requirement: string, wrong: Steps, right: Steps])[] = [
  [
    'vk-owner/calls-before-set-owner-denied',
    ({ call }) => call('VHOST_SET_VRING_NUM', words(0, 16), 0),
    ({ call }) => call('VHOST_SET_VRING_NUM', words(0, 16), -errno.EPERM),
  ],
  [
    'vk-vring/ring-index-out-of-range-refused',
    ({ call }) => call('VHOST_SET_VRING_NUM', words(2, 16), 0),
    ({ call }) => call('VHOST_SET_VRING_NUM', words(2, 16), -errno.ENOBUFS),
  ],
  [
    'vk-vring/queue-count-is-told',
    ({ call }) => call('VHOST_SET_VRING_NUM', words(1, 16), -errno.ENOBUFS),
    ({ call }) => call('VHOST_SET_VRING_NUM', words(1, 16), 0),
  ],
  [
    'vk-vring/base-reads-back',
    ({ call }) => {
      call('VHOST_SET_VRING_BASE', words(0, 5), 0);
      call('VHOST_GET_VRING_BASE', words(0, 0), 0, words(0, 6));
    },
    ({ call }) => {
      call('VHOST_SET_VRING_BASE', words(0, 5), 0);
      call('VHOST_GET_VRING_BASE', words(0, 0), 0, words(0, 5));
    },
  ],
  [
    'vk-status/status-zero-resets',
    ({ call }) => {
      call('VHOST_SET_VRING_BASE', words(0, 5), 0);
      call('VHOST_VDPA_SET_STATUS', Uint8Array.of(0), 0);
      call('VHOST_GET_VRING_BASE', words(0, 0), 0, words(0, 5));
    },
    ({ call }) => {
      call('VHOST_VDPA_SET_STATUS', Uint8Array.of(0), 0);
      call('VHOST_GET_VRING_BASE', words(0, 0), -errno.EOPNOTSUPP);
    },
  ],
  [
    'vk-suspend/suspended-rings-stand-still',
    ({ call }) => {
      call('VHOST_VDPA_SET_STATUS', Uint8Array.of(15), 0);
      call('VHOST_VDPA_SUSPEND', words(), 0);
      for (const base of [3, 4]) call('VHOST_GET_VRING_BASE', words(0, 0), 0, words(0, base));
    },
    ({ call }) => {
      call('VHOST_VDPA_SET_STATUS', Uint8Array.of(15), 0);
      for (const base of [3, 4]) call('VHOST_GET_VRING_BASE', words(0, 0), 0, words(0, base));
    },
  ],
  [
    'vk-vring/addresses-and-base-fixed-while-running',
    ({ call }) => {
      call('VHOST_VDPA_SET_STATUS', Uint8Array.of(15), 0);
      call('VHOST_SET_VRING_BASE', words(0, 5), 0);
    },
    ({ call }) => {
      call('VHOST_VDPA_SET_STATUS', Uint8Array.of(15), 0);
      call('VHOST_VDPA_SUSPEND', words(), 0);
      call('VHOST_SET_VRING_BASE', words(0, 5), 0);
    },
  ],
  [
    'vk-config/size-agrees-with-readable-bytes',
    ({ call }) => {
      call('VHOST_VDPA_GET_CONFIG_SIZE', words(0), 0, words(8));
      call('VHOST_VDPA_GET_CONFIG', words(0, 8, 0, 0), -errno.EINVAL);
    },
    ({ call }) => {
      call('VHOST_VDPA_GET_CONFIG_SIZE', words(0), 0, words(8));
      call('VHOST_VDPA_GET_CONFIG', words(0, 9, 0, 0, 0), -errno.EINVAL);
    },
  ],
  [
    'vk-iotlb/overlapping-update-refused',
    ({ message }) => {
      message(page, whole);
      message(page, whole);
    },
    ({ message }) => {
      message(page, whole);
      message(page, -errno.EFAULT);
    },
  ],
  [
    'vk-iotlb/invalidated-range-is-mapped-anew',
    ({ message }) => {
      message(page, whole);
      message({ ...page, request: 3 }, whole);
      message(page, -errno.EFAULT);
    },
    ({ message }) => {
      message(page, whole);
      message({ ...page, request: 3 }, whole);
      message(page, whole);
    },
  ],
  [
    'vk-iotlb/malformed-messages-refused',
    ({ message }) => message(page, 20, 20),
    ({ message }) => message(page, -errno.EINVAL, 20),
  ],
  [
    'vk-iotlb/update-outside-iova-range-refused',
    ({ message }) => message({ ...page, ioVirtualAddress: 0n }, whole),
    ({ message }) => message({ ...page, ioVirtualAddress: 0n }, -errno.EFAULT),
  ],
  [
    'vk-unknown/unknown-ioctl-refused',
    ({ call }) => call(0x1234, words(0), 0),
    ({ call }) => call(0x1234, words(0), -errno.ENOTTY),
  ],
  [
    'vk-call/bad-pointers-refused',
    ({ call }) => call('VHOST_GET_FEATURES', words(0), 0),
    ({ call }) => call('VHOST_GET_FEATURES', words(0), -errno.EFAULT),
  ],
];

for (const [requirement, wrong, right] of judged) {
  t.test(`what breaks ${requirement} is told`, (t) => {
    const needsOwner = requirement !== 'vk-owner/calls-before-set-owner-denied';
    for (const [steps, expected] of [
      [wrong, [requirement]],
      [right, []],
    ] as const) {
      const device = opened();
      if (needsOwner) owner(device);
      steps(device);
      t.same(device.found, expected);
      t.equal(device.model.isLost, expected.length > 0, 'what is wrong once ends the judging');
    }
    t.end();
  });
}
