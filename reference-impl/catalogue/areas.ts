/**
 * The areas of the catalogue, a file each. Slugs are literal types, so citing an unknown one does not compile; the values
 * are read as `unknown` and checked one by one in requirement.ts.
 */
import admin from './admin.json' with { type: 'json' };
import basicConfig from './basic-config.json' with { type: 'json' };
import basicExportingObjects from './basic-exporting-objects.json' with { type: 'json' };
import basicFeatures from './basic-features.json' with { type: 'json' };
import basicNotifications from './basic-notifications.json' with { type: 'json' };
import basicPackedRing from './basic-packed-ring.json' with { type: 'json' };
import basicPackedRingIndirect from './basic-packed-ring-indirect.json' with { type: 'json' };
import basicQueueReset from './basic-queue-reset.json' with { type: 'json' };
import basicReset from './basic-reset.json' with { type: 'json' };
import basicSplitRing from './basic-split-ring.json' with { type: 'json' };
import basicSplitRingIndirect from './basic-split-ring-indirect.json' with { type: 'json' };
import basicStatus from './basic-status.json' with { type: 'json' };
import basicSuspend from './basic-suspend.json' with { type: 'json' };
import deviceBlock from './device-block.json' with { type: 'json' };
import deviceNet from './device-net.json' with { type: 'json' };
import init from './init.json' with { type: 'json' };
import legacy from './legacy.json' with { type: 'json' };
import reservedFeatures from './reserved-features.json' with { type: 'json' };
import sharedMemory from './shared-memory.json' with { type: 'json' };
import transportPci from './transport-pci.json' with { type: 'json' };
import vhostKernel from './vhost-kernel.json' with { type: 'json' };
import vhostMdevChannel from './vhost-mdev-channel.json' with { type: 'json' };
import vhostMdevIdentity from './vhost-mdev-identity.json' with { type: 'json' };
import vhostMdevIrq from './vhost-mdev-irq.json' with { type: 'json' };
import vhostMdevLife from './vhost-mdev-life.json' with { type: 'json' };
import vhostMdevMemory from './vhost-mdev-memory.json' with { type: 'json' };
import vhostMdevNotify from './vhost-mdev-notify.json' with { type: 'json' };
import vhostMdevRegions from './vhost-mdev-regions.json' with { type: 'json' };
import vhostMdevRings from './vhost-mdev-rings.json' with { type: 'json' };
import vhostMdevState from './vhost-mdev-state.json' with { type: 'json' };
import vhostUserBackendReq from './vhost-user-backend-req.json' with { type: 'json' };
import vhostUserClose from './vhost-user-close.json' with { type: 'json' };
import vhostUserConfig from './vhost-user-config.json' with { type: 'json' };
import vhostUserCrypto from './vhost-user-crypto.json' with { type: 'json' };
import vhostUserDeviceState from './vhost-user-device-state.json' with { type: 'json' };
import vhostUserFds from './vhost-user-fds.json' with { type: 'json' };
import vhostUserFeatures from './vhost-user-features.json' with { type: 'json' };
import vhostUserHeader from './vhost-user-header.json' with { type: 'json' };
import vhostUserInband from './vhost-user-inband.json' with { type: 'json' };
import vhostUserInflight from './vhost-user-inflight.json' with { type: 'json' };
import vhostUserIotlb from './vhost-user-iotlb.json' with { type: 'json' };
import vhostUserLog from './vhost-user-log.json' with { type: 'json' };
import vhostUserMemory from './vhost-user-memory.json' with { type: 'json' };
import vhostUserMq from './vhost-user-mq.json' with { type: 'json' };
import vhostUserNet from './vhost-user-net.json' with { type: 'json' };
import vhostUserPostcopy from './vhost-user-postcopy.json' with { type: 'json' };
import vhostUserProgram from './vhost-user-program.json' with { type: 'json' };
import vhostUserReconnect from './vhost-user-reconnect.json' with { type: 'json' };
import vhostUserReplyAck from './vhost-user-reply-ack.json' with { type: 'json' };
import vhostUserReset from './vhost-user-reset.json' with { type: 'json' };
import vhostUserRingState from './vhost-user-ring-state.json' with { type: 'json' };
import vhostUserSharedObject from './vhost-user-shared-object.json' with { type: 'json' };
import vhostUserShmem from './vhost-user-shmem.json' with { type: 'json' };
import vhostUserStatus from './vhost-user-status.json' with { type: 'json' };
import vhostUserSuspended from './vhost-user-suspended.json' with { type: 'json' };
import vhostUserVring from './vhost-user-vring.json' with { type: 'json' };

