import type { ParentDriver } from '../devices/parent-driver.ts';
import { virtioDeviceStatus as status } from '../wire/vhost-user-constants.ts';
import type { NegotiatedState } from './negotiated-state.ts';

/** Device status, reset and MTU as a back-end sees them. */
export interface DeviceStateRules {
  readonly acceptsStatus: (value: bigint) => boolean;
  /** The status in force after SET_STATUS; `isAcceptable` tells of the feature set. */
  readonly storedStatus: (before: number, asked: number, isAcceptable: boolean) => number;
  /** The status once a ring is broken for good. */
  readonly brokenStatus: (status: number) => number;
  /** GET_STATUS. */
  readonly reportedStatus: (status: number) => number;
  readonly resetsAt: (status: number) => boolean;
  /** Whether rings may be served, as far as the device status goes. */
  readonly isLive: (session: NegotiatedState) => boolean;
  /** What RESET_DEVICE and status 0 put back. */
  readonly resets: { readonly rings: boolean; readonly status: boolean; readonly device: boolean };
  /** What the end of a connection does to the device: its rings stop, in any case. */
  readonly atEnd: (device: ParentDriver) => void;
  readonly acceptsMtu: (mtu: bigint) => boolean;
}

const smallestMtu = 68n;
const largestMtu = 65535n;

export const deviceStateRules: DeviceStateRules = {
  acceptsStatus: (value) => value <= 0xffn,
  storedStatus: (_, asked, isAcceptable) => (isAcceptable ? asked : asked & ~status.FEATURES_OK),
  brokenStatus: (before) => before | status.DEVICE_NEEDS_RESET,
  reportedStatus: (value) => value,
  resetsAt: (value) => value === 0,
  isLive: (session) =>
    !session.hasProtocolFeature('VHOST_USER_PROTOCOL_F_STATUS') || (session.status & status.DRIVER_OK) !== 0,
  resets: { rings: true, status: true, device: true },
  atEnd: (device) => device.reset(),
  acceptsMtu: (mtu) => mtu >= smallestMtu && mtu <= largestMtu,
};
