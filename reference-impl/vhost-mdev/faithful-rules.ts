import { errno } from '../wire/errno.ts';
import { VFIO_DEVICE_FLAGS_VHOST, vfioRequests } from '../wire/vfio-structures.ts';
import { type DoorbellRules, strictDoorbellRules } from './doorbells.ts';
import { type InterruptRules, strictInterruptRules } from './interrupts.ts';
import { type LifeRules, lifeRules } from './life-rules.ts';
import { layoutL2, type MdevLayout } from './mdev-layout.ts';
import { type MdevRules, mdevRulesL2 } from './mdev-rules.ts';
import { type ChannelRules, strictChannelRules } from './message-channel.ts';
import { type MdevRingRules, strictRingRules } from './ring-set.ts';

/** As the second RFC was coded: offset and queue are handed on unseen. */
const faithfulDoorbellRules: DoorbellRules = {
  ...strictDoorbellRules,
  acceptsOffset: () => true,
  acceptsQueue: () => true,
};

/** As the second RFC was coded: whatever the action, each vector counted gets the descriptor of the data, or none. */
const faithfulInterruptRules: InterruptRules = {
  ...strictInterruptRules,
  ownError: ({ index }) => (index === 0 ? 0 : errno.ENOTSUPP),
  droppedAtCountZero: () => false,
  withoutDescriptor: 'drop',
};

/** As the second RFC was coded. */
const faithfulLifeRules: LifeRules = { ...lifeRules, openError: () => 0, atClose: [], atReset: [] };

/** As the second RFC was coded: results of messages are dropped, and a read that fails takes the answer along. */
const faithfulChannelRules: ChannelRules = {
  ...strictChannelRules,
  checksPayloadSize: false,
  written: (count) => count,
  losesAnswerAtFailure: true,
};

/**
 * As the second RFC was coded. There GET_VRING_BASE of a ring that does not exist reads memory behind the rings; here it
 * returns 0. Size and base are cut to the 16 bits that they are stored in. The RFC has no packed rings: their base keeps
 * its 32 bits.
 */
const faithfulRingRules: MdevRingRules = {
  ...strictRingRules,
  acceptsSize: () => true,
  acceptsBase: () => true,
  storedSize: (size) => size & 0xffff,
  storedBase: (base, layout) => (layout === 'packed' ? base : base & 0xffff),
  changesWhileRunning: true,
  startsAnyhow: true,
  baseWhileRunning: 'as-told',
  baseOfMissingRing: 0,
};

/** As the second RFC was coded: the number of the reset call stands where the flag of reset was meant. */
const layoutL2Faithful: MdevLayout = {
  ...layoutL2,
  deviceFlags: VFIO_DEVICE_FLAGS_VHOST | vfioRequests.VFIO_DEVICE_RESET,
};

/** Layout L2 as the second RFC was coded, mistakes included. */
export const mdevRulesL2Faithful: MdevRules = {
  ...mdevRulesL2,
  layout: layoutL2Faithful,
  channel: faithfulChannelRules,
  features: { ...mdevRulesL2.features, changesWhileRunning: true, remembered: (word) => word },
  ring: faithfulRingRules,
  doorbell: faithfulDoorbellRules,
  interrupt: faithfulInterruptRules,
  life: faithfulLifeRules,
};