/** Every permanent slug, `area-short/what-it-says`. */
export type RequirementSlug =
  | keyof typeof admin
  | keyof typeof basicConfig
  | keyof typeof basicExportingObjects
  | keyof typeof basicFeatures
  | keyof typeof basicNotifications
  | keyof typeof basicPackedRingIndirect
  | keyof typeof basicPackedRing
  | keyof typeof basicQueueReset
  | keyof typeof basicReset
  | keyof typeof basicSplitRingIndirect
  | keyof typeof basicSplitRing
  | keyof typeof basicStatus
  | keyof typeof basicSuspend
  | keyof typeof deviceBlock
  | keyof typeof deviceNet
  | keyof typeof init
  | keyof typeof legacy
  | keyof typeof reservedFeatures
  | keyof typeof sharedMemory
  | keyof typeof transportPci
  | keyof typeof vhostKernel
  | keyof typeof vhostMdevChannel
  | keyof typeof vhostMdevIdentity
  | keyof typeof vhostMdevIrq
  | keyof typeof vhostMdevLife
  | keyof typeof vhostMdevMemory
  | keyof typeof vhostMdevNotify
  | keyof typeof vhostMdevRegions
  | keyof typeof vhostMdevRings
  | keyof typeof vhostMdevState
  | keyof typeof vhostUserBackendReq
  | keyof typeof vhostUserClose
  | keyof typeof vhostUserConfig
  | keyof typeof vhostUserCrypto
  | keyof typeof vhostUserDeviceState
  | keyof typeof vhostUserFds
  | keyof typeof vhostUserFeatures
  | keyof typeof vhostUserHeader
  | keyof typeof vhostUserInband
  | keyof typeof vhostUserInflight
  | keyof typeof vhostUserIotlb
  | keyof typeof vhostUserLog
  | keyof typeof vhostUserMemory
  | keyof typeof vhostUserMq
  | keyof typeof vhostUserNet
  | keyof typeof vhostUserPostcopy
  | keyof typeof vhostUserProgram
  | keyof typeof vhostUserReconnect
  | keyof typeof vhostUserReplyAck
  | keyof typeof vhostUserReset
  | keyof typeof vhostUserRingState
  | keyof typeof vhostUserSharedObject
  | keyof typeof vhostUserShmem
  | keyof typeof vhostUserStatus
  | keyof typeof vhostUserSuspended
  | keyof typeof vhostUserVring;

/** Area name to its requirements as written, by slug. */
export const requirementsByArea: ReadonlyMap<string, Readonly<Record<string, unknown>>> = new Map<
  string,
  Readonly<Record<string, unknown>>
>([
  ['admin', admin],
  ['basic/config', basicConfig],
  ['basic/exporting-objects', basicExportingObjects],
  ['basic/features', basicFeatures],
  ['basic/notifications', basicNotifications],
  ['basic/packed-ring', basicPackedRing],
  ['basic/packed-ring/indirect', basicPackedRingIndirect],
  ['basic/queue-reset', basicQueueReset],
  ['basic/reset', basicReset],
  ['basic/split-ring', basicSplitRing],
  ['basic/split-ring/indirect', basicSplitRingIndirect],
  ['basic/status', basicStatus],
  ['basic/suspend', basicSuspend],
  ['device/block', deviceBlock],
  ['device/net', deviceNet],
  ['init', init],
  ['legacy', legacy],
  ['reserved-features', reservedFeatures],
  ['shared-memory', sharedMemory],
  ['transport/pci', transportPci],
  ['vhost-kernel', vhostKernel],
  ['vhost-mdev/channel', vhostMdevChannel],
  ['vhost-mdev/identity', vhostMdevIdentity],
  ['vhost-mdev/irq', vhostMdevIrq],
  ['vhost-mdev/life', vhostMdevLife],
  ['vhost-mdev/memory', vhostMdevMemory],
  ['vhost-mdev/notify', vhostMdevNotify],
  ['vhost-mdev/regions', vhostMdevRegions],
  ['vhost-mdev/rings', vhostMdevRings],
  ['vhost-mdev/state', vhostMdevState],
  ['vhost-user/backend-req', vhostUserBackendReq],
  ['vhost-user/close', vhostUserClose],
  ['vhost-user/config', vhostUserConfig],
  ['vhost-user/crypto', vhostUserCrypto],
  ['vhost-user/device-state', vhostUserDeviceState],
  ['vhost-user/fds', vhostUserFds],
  ['vhost-user/features', vhostUserFeatures],
  ['vhost-user/header', vhostUserHeader],
  ['vhost-user/inband', vhostUserInband],
  ['vhost-user/inflight', vhostUserInflight],
  ['vhost-user/iotlb', vhostUserIotlb],
  ['vhost-user/log', vhostUserLog],
  ['vhost-user/memory', vhostUserMemory],
  ['vhost-user/mq', vhostUserMq],
  ['vhost-user/net', vhostUserNet],
  ['vhost-user/postcopy', vhostUserPostcopy],
  ['vhost-user/program', vhostUserProgram],
  ['vhost-user/reconnect', vhostUserReconnect],
  ['vhost-user/reply-ack', vhostUserReplyAck],
  ['vhost-user/reset', vhostUserReset],
  ['vhost-user/ring-state', vhostUserRingState],
  ['vhost-user/shared-object', vhostUserSharedObject],
  ['vhost-user/shmem', vhostUserShmem],
  ['vhost-user/status', vhostUserStatus],
  ['vhost-user/suspended', vhostUserSuspended],
  ['vhost-user/vring', vhostUserVring],
]);
