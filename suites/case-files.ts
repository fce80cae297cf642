/** Every file of cases, by its path, to load when it is needed. Written by `node scripts/generate-lists.mjs`. */
export const caseFiles = {
  'vhost-mdev/buffers-outside': () => import('./vhost-mdev/buffers-outside.cases.ts'),
  'vhost-mdev/channel-answers': () => import('./vhost-mdev/channel-answers.cases.ts'),
  'vhost-mdev/channel-reads': () => import('./vhost-mdev/channel-reads.cases.ts'),
  'vhost-mdev/channel-requests': () => import('./vhost-mdev/channel-requests.cases.ts'),
  'vhost-mdev/channel-writes': () => import('./vhost-mdev/channel-writes.cases.ts'),
  'vhost-mdev/close': () => import('./vhost-mdev/close.cases.ts'),
  'vhost-mdev/config-space': () => import('./vhost-mdev/config-space.cases.ts'),
  'vhost-mdev/config-space-content': () => import('./vhost-mdev/config-space-content.cases.ts'),
  'vhost-mdev/doorbell': () => import('./vhost-mdev/doorbell.cases.ts'),
  'vhost-mdev/doorbell-pages': () => import('./vhost-mdev/doorbell-pages.cases.ts'),
  'vhost-mdev/doorbell-queues': () => import('./vhost-mdev/doorbell-queues.cases.ts'),
  'vhost-mdev/doorbell-times': () => import('./vhost-mdev/doorbell-times.cases.ts'),
  'vhost-mdev/features': () => import('./vhost-mdev/features.cases.ts'),
  'vhost-mdev/identity': () => import('./vhost-mdev/identity.cases.ts'),
  'vhost-mdev/interrupt-info': () => import('./vhost-mdev/interrupt-info.cases.ts'),
  'vhost-mdev/interrupt-refusals': () => import('./vhost-mdev/interrupt-refusals.cases.ts'),
  'vhost-mdev/interrupt-removal': () => import('./vhost-mdev/interrupt-removal.cases.ts'),
  'vhost-mdev/interrupt-signals': () => import('./vhost-mdev/interrupt-signals.cases.ts'),
  'vhost-mdev/interrupt-suppression': () => import('./vhost-mdev/interrupt-suppression.cases.ts'),
  'vhost-mdev/mapped-memory': () => import('./vhost-mdev/mapped-memory.cases.ts'),
  'vhost-mdev/mappings': () => import('./vhost-mdev/mappings.cases.ts'),
  'vhost-mdev/memory-order': () => import('./vhost-mdev/memory-order.cases.ts'),
  'vhost-mdev/memory-table': () => import('./vhost-mdev/memory-table.cases.ts'),
  'vhost-mdev/memory-table-refused': () => import('./vhost-mdev/memory-table-refused.cases.ts'),
  'vhost-mdev/memory-under-load': () => import('./vhost-mdev/memory-under-load.cases.ts'),
  'vhost-mdev/open': () => import('./vhost-mdev/open.cases.ts'),
  'vhost-mdev/regions': () => import('./vhost-mdev/regions.cases.ts'),
  'vhost-mdev/reset': () => import('./vhost-mdev/reset.cases.ts'),
  'vhost-mdev/restart': () => import('./vhost-mdev/restart.cases.ts'),
  'vhost-mdev/ring-addresses': () => import('./vhost-mdev/ring-addresses.cases.ts'),
  'vhost-mdev/ring-base': () => import('./vhost-mdev/ring-base.cases.ts'),
  'vhost-mdev/ring-changes': () => import('./vhost-mdev/ring-changes.cases.ts'),
  'vhost-mdev/ring-index': () => import('./vhost-mdev/ring-index.cases.ts'),
  'vhost-mdev/ring-size': () => import('./vhost-mdev/ring-size.cases.ts'),
  'vhost-mdev/state': () => import('./vhost-mdev/state.cases.ts'),
  'vhost-mdev/state-values': () => import('./vhost-mdev/state-values.cases.ts'),
  'vhost-user/acknowledgements': () => import('./vhost-user/acknowledgements.cases.ts'),
  'vhost-user/answer-headers': () => import('./vhost-user/answer-headers.cases.ts'),
  'vhost-user/back-end-requests': () => import('./vhost-user/back-end-requests.cases.ts'),
  'vhost-user/calls-after-changes': () => import('./vhost-user/calls-after-changes.cases.ts'),
  'vhost-user/config': () => import('./vhost-user/config.cases.ts'),
  'vhost-user/config-windows': () => import('./vhost-user/config-windows.cases.ts'),
  'vhost-user/config-write': () => import('./vhost-user/config-write.cases.ts'),
  'vhost-user/device-status': () => import('./vhost-user/device-status.cases.ts'),
  'vhost-user/fds': () => import('./vhost-user/fds.cases.ts'),
  'vhost-user/features': () => import('./vhost-user/features.cases.ts'),
  'vhost-user/growth': () => import('./vhost-user/growth.cases.ts'),
  'vhost-user/header': () => import('./vhost-user/header.cases.ts'),
  'vhost-user/in-band': () => import('./vhost-user/in-band.cases.ts'),
  'vhost-user/inflight': () => import('./vhost-user/inflight.cases.ts'),
  'vhost-user/inflight-recovery': () => import('./vhost-user/inflight-recovery.cases.ts'),
  'vhost-user/log': () => import('./vhost-user/log.cases.ts'),
  'vhost-user/log-limits': () => import('./vhost-user/log-limits.cases.ts'),
  'vhost-user/log-paths': () => import('./vhost-user/log-paths.cases.ts'),
  'vhost-user/memory': () => import('./vhost-user/memory.cases.ts'),
  'vhost-user/memory-limits': () => import('./vhost-user/memory-limits.cases.ts'),
  'vhost-user/memory-outside': () => import('./vhost-user/memory-outside.cases.ts'),
  'vhost-user/memory-slots': () => import('./vhost-user/memory-slots.cases.ts'),
  'vhost-user/messages-while-running': () => import('./vhost-user/messages-while-running.cases.ts'),
  'vhost-user/migration': () => import('./vhost-user/migration.cases.ts'),
  'vhost-user/missing-descriptors': () => import('./vhost-user/missing-descriptors.cases.ts'),
  'vhost-user/owner': () => import('./vhost-user/owner.cases.ts'),
  'vhost-user/packed-inflight': () => import('./vhost-user/packed-inflight.cases.ts'),
  'vhost-user/packed-inflight-recovery': () => import('./vhost-user/packed-inflight-recovery.cases.ts'),
  'vhost-user/packed-positions': () => import('./vhost-user/packed-positions.cases.ts'),
  'vhost-user/protocol-features': () => import('./vhost-user/protocol-features.cases.ts'),
  'vhost-user/queues': () => import('./vhost-user/queues.cases.ts'),
  'vhost-user/reconnect': () => import('./vhost-user/reconnect.cases.ts'),
  'vhost-user/reply-ack': () => import('./vhost-user/reply-ack.cases.ts'),
  'vhost-user/reply-ack-effect': () => import('./vhost-user/reply-ack-effect.cases.ts'),
  'vhost-user/reset': () => import('./vhost-user/reset.cases.ts'),
  'vhost-user/ring-changes': () => import('./vhost-user/ring-changes.cases.ts'),
  'vhost-user/ring-disabled': () => import('./vhost-user/ring-disabled.cases.ts'),
  'vhost-user/ring-state': () => import('./vhost-user/ring-state.cases.ts'),
  'vhost-user/second-connection': () => import('./vhost-user/second-connection.cases.ts'),
  'vhost-user/second-life': () => import('./vhost-user/second-life.cases.ts'),
  'vhost-user/served-growth': () => import('./vhost-user/served-growth.cases.ts'),
  'vhost-user/status': () => import('./vhost-user/status.cases.ts'),
  'vhost-user/suspended': () => import('./vhost-user/suspended.cases.ts'),
  'vhost-user/undersized': () => import('./vhost-user/undersized.cases.ts'),
  'vhost-user/unnegotiated': () => import('./vhost-user/unnegotiated.cases.ts'),
  'vhost-user/unused-features': () => import('./vhost-user/unused-features.cases.ts'),
  'vhost-user/vring-addresses': () => import('./vhost-user/vring-addresses.cases.ts'),
  'vhost-user/vring-base': () => import('./vhost-user/vring-base.cases.ts'),
  'vhost-user/vring-descriptors': () => import('./vhost-user/vring-descriptors.cases.ts'),
  'vhost-user/vring-limits': () => import('./vhost-user/vring-limits.cases.ts'),
  'virtio/block/config': () => import('./virtio/block/config.cases.ts'),
  'virtio/block/config-fields': () => import('./virtio/block/config-fields.cases.ts'),
  'virtio/block/data': () => import('./virtio/block/data.cases.ts'),
  'virtio/block/features': () => import('./virtio/block/features.cases.ts'),
  'virtio/block/malformed': () => import('./virtio/block/malformed.cases.ts'),
  'virtio/block/queues': () => import('./virtio/block/queues.cases.ts'),
  'virtio/block/range-limits': () => import('./virtio/block/range-limits.cases.ts'),
  'virtio/block/ranges': () => import('./virtio/block/ranges.cases.ts'),
  'virtio/block/sizes': () => import('./virtio/block/sizes.cases.ts'),
  'virtio/block/status': () => import('./virtio/block/status.cases.ts'),
  'virtio/block/used-length': () => import('./virtio/block/used-length.cases.ts'),
  'virtio/config/readable': () => import('./virtio/config/readable.cases.ts'),
  'virtio/entropy/buffers': () => import('./virtio/entropy/buffers.cases.ts'),
  'virtio/features/accepted': () => import('./virtio/features/accepted.cases.ts'),
  'virtio/features/offer': () => import('./virtio/features/offer.cases.ts'),
  'virtio/net/config': () => import('./virtio/net/config.cases.ts'),
  'virtio/net/config-fields': () => import('./virtio/net/config-fields.cases.ts'),
  'virtio/net/features': () => import('./virtio/net/features.cases.ts'),
  'virtio/net/frames': () => import('./virtio/net/frames.cases.ts'),
  'virtio/net/malformed': () => import('./virtio/net/malformed.cases.ts'),
  'virtio/net/mergeable': () => import('./virtio/net/mergeable.cases.ts'),
  'virtio/net/offload-header': () => import('./virtio/net/offload-header.cases.ts'),
  'virtio/net/pairs': () => import('./virtio/net/pairs.cases.ts'),
  'virtio/net/receive-header': () => import('./virtio/net/receive-header.cases.ts'),
  'virtio/net/sizes': () => import('./virtio/net/sizes.cases.ts'),
  'virtio/net/transmit-header': () => import('./virtio/net/transmit-header.cases.ts'),
  'virtio/notifications/wanted-kicks': () => import('./virtio/notifications/wanted-kicks.cases.ts'),
  'virtio/packed-ring/broken-lists': () => import('./virtio/packed-ring/broken-lists.cases.ts'),
  'virtio/packed-ring/broken-ring': () => import('./virtio/packed-ring/broken-ring.cases.ts'),
  'virtio/packed-ring/broken-tables': () => import('./virtio/packed-ring/broken-tables.cases.ts'),
  'virtio/packed-ring/indirect': () => import('./virtio/packed-ring/indirect.cases.ts'),
  'virtio/packed-ring/memory': () => import('./virtio/packed-ring/memory.cases.ts'),
  'virtio/packed-ring/notifications': () => import('./virtio/packed-ring/notifications.cases.ts'),
  'virtio/packed-ring/order': () => import('./virtio/packed-ring/order.cases.ts'),
  'virtio/packed-ring/sizes': () => import('./virtio/packed-ring/sizes.cases.ts'),
  'virtio/packed-ring/used-descriptors': () => import('./virtio/packed-ring/used-descriptors.cases.ts'),
  'virtio/packed-ring/wrap-counters': () => import('./virtio/packed-ring/wrap-counters.cases.ts'),
  'virtio/reset/reset': () => import('./virtio/reset/reset.cases.ts'),
  'virtio/split-ring/broken-chains': () => import('./virtio/split-ring/broken-chains.cases.ts'),
  'virtio/split-ring/broken-ring': () => import('./virtio/split-ring/broken-ring.cases.ts'),
  'virtio/split-ring/framing': () => import('./virtio/split-ring/framing.cases.ts'),
  'virtio/split-ring/indirect': () => import('./virtio/split-ring/indirect.cases.ts'),
  'virtio/split-ring/long-tables': () => import('./virtio/split-ring/long-tables.cases.ts'),
  'virtio/split-ring/memory': () => import('./virtio/split-ring/memory.cases.ts'),
  'virtio/split-ring/notifications': () => import('./virtio/split-ring/notifications.cases.ts'),
  'virtio/split-ring/order': () => import('./virtio/split-ring/order.cases.ts'),
  'virtio/split-ring/placement': () => import('./virtio/split-ring/placement.cases.ts'),
  'virtio/split-ring/used-ring': () => import('./virtio/split-ring/used-ring.cases.ts'),
  'virtio/status/rings': () => import('./virtio/status/rings.cases.ts'),
};
/** Every file of cases, by its path. Written by `node scripts/generate-lists.mjs`. */
export * as 'vhost-mdev/buffers-outside' from './vhost-mdev/buffers-outside.cases.ts';
export * as 'vhost-mdev/channel-answers' from './vhost-mdev/channel-answers.cases.ts';
export * as 'vhost-mdev/channel-reads' from './vhost-mdev/channel-reads.cases.ts';
export * as 'vhost-mdev/channel-requests' from './vhost-mdev/channel-requests.cases.ts';
export * as 'vhost-mdev/channel-writes' from './vhost-mdev/channel-writes.cases.ts';
export * as 'vhost-mdev/close' from './vhost-mdev/close.cases.ts';
export * as 'vhost-mdev/config-space' from './vhost-mdev/config-space.cases.ts';
export * as 'vhost-mdev/config-space-content' from './vhost-mdev/config-space-content.cases.ts';
export * as 'vhost-mdev/doorbell' from './vhost-mdev/doorbell.cases.ts';
export * as 'vhost-mdev/doorbell-pages' from './vhost-mdev/doorbell-pages.cases.ts';
export * as 'vhost-mdev/doorbell-queues' from './vhost-mdev/doorbell-queues.cases.ts';
export * as 'vhost-mdev/doorbell-times' from './vhost-mdev/doorbell-times.cases.ts';
export * as 'vhost-mdev/features' from './vhost-mdev/features.cases.ts';
export * as 'vhost-mdev/identity' from './vhost-mdev/identity.cases.ts';
export * as 'vhost-mdev/interrupt-info' from './vhost-mdev/interrupt-info.cases.ts';
export * as 'vhost-mdev/interrupt-refusals' from './vhost-mdev/interrupt-refusals.cases.ts';
export * as 'vhost-mdev/interrupt-removal' from './vhost-mdev/interrupt-removal.cases.ts';
export * as 'vhost-mdev/interrupt-signals' from './vhost-mdev/interrupt-signals.cases.ts';
export * as 'vhost-mdev/interrupt-suppression' from './vhost-mdev/interrupt-suppression.cases.ts';
export * as 'vhost-mdev/mapped-memory' from './vhost-mdev/mapped-memory.cases.ts';
export * as 'vhost-mdev/mappings' from './vhost-mdev/mappings.cases.ts';
export * as 'vhost-mdev/memory-order' from './vhost-mdev/memory-order.cases.ts';
export * as 'vhost-mdev/memory-table' from './vhost-mdev/memory-table.cases.ts';
export * as 'vhost-mdev/memory-table-refused' from './vhost-mdev/memory-table-refused.cases.ts';
export * as 'vhost-mdev/memory-under-load' from './vhost-mdev/memory-under-load.cases.ts';
export * as 'vhost-mdev/open' from './vhost-mdev/open.cases.ts';
export * as 'vhost-mdev/regions' from './vhost-mdev/regions.cases.ts';
export * as 'vhost-mdev/reset' from './vhost-mdev/reset.cases.ts';
export * as 'vhost-mdev/restart' from './vhost-mdev/restart.cases.ts';
export * as 'vhost-mdev/ring-addresses' from './vhost-mdev/ring-addresses.cases.ts';
export * as 'vhost-mdev/ring-base' from './vhost-mdev/ring-base.cases.ts';
export * as 'vhost-mdev/ring-changes' from './vhost-mdev/ring-changes.cases.ts';
export * as 'vhost-mdev/ring-index' from './vhost-mdev/ring-index.cases.ts';
export * as 'vhost-mdev/ring-size' from './vhost-mdev/ring-size.cases.ts';
export * as 'vhost-mdev/state' from './vhost-mdev/state.cases.ts';
export * as 'vhost-mdev/state-values' from './vhost-mdev/state-values.cases.ts';
export * as 'vhost-user/acknowledgements' from './vhost-user/acknowledgements.cases.ts';
export * as 'vhost-user/answer-headers' from './vhost-user/answer-headers.cases.ts';
export * as 'vhost-user/back-end-requests' from './vhost-user/back-end-requests.cases.ts';
export * as 'vhost-user/calls-after-changes' from './vhost-user/calls-after-changes.cases.ts';
export * as 'vhost-user/config' from './vhost-user/config.cases.ts';
export * as 'vhost-user/config-windows' from './vhost-user/config-windows.cases.ts';
export * as 'vhost-user/config-write' from './vhost-user/config-write.cases.ts';
export * as 'vhost-user/device-status' from './vhost-user/device-status.cases.ts';
export * as 'vhost-user/fds' from './vhost-user/fds.cases.ts';
export * as 'vhost-user/features' from './vhost-user/features.cases.ts';
export * as 'vhost-user/growth' from './vhost-user/growth.cases.ts';
export * as 'vhost-user/header' from './vhost-user/header.cases.ts';
export * as 'vhost-user/in-band' from './vhost-user/in-band.cases.ts';
export * as 'vhost-user/inflight' from './vhost-user/inflight.cases.ts';
export * as 'vhost-user/inflight-recovery' from './vhost-user/inflight-recovery.cases.ts';
export * as 'vhost-user/kicks-after-changes' from './vhost-user/kicks-after-changes.cases.ts';
export * as 'vhost-user/log' from './vhost-user/log.cases.ts';
export * as 'vhost-user/log-limits' from './vhost-user/log-limits.cases.ts';
export * as 'vhost-user/log-paths' from './vhost-user/log-paths.cases.ts';
export * as 'vhost-user/memory' from './vhost-user/memory.cases.ts';
export * as 'vhost-user/memory-limits' from './vhost-user/memory-limits.cases.ts';
export * as 'vhost-user/memory-outside' from './vhost-user/memory-outside.cases.ts';
export * as 'vhost-user/memory-slots' from './vhost-user/memory-slots.cases.ts';
export * as 'vhost-user/messages-while-running' from './vhost-user/messages-while-running.cases.ts';
export * as 'vhost-user/migration' from './vhost-user/migration.cases.ts';
export * as 'vhost-user/missing-descriptors' from './vhost-user/missing-descriptors.cases.ts';
export * as 'vhost-user/owner' from './vhost-user/owner.cases.ts';
export * as 'vhost-user/packed-inflight' from './vhost-user/packed-inflight.cases.ts';
export * as 'vhost-user/packed-inflight-recovery' from './vhost-user/packed-inflight-recovery.cases.ts';
export * as 'vhost-user/packed-positions' from './vhost-user/packed-positions.cases.ts';
export * as 'vhost-user/protocol-features' from './vhost-user/protocol-features.cases.ts';
export * as 'vhost-user/queues' from './vhost-user/queues.cases.ts';
export * as 'vhost-user/reconnect' from './vhost-user/reconnect.cases.ts';
export * as 'vhost-user/reply-ack' from './vhost-user/reply-ack.cases.ts';
export * as 'vhost-user/reply-ack-effect' from './vhost-user/reply-ack-effect.cases.ts';
export * as 'vhost-user/reset' from './vhost-user/reset.cases.ts';
export * as 'vhost-user/ring-changes' from './vhost-user/ring-changes.cases.ts';
export * as 'vhost-user/ring-disabled' from './vhost-user/ring-disabled.cases.ts';
export * as 'vhost-user/ring-state' from './vhost-user/ring-state.cases.ts';
export * as 'vhost-user/second-connection' from './vhost-user/second-connection.cases.ts';
export * as 'vhost-user/second-life' from './vhost-user/second-life.cases.ts';
export * as 'vhost-user/served-growth' from './vhost-user/served-growth.cases.ts';
export * as 'vhost-user/status' from './vhost-user/status.cases.ts';
export * as 'vhost-user/suspended' from './vhost-user/suspended.cases.ts';
export * as 'vhost-user/undersized' from './vhost-user/undersized.cases.ts';
export * as 'vhost-user/unnegotiated' from './vhost-user/unnegotiated.cases.ts';
export * as 'vhost-user/unused-features' from './vhost-user/unused-features.cases.ts';
export * as 'vhost-user/vring-addresses' from './vhost-user/vring-addresses.cases.ts';
export * as 'vhost-user/vring-base' from './vhost-user/vring-base.cases.ts';
export * as 'vhost-user/vring-descriptors' from './vhost-user/vring-descriptors.cases.ts';
export * as 'vhost-user/vring-limits' from './vhost-user/vring-limits.cases.ts';
export * as 'virtio/block/config' from './virtio/block/config.cases.ts';
export * as 'virtio/block/config-fields' from './virtio/block/config-fields.cases.ts';
export * as 'virtio/block/data' from './virtio/block/data.cases.ts';
export * as 'virtio/block/features' from './virtio/block/features.cases.ts';
export * as 'virtio/block/malformed' from './virtio/block/malformed.cases.ts';
export * as 'virtio/block/queues' from './virtio/block/queues.cases.ts';
export * as 'virtio/block/range-limits' from './virtio/block/range-limits.cases.ts';
export * as 'virtio/block/ranges' from './virtio/block/ranges.cases.ts';
export * as 'virtio/block/sizes' from './virtio/block/sizes.cases.ts';
export * as 'virtio/block/status' from './virtio/block/status.cases.ts';
export * as 'virtio/block/used-length' from './virtio/block/used-length.cases.ts';
export * as 'virtio/config/readable' from './virtio/config/readable.cases.ts';
export * as 'virtio/entropy/buffers' from './virtio/entropy/buffers.cases.ts';
export * as 'virtio/features/accepted' from './virtio/features/accepted.cases.ts';
export * as 'virtio/features/offer' from './virtio/features/offer.cases.ts';
export * as 'virtio/net/config' from './virtio/net/config.cases.ts';
export * as 'virtio/net/config-fields' from './virtio/net/config-fields.cases.ts';
export * as 'virtio/net/features' from './virtio/net/features.cases.ts';
export * as 'virtio/net/frames' from './virtio/net/frames.cases.ts';
export * as 'virtio/net/malformed' from './virtio/net/malformed.cases.ts';
export * as 'virtio/net/mergeable' from './virtio/net/mergeable.cases.ts';
export * as 'virtio/net/offload-header' from './virtio/net/offload-header.cases.ts';
export * as 'virtio/net/pairs' from './virtio/net/pairs.cases.ts';
export * as 'virtio/net/receive-header' from './virtio/net/receive-header.cases.ts';
export * as 'virtio/net/sizes' from './virtio/net/sizes.cases.ts';
export * as 'virtio/net/transmit-header' from './virtio/net/transmit-header.cases.ts';
export * as 'virtio/notifications/wanted-kicks' from './virtio/notifications/wanted-kicks.cases.ts';
export * as 'virtio/packed-ring/broken-lists' from './virtio/packed-ring/broken-lists.cases.ts';
export * as 'virtio/packed-ring/broken-ring' from './virtio/packed-ring/broken-ring.cases.ts';
export * as 'virtio/packed-ring/broken-tables' from './virtio/packed-ring/broken-tables.cases.ts';
export * as 'virtio/packed-ring/indirect' from './virtio/packed-ring/indirect.cases.ts';
export * as 'virtio/packed-ring/memory' from './virtio/packed-ring/memory.cases.ts';
export * as 'virtio/packed-ring/notifications' from './virtio/packed-ring/notifications.cases.ts';
export * as 'virtio/packed-ring/order' from './virtio/packed-ring/order.cases.ts';
export * as 'virtio/packed-ring/sizes' from './virtio/packed-ring/sizes.cases.ts';
export * as 'virtio/packed-ring/used-descriptors' from './virtio/packed-ring/used-descriptors.cases.ts';
export * as 'virtio/packed-ring/wrap-counters' from './virtio/packed-ring/wrap-counters.cases.ts';
export * as 'virtio/reset/reset' from './virtio/reset/reset.cases.ts';
export * as 'virtio/split-ring/broken-chains' from './virtio/split-ring/broken-chains.cases.ts';
export * as 'virtio/split-ring/broken-ring' from './virtio/split-ring/broken-ring.cases.ts';
export * as 'virtio/split-ring/framing' from './virtio/split-ring/framing.cases.ts';
export * as 'virtio/split-ring/heads-shown-again' from './virtio/split-ring/heads-shown-again.cases.ts';
export * as 'virtio/split-ring/indirect' from './virtio/split-ring/indirect.cases.ts';
export * as 'virtio/split-ring/long-tables' from './virtio/split-ring/long-tables.cases.ts';
export * as 'virtio/split-ring/memory' from './virtio/split-ring/memory.cases.ts';
export * as 'virtio/split-ring/notifications' from './virtio/split-ring/notifications.cases.ts';
export * as 'virtio/split-ring/order' from './virtio/split-ring/order.cases.ts';
export * as 'virtio/split-ring/placement' from './virtio/split-ring/placement.cases.ts';
export * as 'virtio/split-ring/used-ring' from './virtio/split-ring/used-ring.cases.ts';
export * as 'virtio/status/rings' from './virtio/status/rings.cases.ts';
