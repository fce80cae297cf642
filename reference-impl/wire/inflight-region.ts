/**
 * The record of one queue in a buffer of requests in flight (vhost-user, "Inflight I/O tracking"): where its fields stand.
 * Both layouts begin with features u64, version u16 and desc_num u16. Entries stand behind the header.
 */
export const inflightRegion = { version: 8, descNum: 10, inUse: 1 } as const;

/** struct QueueRegionSplit with struct DescStateSplit. */
export const splitInflightRegion = {
  header: 16,
  entry: 16,
  lastBatchHead: 12,
  usedIdx: 14,
  /** Of an entry. */
  isInflight: 0,
  counter: 8,
} as const;

/** struct QueueRegionPacked with struct DescStatePacked. */
export const packedInflightRegion = {
  header: 32,
  entry: 32,
  freeHead: 12,
  oldFreeHead: 14,
  usedIdx: 16,
  oldUsedIdx: 18,
  usedWrap: 20,
  oldUsedWrap: 21,
  /** Of an entry. */
  isInflight: 0,
  next: 2,
  last: 4,
  num: 6,
  counter: 8,
  id: 16,
  flags: 18,
  length: 20,
  address: 24,
} as const;
