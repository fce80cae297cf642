import { ringAreasAt } from '../../../vhost-user/vring-rules.ts';
import { isPackedQueueSize, packedAlignment } from '../../../virtqueue/packed/layout.ts';
import { ringAreas } from '../../../virtqueue/ring.ts';
import { isQueueSize, splitAlignment } from '../../../virtqueue/split/layout.ts';
import type { FrontEndRequest } from '../../../wire/decoded-message.ts';
import { vhostUserConfigFlags } from '../../../wire/vhost-user-constants.ts';
import { breach, keptIf } from '../judgement.ts';
import { hexWord, type ObservedMessageRule } from './message-rule.ts';

/** The ring that a message names; undefined where it names none. */
function ringOf(request: FrontEndRequest): number | undefined {
  switch (request.name) {
    case 'VHOST_USER_SET_VRING_NUM':
    case 'VHOST_USER_SET_VRING_ADDR':
    case 'VHOST_USER_SET_VRING_BASE':
    case 'VHOST_USER_GET_VRING_BASE':
    case 'VHOST_USER_SET_VRING_ENABLE':
    case 'VHOST_USER_VRING_KICK':
    case 'VHOST_USER_GET_VRING_BASE_SKIP_DRAIN':
      return request.value.index;
    case 'VHOST_USER_SET_VRING_KICK':
    case 'VHOST_USER_SET_VRING_CALL':
    case 'VHOST_USER_SET_VRING_ERR':
      return Number(request.value.u64 & 0xffn);
    default:
      return undefined;
  }
}

const alignments = { split: splitAlignment, packed: packedAlignment } as const;

export const ringRules: readonly ObservedMessageRule[] = [
  {
    requirement: 'vu-front-end/vring-index-below-queue-count',
    judge: (request, { offer }) => {
      const index = ringOf(request);
      if (index === undefined) return undefined;
      return keptIf(index < offer.rings, () => breach(request.name, `a ring below ${offer.rings}`, `ring ${index}`));
    },
  },
  {
    requirement: 'vu-front-end/vring-size-is-lawful',
    judge: (request, { layout }) => {
      if (request.name !== 'VHOST_USER_SET_VRING_NUM') return undefined;
      const { num } = request.value;
      const isLawful = layout === 'packed' ? isPackedQueueSize(num) : isQueueSize(num);
      return keptIf(isLawful, () => breach(request.name, `a queue size of ${layout} rings`, `${num}`));
    },
  },
  ...(['split', 'packed'] as const).map(
    (layout): ObservedMessageRule => ({
      requirement: layout === 'split' ? 'split/parts-aligned' : 'packed/parts-aligned',
      judge: (request, before) => {
        if (request.name !== 'VHOST_USER_SET_VRING_ADDR' || before.layout !== layout) return undefined;
        const { descriptor, available, used } = request.value;
        const areas = ringAreasAt({ desc: descriptor, avail: available, used });
        const wrong = ringAreas.find((area) => areas[area] % BigInt(alignments[layout][area]) !== 0n);
        if (wrong === undefined) return 'kept';
        const expected = `a ${wrong} area at a multiple of ${alignments[layout][wrong]}`;
        return breach(request.name, expected, hexWord(areas[wrong]));
      },
    }),
  ),
  {
    requirement: 'vu-front-end/ring-described-before-start',
    judge: (request, before) => {
      if (request.name !== 'VHOST_USER_SET_VRING_KICK' && request.name !== 'VHOST_USER_VRING_KICK') return undefined;
      const index = ringOf(request) ?? 0;
      const ring = before.ring(index);
      const expected = `size, addresses and memory of ring ${index} before it`;
      if (ring.size === undefined) return breach(request.name, expected, 'no SET_VRING_NUM');
      if (ring.areas === undefined) return breach(request.name, expected, 'no SET_VRING_ADDR');
      const outside = before.translates ? undefined : before.areaOutside(ring, before.regions);
      if (outside === undefined) return 'kept';
      return breach(request.name, expected, `${hexWord(outside.address)} lies in no region`);
    },
  },
  {
    requirement: 'vu-front-end/vring-enable-is-zero-or-one',
    judge: (request) => {
      if (request.name !== 'VHOST_USER_SET_VRING_ENABLE') return undefined;
      return keptIf(request.value.num <= 1, () => breach(request.name, '0 or 1', `${request.value.num}`));
    },
  },
  {
    requirement: 'vu-front-end/config-flags-are-defined',
    judge: (request) => {
      if (request.name !== 'VHOST_USER_SET_CONFIG') return undefined;
      const { flags } = request.value;
      return keptIf(flags <= vhostUserConfigFlags.liveMigration, () =>
        breach(request.name, 'flags 0 or 1', `flags ${flags}`),
      );
    },
  },
];
