import {
  type CalledVhost,
  type Calls,
  carryOut,
  heldEvent,
  openCalls,
  ringCalls,
  takes,
} from '../vhost-kernel/core-calls.ts';
import { errno } from '../wire/errno.ts';
import { u32Argument, VHOST_FILE_UNBIND, vringFile } from '../wire/vdpa-structures.ts';
import { vhostNetRequests } from '../wire/vhost-requests.ts';
import { u64Payload } from '../wire/vhost-user-payloads.ts';
import type { DeviceLog } from './device-log.ts';
import { MemoryTable } from './memory-table.ts';
import type { VhostNetEdge } from './vhost-net-edge.ts';
import type { NetRing, VhostNetRings } from './vhost-net-rings.ts';
import type { VhostNetRules } from './vhost-net-rules.ts';

/** What calls read and change of vhost-net. The device implements it. */
export interface CalledVhostNet extends CalledVhost {
  readonly rules: VhostNetRules;
  readonly edge: VhostNetEdge;
  readonly records: readonly NetRing[];
  readonly rings: VhostNetRings;
  readonly log: DeviceLog;
  readonly table: MemoryTable;
  setFeatures(word: bigint): void;
  setTable(table: MemoryTable): void;
  /** As it was opened. */
  resetOwner(): void;
}

/** Calls of anyone. */
const free: Calls<CalledVhostNet> = {
  ...openCalls,
  [vhostNetRequests.VHOST_SET_FEATURES]: takes(u64Payload, (device, { u64 }) => {
    if (!device.rules.features.accepts(u64, device.offeredFeatures)) return errno.EOPNOTSUPP;
    if (device.log.isWanted(u64) && !device.log.fits(device.table)) return errno.EFAULT;
    device.setFeatures(u64);
    return 0;
  }),
};

/** Calls of the owner alone. */
const owned: Calls<CalledVhostNet> = {
  ...ringCalls,
  [vhostNetRequests.VHOST_RESET_OWNER]: (device) => {
    if (device.rules.owner.resets) device.resetOwner();
    return 0;
  },
  [vhostNetRequests.VHOST_SET_MEM_TABLE]: (device, argument) => {
    const table = MemoryTable.of(argument, device.edge, device.rules);
    if (typeof table === 'number') return -table;
    if (device.rules.memory.replaces) device.setTable(table);
    return 0;
  },
  [vhostNetRequests.VHOST_SET_LOG_BASE]: takes(u64Payload, (device, { u64 }) => {
    if (device.rings.areActive && !device.log.fits(device.table, u64)) return errno.EFAULT;
    device.log.base = u64;
    return 0;
  }),
  [vhostNetRequests.VHOST_SET_LOG_FD]: takes(u32Argument, (device, { u32 }) => {
    const held = heldEvent(device, u32);
    if (typeof held === 'number') return held;
    device.events.set('log', 0, held.token);
    return 0;
  }),
  [vhostNetRequests.VHOST_NET_SET_BACKEND]: takes(
    vringFile,
    ({ rules: { backend }, records, rings, edge }, { index, fd }) => {
      const ring = records[index];
      if (ring === undefined) return backend.ringIndex;
      if (fd === VHOST_FILE_UNBIND) {
        rings.setBackend(ring, undefined);
        return 0;
      }
      if (!edge.isNetwork(fd | 0)) return backend.noNetwork;
      return rings.setBackend(ring, fd | 0) ? 0 : backend.noRing;
    },
  ),
};

/** An ioctl on an open /dev/vhost-net. */
export const vhostNetCall = (device: CalledVhostNet, request: number, argument: Uint8Array): number =>
  carryOut(device, request, argument, { free, owned });
