import type { AnyCase } from './case.ts';
import * as vhostMdevBuffersOutside from './vhost-mdev/buffers-outside.cases.ts';
import * as vhostMdevChannelAnswers from './vhost-mdev/channel-answers.cases.ts';
import * as vhostMdevChannelReads from './vhost-mdev/channel-reads.cases.ts';
import * as vhostMdevChannelRequests from './vhost-mdev/channel-requests.cases.ts';
import * as vhostMdevChannelWrites from './vhost-mdev/channel-writes.cases.ts';
import * as vhostMdevClose from './vhost-mdev/close.cases.ts';
import * as vhostMdevConfigSpace from './vhost-mdev/config-space.cases.ts';
import * as vhostMdevDoorbell from './vhost-mdev/doorbell.cases.ts';
import * as vhostMdevDoorbellPages from './vhost-mdev/doorbell-pages.cases.ts';
import * as vhostMdevDoorbellQueues from './vhost-mdev/doorbell-queues.cases.ts';
import * as vhostMdevDoorbellTimes from './vhost-mdev/doorbell-times.cases.ts';
import * as vhostMdevFeatures from './vhost-mdev/features.cases.ts';
import * as vhostMdevIdentity from './vhost-mdev/identity.cases.ts';
import * as vhostMdevInterruptInfo from './vhost-mdev/interrupt-info.cases.ts';
import * as vhostMdevInterruptRefusals from './vhost-mdev/interrupt-refusals.cases.ts';
import * as vhostMdevInterruptRemoval from './vhost-mdev/interrupt-removal.cases.ts';
import * as vhostMdevInterruptSignals from './vhost-mdev/interrupt-signals.cases.ts';
import * as vhostMdevInterruptSuppression from './vhost-mdev/interrupt-suppression.cases.ts';
import * as vhostMdevMappedMemory from './vhost-mdev/mapped-memory.cases.ts';
import * as vhostMdevMappings from './vhost-mdev/mappings.cases.ts';
import * as vhostMdevMemoryOrder from './vhost-mdev/memory-order.cases.ts';
import * as vhostMdevMemoryTable from './vhost-mdev/memory-table.cases.ts';
import * as vhostMdevMemoryTableRefused from './vhost-mdev/memory-table-refused.cases.ts';
import * as vhostMdevMemoryUnderLoad from './vhost-mdev/memory-under-load.cases.ts';
import * as vhostMdevOpen from './vhost-mdev/open.cases.ts';
import * as vhostMdevRegions from './vhost-mdev/regions.cases.ts';
import * as vhostMdevReset from './vhost-mdev/reset.cases.ts';
import * as vhostMdevRestart from './vhost-mdev/restart.cases.ts';
import * as vhostMdevRingAddresses from './vhost-mdev/ring-addresses.cases.ts';
import * as vhostMdevRingBase from './vhost-mdev/ring-base.cases.ts';
import * as vhostMdevRingChanges from './vhost-mdev/ring-changes.cases.ts';
import * as vhostMdevRingIndex from './vhost-mdev/ring-index.cases.ts';
import * as vhostMdevRingSize from './vhost-mdev/ring-size.cases.ts';
import * as vhostMdevState from './vhost-mdev/state.cases.ts';
import * as vhostMdevStateValues from './vhost-mdev/state-values.cases.ts';
import * as vhostUserBackEndRequests from './vhost-user/back-end-requests.cases.ts';
import * as vhostUserBlockConfig from './vhost-user/block-config.cases.ts';
import * as vhostUserConfig from './vhost-user/config.cases.ts';
import * as vhostUserConfigWrite from './vhost-user/config-write.cases.ts';
import * as vhostUserDeviceStatus from './vhost-user/device-status.cases.ts';
import * as vhostUserFds from './vhost-user/fds.cases.ts';
import * as vhostUserFeatures from './vhost-user/features.cases.ts';
import * as vhostUserHeader from './vhost-user/header.cases.ts';
import * as vhostUserInBand from './vhost-user/in-band.cases.ts';
import * as vhostUserInflight from './vhost-user/inflight.cases.ts';
import * as vhostUserInflightRecovery from './vhost-user/inflight-recovery.cases.ts';
import * as vhostUserLog from './vhost-user/log.cases.ts';
import * as vhostUserLogLimits from './vhost-user/log-limits.cases.ts';
import * as vhostUserMemory from './vhost-user/memory.cases.ts';
import * as vhostUserMemoryLimits from './vhost-user/memory-limits.cases.ts';
import * as vhostUserMemoryOutside from './vhost-user/memory-outside.cases.ts';
import * as vhostUserMemorySlots from './vhost-user/memory-slots.cases.ts';
import * as vhostUserNetConfig from './vhost-user/net-config.cases.ts';
import * as vhostUserOwner from './vhost-user/owner.cases.ts';
import * as vhostUserProtocolFeatures from './vhost-user/protocol-features.cases.ts';
import * as vhostUserQueues from './vhost-user/queues.cases.ts';
import * as vhostUserReconnect from './vhost-user/reconnect.cases.ts';
import * as vhostUserReplyAck from './vhost-user/reply-ack.cases.ts';
import * as vhostUserReplyAckEffect from './vhost-user/reply-ack-effect.cases.ts';
import * as vhostUserReset from './vhost-user/reset.cases.ts';
import * as vhostUserRingChanges from './vhost-user/ring-changes.cases.ts';
import * as vhostUserRingDisabled from './vhost-user/ring-disabled.cases.ts';
import * as vhostUserRingState from './vhost-user/ring-state.cases.ts';
import * as vhostUserStatus from './vhost-user/status.cases.ts';
import * as vhostUserSuspended from './vhost-user/suspended.cases.ts';
import * as vhostUserVringAddresses from './vhost-user/vring-addresses.cases.ts';
import * as vhostUserVringBase from './vhost-user/vring-base.cases.ts';
import * as vhostUserVringDescriptors from './vhost-user/vring-descriptors.cases.ts';
import * as vhostUserVringLimits from './vhost-user/vring-limits.cases.ts';
import * as blockData from './virtio/block/data.cases.ts';
import * as blockFeatures from './virtio/block/features.cases.ts';
import * as blockMalformed from './virtio/block/malformed.cases.ts';
import * as blockRanges from './virtio/block/ranges.cases.ts';
import * as blockStatus from './virtio/block/status.cases.ts';
import * as featuresAccepted from './virtio/features/accepted.cases.ts';
import * as featuresOffer from './virtio/features/offer.cases.ts';
import * as netFeatures from './virtio/net/features.cases.ts';
import * as netFrames from './virtio/net/frames.cases.ts';
import * as netMalformed from './virtio/net/malformed.cases.ts';
import * as netMergeable from './virtio/net/mergeable.cases.ts';
import * as netReceiveHeader from './virtio/net/receive-header.cases.ts';
import * as netTransmitHeader from './virtio/net/transmit-header.cases.ts';
import * as splitRingBrokenChains from './virtio/split-ring/broken-chains.cases.ts';
import * as splitRingBrokenRing from './virtio/split-ring/broken-ring.cases.ts';
import * as splitRingFraming from './virtio/split-ring/framing.cases.ts';
import * as splitRingIndirect from './virtio/split-ring/indirect.cases.ts';
import * as splitRingMemory from './virtio/split-ring/memory.cases.ts';
import * as splitRingNotifications from './virtio/split-ring/notifications.cases.ts';
import * as splitRingOrder from './virtio/split-ring/order.cases.ts';
import * as splitRingPlacement from './virtio/split-ring/placement.cases.ts';
import * as splitRingUsedRing from './virtio/split-ring/used-ring.cases.ts';

