import { deviceTypes } from '../../drivers/devices/device-types.ts';
import type { TargetFacts } from '../../drivers/port/port.ts';
import { blockConfig } from '../../reference-impl/devices/block-layout.ts';
import { defineCase } from '../case.ts';
import { refusesCall, takes } from '../vhost-kernel/refusal.ts';

/** What a device tells of itself, and its configuration. */

const transports = ['vhost-vdpa'] as const;

const idOf = (device: string): number | undefined => deviceTypes.find(({ name }) => name === device)?.deviceId;

export const deviceId = defineCase({
  id: 'vhost-vdpa/identity/device-id-is-that-of-the-type',
  title: 'the device tells the virtio device id of its type',
  proves: { 'vk-id/device-id-is-told': 'vdpa-tells-another-device' },
  applies: {
    start: 'connected',
    transports,
    ring: 'none',
    when: [{ holds: ({ device }) => idOf(device) !== undefined, missing: 'a device type whose id we know' }],
  },
  run({ session, port, requirement }) {
    const check = requirement('vk-id/device-id-is-told');
    check.equal(session.calls.deviceId(), idOf(port.facts.device), `the device id of a ${port.facts.device} device`);
  },
});

export const queueCount = defineCase({
  id: 'vhost-vdpa/identity/rings-are-as-many-as-told',
  title: 'the last ring of the told count is taken, and the next number is none',
  proves: { 'vk-vring/queue-count-is-told': 'vdpa-tells-one-ring-more' },
  applies: { start: 'prepared', transports, ring: 'none' },
  run({ session, requirement }) {
    const check = requirement('vk-vring/queue-count-is-told');
    const count = session.calls.queueCount();
    if (!check.atLeast(count, 1, 'rings')) return;
    takes(check, session.calls.setSize(count - 1, 16), 'SET_VRING_NUM of the last ring');
    check.atMost(session.calls.setSize(count, 16), -1, 'what SET_VRING_NUM of the next answers');
  },
});

const hasConfig = {
  holds: ({ device }: TargetFacts) => device !== 'entropy',
  missing: 'a device type that has configuration',
} as const;

const windows = ['length 0', 'behind the end', 'across the end'] as const;

export const configAccess = defineCase({
  id: 'vhost-vdpa/config/windows-outside-are-refused',
  title: 'reads and writes of no bytes of configuration, or of some behind its end, fail with EINVAL',
  proves: { 'vk-config/empty-or-overlong-access-refused': 'vdpa-config-windows-are-unchecked' },
  applies: { start: 'closed', transports, ring: 'none', when: [hasConfig] },
  run(context) {
    const check = context.requirement('vk-config/empty-or-overlong-access-refused');
    const all = windows.flatMap((window) =>
      (['read', 'write'] as const).map((access) => ({ key: `${access}, ${window}`, window, access })),
    );
    context.points(all, ({ key, window, access }) =>
      refusesCall(context, check, {
        what: key,
        start: 'prepared',
        flawed: ({ calls }) => {
          const size = calls.configSize();
          const [offset, length] = { 'length 0': [0, 0], 'behind the end': [size, 1], 'across the end': [size - 1, 2] }[
            window
          ] as [number, number];
          if (access === 'write') return calls.writeConfig(offset, new Uint8Array(length));
          const read = calls.readConfig(offset, length);
          return typeof read === 'number' ? read : 0;
        },
        control: ({ calls }) => {
          const read = calls.readConfig(0, 1);
          return typeof read === 'number' ? read : access === 'read' ? 0 : calls.writeConfig(0, read);
        },
        controlName: `${access} of the first byte`,
        errors: ['EINVAL'],
      }),
    );
  },
});

export const writebackWrite = defineCase({
  id: 'vhost-vdpa/config/writeback-is-read-back',
  title: 'writeback of a block device, written by SET_CONFIG, is read back by GET_CONFIG',
  proves: { 'blk/writeback-zero-or-one': 'vdpa-config-writes-have-no-effect' },
  applies: {
    start: 'negotiated',
    transports,
    ring: 'none',
    devices: ['block'],
    negotiate: ['VIRTIO_BLK_F_CONFIG_WCE', 'VIRTIO_BLK_F_FLUSH'],
  },
  run({ session: { calls }, requirement }) {
    const check = requirement('blk/writeback-zero-or-one');
    const at = blockConfig.writeback;
    const read = (): number => {
      const bytes = calls.readConfig(at, 1);
      return typeof bytes === 'number' ? bytes : (bytes[0] ?? -1);
    };
    const before = read();
    check.oneOf(before, [0, 1], 'writeback');
    // The last value is that of before: a device keeps it for the cases behind this one.
    for (const value of [1 - before, before]) {
      if (!takes(check, calls.writeConfig(at, Uint8Array.of(value)), `SET_CONFIG of writeback to ${value}`)) return;
      check.equal(read(), value, `writeback behind a write of ${value}`);
    }
  },
});

export const configSize = defineCase({
  id: 'vhost-vdpa/config/size-is-what-can-be-read',
  title: 'as many bytes of configuration can be read as the device tells',
  proves: { 'vk-config/size-agrees-with-readable-bytes': 'vdpa-tells-more-configuration' },
  applies: { start: 'prepared', transports, ring: 'none', when: [hasConfig] },
  run({ session, requirement }) {
    const check = requirement('vk-config/size-agrees-with-readable-bytes');
    const size = session.calls.configSize();
    if (!check.atLeast(size, 1, 'bytes of configuration')) return;
    const read = session.calls.readConfig(0, size);
    takes(check, typeof read === 'number' ? read : 0, `a read of all ${size} bytes`);
  },
});
