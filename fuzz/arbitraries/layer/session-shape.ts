import { VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_MQ } from '../../../reference-impl/devices/net-layout.ts';
import type { RingLayout } from '../../../reference-impl/virtqueue/ring.ts';
import {
  accessPlatform,
  blockFlush,
  logAll,
  ofDevice,
  packedRing,
  protocolFeatures,
  version1,
} from '../feature-words.ts';
import { everything, type LawfulShape } from '../lawful-shape.ts';
import type { ModelledDevice } from '../requests.ts';
import type { Setting } from '../setting.ts';
import { protocolBits } from '../told-message.ts';

/** What the sessions of a program have: what its setting wants of what the device offers. */
export interface SessionShape {
  readonly device: ModelledDevice;
  readonly layout: RingLayout;
  readonly queues: number;
  /** Of net, pairs of queues beside a queue for commands. */
  readonly pairs: number;
  /** Without messages: a device that is opened as a file. */
  readonly isFile: boolean;
  readonly isVdpa: boolean;
  /** Without VHOST_USER_F_PROTOCOL_FEATURES. */
  readonly isOld: boolean;
  readonly isLogged: boolean;
  readonly isRecorded: boolean;
  readonly isTranslated: boolean;
  readonly isLateCall: boolean;
  /** Who answers what the back-end asks for; undefined without a channel for that. */
  readonly policy: 'serve' | 'refuse' | undefined;
  readonly sharedObjects: readonly string[];
  readonly offered: bigint;
  readonly offeredProtocol: bigint;
  /** Features that are accepted. */
  readonly deviceWord: bigint;
  readonly protocol: bigint;
}

export function sessionShape(
  { device, layout, transport, queues = 0, pairs: most = 1, sharedObjects = [], offer = everything }: LawfulShape,
  setting: Setting,
): SessionShape {
  const isVdpa = transport === 'vhost-vdpa';
  const isFile = isVdpa || transport === 'vhost-mdev';
  const isOld = setting.isOld && !isFile;
  const isMessaging = !isOld && !isFile;
  const isLogged = setting.isLogged && isMessaging && isOffered(offer, logAll, protocolBits.logShmfd);
  const isTranslated =
    setting.isTranslated && isMessaging && !isLogged && isOffered(offer, accessPlatform, protocolBits.backEndRequests);
  const isRecorded = setting.isRecorded && isMessaging && isOffered(offer, 0n, protocolBits.inflight);
  // Translations that are asked for are not needed where all are told.
  const translating = setting.isRefusing && !setting.isUntold ? 'refuse' : 'serve';
  const commands = isVdpa && device === 'net' ? setting.commands : 0n;
  const canHavePairs =
    (commands & offer.device & VIRTIO_NET_F_CTRL_VQ) !== 0n && (offer.device & VIRTIO_NET_F_MQ) !== 0n;
  const pairs = setting.hasSecond && canHavePairs ? most : 1;
  const ofPairs = pairs === 1 ? 0n : VIRTIO_NET_F_MQ;
  const packed = layout === 'packed' ? packedRing : 0n;
  const deviceWord =
    (version1 |
      (isVdpa ? accessPlatform : 0n) |
      (isOld ? 0n : protocolFeatures) |
      commands |
      ofPairs |
      packed |
      (device === 'block' && setting.isWithoutFlush ? ofDevice.block & ~blockFlush : ofDevice[device]) |
      setting.features) &
    offer.device;
  const wanted = isOld ? 0n : setting.protocol & offer.protocol;
  // Calls in band are asked for as well.
  const left = isTranslated && translating === 'refuse' ? protocolBits.inband : 0n;
  const hasChannel = setting.hasChannel && isMessaging && (wanted & protocolBits.backEndRequests) !== 0n;
  return {
    device,
    layout,
    queues,
    pairs,
    isFile,
    isVdpa,
    isOld,
    isLogged,
    isRecorded,
    isTranslated,
    isLateCall: setting.isLateCall && isMessaging,
    policy: isTranslated ? translating : hasChannel ? 'serve' : undefined,
    sharedObjects,
    offered: offer.device,
    offeredProtocol: offer.protocol,
    deviceWord: deviceWord | (isLogged ? logAll : 0n) | (isTranslated ? accessPlatform : 0n),
    protocol:
      ((wanted | (isLogged ? protocolBits.logShmfd : 0n) | (isTranslated ? protocolBits.backEndRequests : 0n)) &
        ~left) |
      (isRecorded ? protocolBits.inflight : 0n),
  };
}

export const isOffered = (offer: NonNullable<LawfulShape['offer']>, device: bigint, protocol: bigint): boolean =>
  (offer.device & device) === device && (offer.protocol & protocol) === protocol;