/** Every file of cases; a new one is added here. */
const files: readonly Readonly<Record<string, AnyCase>>[] = [
  vhostMdevBuffersOutside,
  vhostMdevChannelAnswers,
  vhostMdevChannelReads,
  vhostMdevChannelRequests,
  vhostMdevChannelWrites,
  vhostMdevClose,
  vhostMdevConfigSpace,
  vhostMdevDoorbell,
  vhostMdevDoorbellPages,
  vhostMdevDoorbellQueues,
  vhostMdevDoorbellTimes,
  vhostMdevFeatures,
  vhostMdevIdentity,
  vhostMdevInterruptInfo,
  vhostMdevInterruptRefusals,
  vhostMdevInterruptRemoval,
  vhostMdevInterruptSignals,
  vhostMdevInterruptSuppression,
  vhostMdevMappedMemory,
  vhostMdevMappings,
  vhostMdevMemoryOrder,
  vhostMdevMemoryTable,
  vhostMdevMemoryTableRefused,
  vhostMdevMemoryUnderLoad,
  vhostMdevOpen,
  vhostMdevRegions,
  vhostMdevReset,
  vhostMdevRestart,
  vhostMdevRingAddresses,
  vhostMdevRingBase,
  vhostMdevRingChanges,
  vhostMdevRingIndex,
  vhostMdevRingSize,
  vhostMdevState,
  vhostMdevStateValues,
  vhostUserBackEndRequests,
  vhostUserBlockConfig,
  vhostUserConfigWrite,
  vhostUserConfig,
  vhostUserDeviceStatus,
  vhostUserFds,
  vhostUserFeatures,
  vhostUserHeader,
  vhostUserInBand,
  vhostUserInflightRecovery,
  vhostUserInflight,
  vhostUserLogLimits,
  vhostUserLog,
  vhostUserMemoryLimits,
  vhostUserMemoryOutside,
  vhostUserMemorySlots,
  vhostUserMemory,
  vhostUserNetConfig,
  vhostUserOwner,
  vhostUserProtocolFeatures,
  vhostUserQueues,
  vhostUserReconnect,
  vhostUserReplyAckEffect,
  vhostUserReplyAck,
  vhostUserReset,
  vhostUserRingChanges,
  vhostUserRingDisabled,
  vhostUserRingState,
  vhostUserStatus,
  vhostUserSuspended,
  vhostUserVringAddresses,
  vhostUserVringBase,
  vhostUserVringDescriptors,
  vhostUserVringLimits,
  blockData,
  blockFeatures,
  blockMalformed,
  blockRanges,
  blockStatus,
  featuresAccepted,
  featuresOffer,
  netFeatures,
  netFrames,
  netMalformed,
  netMergeable,
  netReceiveHeader,
  netTransmitHeader,
  splitRingBrokenChains,
  splitRingBrokenRing,
  splitRingFraming,
  splitRingIndirect,
  splitRingMemory,
  splitRingNotifications,
  splitRingOrder,
  splitRingPlacement,
  splitRingUsedRing,
];

/** Every case of the project, by id. Ids are unique: a test looks. */
export const allCases: readonly AnyCase[] = files
  .flatMap((cases) => Object.values(cases))
  .sort((a, b) => (a.id < b.id ? -1 : 1));

/** Ids that were once released and are no longer run: id to why. */
export const retiredIds: Readonly<Record<string, string>> = {};
