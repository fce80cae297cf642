import { done } from '../../../vhost-user/handled.ts';
import { u64Bytes } from '../../../vhost-user/reply-payloads.ts';
import { virtioDeviceStatus as status } from '../../../wire/vhost-user-constants.ts';
import type { VhostUserFault } from '../../fault.ts';
import { acceptingAnyFeatures } from './accepting-any-features.ts';
import { handling, inTable, onMessage, vhostUserFault } from './vhost-user-fault.ts';

const resetsStatusAlone = handling('VHOST_USER_RESET_DEVICE', (_right, session) => {
  session.status = 0;
  return done;
});

/** Configuration space, device status, reset, MTU and announcement. */
export const deviceStateFaults = {
  'config-reply-shorter': vhostUserFault(
    'vu-config/get-config-reply-has-request-size',
    'GET_CONFIG of some bytes is answered with one byte less',
    inTable('config', {
      told: (bytes) => bytes.subarray(0, Math.max(0, bytes.length - 1)),
      toldRange: ({ offset, size }) => ({ offset, size: Math.max(0, size - 1) }),
    }),
  ),
  'config-read-past-end-answered': vhostUserFault(
    'vu-config/get-config-past-end-fails',
    'GET_CONFIG past the end of config space is answered with zeros',
    inTable('config', { failure: (request) => request }),
  ),
  'config-offset-ignored': vhostUserFault(
    'vu-config/get-config-window-equals-whole',
    'GET_CONFIG returns bytes from the start of config space, whatever its offset',
    inTable('config', { rangeRead: ({ size }) => ({ offset: 0, size }) }),
  ),
  'config-window-at-even-offset': vhostUserFault(
    'vu-config/get-config-window-equals-whole',
    'of a window at an odd offset the bytes from the even one below it are returned',
    inTable('config', { rangeRead: ({ offset, size }) => ({ offset: offset & ~1, size }) }),
  ),
  'config-write-offset-ignored': vhostUserFault(
    'vu-config/set-config-writes-its-window',
    'SET_CONFIG writes to the start of config space, whatever its offset',
    inTable('config', { rangeWritten: ({ size }) => ({ offset: 0, size }) }),
  ),
  'config-write-one-byte-more': vhostUserFault(
    'vu-config/set-config-writes-its-window',
    'SET_CONFIG of a migration changes the byte behind its window',
    handling<{ readonly offset: number; readonly size: number; readonly flags: number }>(
      'VHOST_USER_SET_CONFIG',
      (right, session, { offset, size, flags }) => {
        const handled = right();
        if (flags === 1) session.device.restoreConfig(offset + size, Uint8Array.of(0xee));
        return handled;
      },
    ),
  ),
  'config-past-end-crashes': vhostUserFault(
    'vu-config/set-config-past-end-refused',
    'it aborts at SET_CONFIG past the end of config space',
    handling('VHOST_USER_SET_CONFIG', (right, session, value: { readonly offset: number; readonly size: number }) => {
      if (value.offset + value.size > session.device.configSize) session.edge.breakDown('abort');
      return right();
    }),
  ),
  'config-flags-unchecked': vhostUserFault(
    'vu-config/undefined-config-flags-refused',
    'SET_CONFIG with flags that do not exist is carried out',
    inTable('config', { acceptsFlags: () => true, mayWriteReadOnly: () => true }),
  ),
  'config-read-only-written': vhostUserFault(
    'vu-config/read-only-field-write-not-accepted',
    'SET_CONFIG of a driver changes read-only fields',
    inTable('config', { mayWriteReadOnly: () => true }),
    inTable('deviceState', (right) => ({
      atEnd: (device) => {
        const config = device.readConfig(0, device.configSize);
        right.atEnd(device);
        if (config !== undefined) device.restoreConfig(0, config);
      },
    })),
  ),
  'config-read-only-write-acknowledged': vhostUserFault(
    'vu-config/read-only-field-write-not-accepted',
    'SET_CONFIG of a driver to read-only fields is acknowledged with 0, and changes nothing',
    handling('VHOST_USER_SET_CONFIG', (right) => {
      right();
      return done;
    }),
  ),
  'migration-cannot-write-config': vhostUserFault(
    'vu-config/migration-write-changes-read-only-fields',
    'SET_CONFIG of a migration is acknowledged and forgotten',
    handling<{ readonly flags: number }>('VHOST_USER_SET_CONFIG', (right, session, { flags }) =>
      session.rules.config.mayWriteReadOnly(flags) ? done : right(),
    ),
  ),
  'config-write-has-no-effect': vhostUserFault(
    'vu-config/guest-write-takes-effect',
    'SET_CONFIG is acknowledged and forgotten',
    handling('VHOST_USER_SET_CONFIG', (right, session, value: { readonly offset: number; readonly size: number }) => {
      const before = session.device.readConfig(value.offset, value.size);
      const handled = right();
      if (before !== undefined) session.device.restoreConfig(value.offset, before);
      return handled;
    }),
  ),
  'status-not-remembered': vhostUserFault(
    'vu-status/get-status-returns-written-status',
    'GET_STATUS tells no more than DRIVER_OK',
    inTable('deviceState', { reportedStatus: (value) => value & status.DRIVER_OK }),
  ),
  'status-without-acknowledge': vhostUserFault(
    'vu-status/get-status-returns-written-status',
    'the ACKNOWLEDGE bit is missing in GET_STATUS',
    inTable('deviceState', { reportedStatus: (value) => value & ~status.ACKNOWLEDGE }),
  ),
  'features-ok-always-kept': vhostUserFault(
    'features/unacceptable-subset-refused',
    'FEATURES_OK stays set after features were refused',
    inTable('deviceState', { storedStatus: (_, asked) => asked }),
  ),
  'status-zero-resets-nothing': vhostUserFault(
    'vu-status/status-zero-resets',
    'status 0 is stored, and rings go on',
    inTable('deviceState', { resetsAt: () => false }),
  ),
  'status-above-byte-accepted': vhostUserFault(
    'vu-status/status-above-byte-refused',
    'a status above 255 is cut to its lowest byte',
    inTable('deviceState', { acceptsStatus: () => true }),
  ),
  'buffers-used-before-driver-ok': vhostUserFault(
    'status/no-buffers-before-driver-ok',
    'rings are served before DRIVER_OK',
    inTable('deviceState', { isLive: () => true }),
  ),
  'reset-leaves-rings-enabled': vhostUserFault(
    'vu-reset/reset-device-disables-rings',
    'RESET_DEVICE leaves rings enabled and running',
    resetsStatusAlone,
  ),
  'rings-served-after-device-reset': vhostUserFault(
    'reset/quiet-after-reset',
    'RESET_DEVICE resets the status alone, and rings go on',
    resetsStatusAlone,
  ),
  'device-reset-leaves-status': vhostUserFault(
    'reset/status-zero-after-reset',
    'RESET_DEVICE leaves the status bits of before',
    inTable('deviceState', (right) => ({ resets: { ...right.resets, status: false } })),
  ),
  'reset-device-keeps-status': vhostUserFault(
    'vu-reset/reset-device-restores-initial-state',
    'RESET_DEVICE leaves the device status as it was',
    inTable('deviceState', (right) => ({ resets: { ...right.resets, status: false } })),
  ),
  'reset-device-keeps-device': vhostUserFault(
    'vu-reset/reset-device-restores-initial-state',
    'RESET_DEVICE leaves configuration as it was written, and rings that are broken broken',
    inTable('deviceState', (right) => ({ resets: { ...right.resets, device: false } })),
  ),
  'reset-closes-connection': vhostUserFault(
    'vu-reset/reset-device-keeps-ownership-and-connection',
    'RESET_DEVICE closes the connection',
    handling('VHOST_USER_RESET_DEVICE', () => ({ kind: 'close-connection', why: 'RESET_DEVICE' })),
  ),
  'reset-device-forgets-protocol-features': vhostUserFault(
    'vu-reset/reset-device-keeps-ownership-and-connection',
    'RESET_DEVICE forgets the protocol features',
    handling('VHOST_USER_RESET_DEVICE', (right, session) => {
      const handled = right();
      session.protocolFeatures &= 1n << 3n;
      return handled;
    }),
  ),
  'reset-makes-rings-unusable': vhostUserFault(
    'vu-reset/device-set-up-again-after-reset',
    'after RESET_DEVICE no ring starts again',
    (rules) => {
      const wereReset = new WeakSet<object>();
      const remembered = handling('VHOST_USER_RESET_DEVICE', (right, session) => {
        wereReset.add(session);
        return right();
      })(rules);
      return onMessage('VHOST_USER_SET_VRING_KICK', () => ({
        isUntimely: (session) => (wereReset.has(session) ? 'it was reset' : undefined),
      }))(remembered);
    },
  ),
  'reset-owner-stops-rings': vhostUserFault(
    'vu-reset/reset-owner-ignored-or-disables-rings',
    'RESET_OWNER stops the rings and forgets them',
    handling('VHOST_USER_RESET_OWNER', (_right, session) => {
      session.rings.stopAll();
      return done;
    }),
  ),
  'any-mtu-accepted': vhostUserFault(
    'vu-net/mtu-validated',
    'any MTU is accepted',
    inTable('deviceState', { acceptsMtu: () => true }),
  ),
  'mtu-always-refused': vhostUserFault(
    'vu-net/mtu-validated',
    'no MTU is accepted',
    inTable('deviceState', { acceptsMtu: () => false }),
  ),
  'rarp-never-sent': vhostUserFault(
    'vu-net/rarp-broadcast-for-mac',
    'SEND_RARP is acknowledged and forgotten',
    handling('VHOST_USER_SEND_RARP', () => done),
  ),
  'rarp-of-another-mac': vhostUserFault(
    'vu-net/rarp-broadcast-for-mac',
    'a RARP request of a MAC whose last byte is another is sent',
    handling<{ readonly u64: bigint }>('VHOST_USER_SEND_RARP', (_, session, { u64 }) => {
      session.device.announce?.(u64Bytes(u64 ^ (1n << 40n)).subarray(0, 6));
      return done;
    }),
  ),
  'rarp-to-one-station': vhostUserFault(
    'vu-net/rarp-broadcast-for-mac',
    'the RARP request goes to the station itself, and not to everybody',
    (rules) => ({
      ...rules,
      net: {
        ...rules.net,
        announcement: (mac) =>
          rules.net.announcement(mac).map((frame) => Uint8Array.of(...mac, ...frame.subarray(mac.length))),
      },
    }),
  ),
  'config-change-unannounced': vhostUserFault(
    'vu-backend-req/config-change-announced',
    'a change of configuration space from outside is not announced',
    inTable('config', { announcesChanges: false }),
  ),
  'config-failure-closes': vhostUserFault(
    'vu-config/get-config-failure-has-no-payload',
    'GET_CONFIG that fails closes the connection',
    handling('VHOST_USER_GET_CONFIG', (right) => {
      const handled = right();
      const isFailure = handled.kind === 'reply' && handled.payload.length === 0;
      return isFailure ? { kind: 'close-connection', why: 'GET_CONFIG failed' } : handled;
    }),
  ),
  'config-only-after-set-features': vhostUserFault(
    'config/fields-readable-before-features-ok',
    'GET_CONFIG fails before SET_FEATURES',
    handling('VHOST_USER_GET_CONFIG', (right, session) =>
      session.acknowledgedFeatures === undefined ? { kind: 'reply', payload: new Uint8Array(0) } : right(),
    ),
  ),
  'features-ok-sticks-for-any-features': vhostUserFault(
    'features/unacceptable-subset-refused',
    'features that were not offered are acknowledged, and FEATURES_OK sticks',
    acceptingAnyFeatures,
    inTable('deviceState', { storedStatus: (_, asked) => asked }),
  ),
  'status-zero-ignored': vhostUserFault(
    'vu-status/status-zero-resets',
    'status 0 is ignored',
    handling<{ readonly u64: bigint }>('VHOST_USER_SET_STATUS', (right, _session, { u64 }) =>
      u64 === 0n ? done : right(),
    ),
  ),
  'reset-owner-closes': vhostUserFault(
    'vu-reset/reset-owner-ignored-or-disables-rings',
    'RESET_OWNER ends the connection',
    handling('VHOST_USER_RESET_OWNER', () => ({ kind: 'close-connection', why: 'RESET_OWNER' })),
  ),
  'needs-reset-never-raised': vhostUserFault(
    'status/unrecoverable-error-raises-needs-reset',
    'a broken ring has the device forget DRIVER_OK, so that no ring is served before a reset, and it does not say so',
    inTable('deviceState', { brokenStatus: (before) => before & ~status.DRIVER_OK }),
  ),
  'rings-served-after-reset': vhostUserFault(
    'vu-status/status-zero-resets',
    'rings go on after status 0, whose value is stored',
    inTable('deviceState', (right) => ({
      resets: { ...right.resets, rings: false, device: false },
      isLive: () => true,
    })),
  ),
} as const satisfies Record<string, VhostUserFault>;
