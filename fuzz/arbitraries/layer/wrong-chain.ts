import { requestId } from '../../../reference-impl/wire/vhost-user-messages.ts';
import type { CallOf } from '../../program/program.ts';
import { regionsOf } from '../../program/region-lawfulness.ts';
import { segmentsOf, translated, writableSegment } from '../chain-segments.ts';
import type { Damage } from '../damage.ts';
import type { Chain } from '../lawful-step.ts';
import { inflightBuffer, protocolBits } from '../told-message.ts';
import type { LaidRings } from './laid-rings.ts';

/** A chain of which something is wrong. */
export interface WrongChain {
  readonly damage: Damage;
  /** Of a session with translations: what that of a buffer permits in place of what the chain wants. */
  readonly access: 'none' | 'read' | 'write' | 'dropped';
  readonly chain: Chain;
}

/** Segments of one call. */
const mostSegments = 1024;

/** The first chain of fresh rings, whose descriptors are the first ones. */
export function layWrong(laid: LaidRings, { damage, access, chain }: WrongChain): void {
  const { isTranslated, device } = laid.shape;
  laid.rings = laid.placed(laid.rings.length, 0);
  if (damage.kind === 'record') {
    laid.tell({ ...inflightBuffer(laid.rings.length, laid.size), fields: damage.fields });
    laid.hasBuffer = true;
  }
  laid.attach();
  const { queue, session } = laid;
  const ring = laid.rings[device === 'net' ? 1 : laid.rings.length - 1] ?? 0;
  const segments = segmentsOf(chain);
  if (chain.isTold && isTranslated && !laid.setting.isUntold) {
    laid.add('chain', { queue, segments: translated(segments, access) });
  } else addDamaged(laid, damage, ring, segments);
  laid.add('kick', { queue });
  laid.add('fence', { session });
  laid.add('wait', { queue, count: 0 });
  // A device that gives a ring up may say so.
  if (laid.has(protocolBits.status)) laid.add('message', { session, request: requestId.VHOST_USER_GET_STATUS });
  laid.add('stop', { queue });
}

function addDamaged(laid: LaidRings, damage: Damage, ring: number, segments: CallOf<'chain'>['segments']): void {
  const { queue, size } = laid;
  switch (damage.kind) {
    case 'unmapped':
      for (let region = 0; laid.shape.isVdpa && region < regionsOf(laid.setting.memory); region++) {
        laid.add('iotlb', { session: laid.session, request: 3, memory: laid.memory, region });
      }
      laid.add('chain', { queue, segments });
      break;
    case 'record':
      laid.add('chain', { queue, segments });
      break;
    case 'ring': {
      laid.add('chain', { queue, segments });
      const { area, offset, bytes } = damage;
      laid.add('ring-write', { ring, area, offset, bytes });
      break;
    }
    case 'table':
      laid.add('chain', { queue, segments, ...damage.values });
      break;
    case 'reversed':
      laid.add('chain', { queue, segments: segments.toReversed() });
      break;
    case 'long': {
      const long = Array.from({ length: Math.min(size + 1, mostSegments) }, () => writableSegment(16));
      laid.add('chain', { queue, segments: long, ...(damage.isIndirect ? { direct: 0 } : {}) });
    }
  }
}
