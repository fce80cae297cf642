import { VIRTIO_F_ACCESS_PLATFORM } from '../virtqueue/feature-bits.ts';
import { type CallRules, callRules } from './device-calls.ts';
import { type DmaRules, dmaRules } from './dma-container.ts';
import { type DoorbellRules, strictDoorbellRules } from './doorbells.ts';
import { type InterruptRules, strictInterruptRules } from './interrupts.ts';
import { type LifeRules, lifeRules } from './life-rules.ts';
import { layoutL1, layoutL2, type MdevLayout } from './mdev-layout.ts';
import { type ChannelRules, strictChannelRules } from './message-channel.ts';
import { type MdevMessageRule, mdevMessagesL1, mdevMessagesL2 } from './message-rules.ts';
import { type PciConfigRules, pciConfigRules } from './pci-config-space.ts';
import { type MdevRingRules, strictRingRules } from './ring-set.ts';

export interface MdevFeatureRules {
  readonly offered: (ofParent: bigint, accepted: bigint) => bigint;
  /** Whether a word may be acknowledged at all; the parent has its own say. */
  readonly accepts: (word: bigint, offered: bigint) => boolean;
  readonly changesWhileRunning: boolean;
  /** What a word that is taken makes of the features of before, and what one that is refused leaves of them. */
  readonly taken: (before: bigint, word: bigint, offered: bigint) => bigint;
  readonly leftByRefused: (before: bigint) => bigint;
  /** What is remembered beside the parent, for what is offered afterwards: nothing counts. */
  readonly remembered: (word: bigint, isTaken: boolean) => bigint;
}

/**
 * Everything that a vhost-mdev device does by choice, in tables by area. The reference reads them and decides nothing
 * beside them; a fault is a copy with one entry replaced.
 */
export interface MdevRules {
  readonly layout: MdevLayout;
  readonly calls: CallRules;
  readonly channel: ChannelRules;
  readonly messages: readonly MdevMessageRule[];
  readonly features: MdevFeatureRules;
  readonly ring: MdevRingRules;
  readonly doorbell: DoorbellRules;
  readonly interrupt: InterruptRules;
  readonly dma: DmaRules;
  readonly life: LifeRules;
  readonly pciConfig: PciConfigRules;
}

const strictFeatures: MdevFeatureRules = {
  offered: (ofParent) => ofParent,
  accepts: (word, offered) => (word & ~offered) === 0n,
  changesWhileRunning: false,
  taken: (_, word) => word,
  leftByRefused: (before) => before,
  remembered: () => 0n,
};

/** Layout L2 as it should be: what fails says so, and nothing is lost to a mistake of the user. */
export const mdevRulesL2: MdevRules = {
  layout: layoutL2,
  calls: callRules,
  channel: strictChannelRules,
  messages: mdevMessagesL2,
  features: strictFeatures,
  ring: strictRingRules,
  doorbell: strictDoorbellRules,
  interrupt: strictInterruptRules,
  dma: dmaRules,
  life: lifeRules,
  pciConfig: pciConfigRules,
};

/** Layout L1. Its checks and errors are those of L2 by analogy; ring addresses need no IOTLB there. */
export const mdevRulesL1: MdevRules = {
  ...mdevRulesL2,
  layout: layoutL1,
  messages: mdevMessagesL1,
  features: { ...strictFeatures, offered: (ofParent) => ofParent & ~VIRTIO_F_ACCESS_PLATFORM },
};
