import fc from 'fast-check';
import type { FeatureSet } from '../../reference-impl/catalogue/catalogue.ts';
import { featureMask } from '../../reference-impl/catalogue/feature-set.ts';
import type { RingLayout } from '../../reference-impl/virtqueue/ring.ts';
import type { Program } from '../program/program.ts';
import type { CallDraft } from './call-draft.ts';
import { CallList } from './call-list.ts';
import { readableSegment, writableSegment } from './chain-segments.ts';
import { accessPlatform, blockFlush, packedRing, version1 } from './feature-words.ts';
import { oddAccess, pciAccesses, readIsr, readStatus, refusedFeatures, walkOf, wholeSpace } from './pci-call.ts';
import { type ModelledDevice, type Wanted, wantedOf } from './requests.ts';

const notificationData = featureMask('VIRTIO_F_NOTIFICATION_DATA');
const notifConfigData = featureMask('VIRTIO_F_NOTIF_CONFIG_DATA');
const ringReset = featureMask('VIRTIO_F_RING_RESET');
const configWce = featureMask('VIRTIO_BLK_F_CONFIG_WCE');
const mostCalls = 160;

export interface PciShape {
  readonly device: ModelledDevice;
  readonly layout: RingLayout;
  readonly offer: Pick<FeatureSet, 'device'>;
  readonly queues: number;
}

type Step =
  | { readonly kind: 'accesses'; readonly drafts: readonly CallDraft[] }
  | { readonly kind: 'chain'; readonly wanted: Wanted; readonly isLast: boolean }
  /** A queue is reset alone, and perhaps enabled again with another ring. */
  | { readonly kind: 'queue-reset'; readonly size: number; readonly wanted: Wanted; readonly isEnabled: boolean }
  | { readonly kind: 'reset'; readonly isSeen: boolean; readonly isReady: boolean }
  /** Heads of a split ring are beyond its descriptors: the device may need a reset. */
  | { readonly kind: 'break'; readonly drafts: readonly CallDraft[] };

interface Parts {
  readonly features: bigint;
  readonly first: readonly CallDraft[];
  readonly size: number;
  readonly rings: number;
  /** Which of the rings have a vector. */
  readonly calls: readonly boolean[];
  /** A chain is there before the ring is enabled, and this before DRIVER_OK. */
  readonly isEarly: boolean;
  readonly steps: readonly Step[];
  readonly odd: readonly CallDraft[];
}

const stepOf = ({ device, queues }: PciShape): fc.Arbitrary<Step> =>
  fc.oneof(
    { weight: 6, arbitrary: pciAccesses(queues).map((drafts) => ({ kind: 'accesses' as const, drafts })) },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('chain' as const), wanted: wantedOf[device], isLast: fc.boolean() }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('queue-reset' as const),
        size: fc.constantFrom(4, 16, 64),
        wanted: wantedOf[device],
        isEnabled: fc.boolean(),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('reset' as const), isSeen: fc.boolean(), isReady: fc.boolean() }),
    },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom([readStatus, readIsr], [readIsr], [readIsr, readIsr], [readStatus])
        .map((drafts) => ({ kind: 'break' as const, drafts })),
    },
  );

/** Programs of accesses to a function of virtio over PCI, with rings beside them. */
export function pciProgram(shape: PciShape): fc.Arbitrary<Program> {
  const { offer, layout, device } = shape;
  const wanted = version1 | accessPlatform | (layout === 'packed' ? packedRing : 0n) | blockFlush | configWce;
  const ofDevice = device === 'block' ? wanted : wanted & ~(blockFlush | configWce);
  return fc
    .record({
      features: fc
        .subarray([notificationData, notifConfigData, ringReset, ringReset])
        .map((words) => words.reduce((all, word) => all | word, ofDevice) & offer.device),
      first: fc.oneof(
        { weight: 3, arbitrary: fc.constant<readonly CallDraft[]>([]) },
        { weight: 1, arbitrary: refusedFeatures },
      ),
      size: fc.constantFrom(4, 16, 64),
      rings: device === 'net' ? fc.constant(2) : fc.constantFrom(1, Math.min(2, shape.queues)),
      calls: fc.tuple(fc.boolean(), fc.boolean()).map((both) => [...both]),
      isEarly: fc.nat({ max: 3 }).map((n) => n === 3),
      steps: fc.array(stepOf(shape), { minLength: 1, maxLength: 12 }),
      odd: fc.oneof(
        { weight: 3, arbitrary: fc.constant<readonly CallDraft[]>([]) },
        {
          weight: 1,
          arbitrary: fc.array(oddAccess(shape.queues), { minLength: 1, maxLength: 8 }).map((all) => all.flat()),
        },
      ),
    })
    .map((parts) => new LaidFunction(shape, parts).program());
}

/** Lays the calls of one program. */
class LaidFunction {
  readonly #shape: PciShape;
  readonly #parts: Parts;
  readonly #list = new CallList();
  #session = 0;
  #memory = 0;
  #rings: number[] = [];
  #queues: number[] = [];

  constructor(shape: PciShape, parts: Parts) {
    this.#shape = shape;
    this.#parts = parts;
  }

  program(): Program {
    const { first, steps, odd } = this.#parts;
    this.#session = this.#list.add('connect');
    this.#drafts(first);
    this.#list.add('negotiate', { session: this.#session, device: this.#parts.features });
    this.#memory = this.#list.add('memory', { layout: 'single-region' });
    this.#list.add('share', { session: this.#session, memory: this.#memory });
    this.#drafts([wholeSpace]);
    this.#attachAll();
    for (const step of steps) this.#lay(step);
    this.#drafts(odd);
    return { calls: this.#list.calls.slice(0, mostCalls) };
  }

  #lay(step: Step): void {
    const { features } = this.#parts;
    switch (step.kind) {
      case 'accesses':
        this.#drafts(step.drafts);
        return;
      case 'chain':
        this.#request(step.wanted, step.isLast);
        return;
      case 'queue-reset': {
        const index = this.#rings.length - 1;
        if ((features & ringReset) === 0n) return;
        this.#list.add('stop', { queue: this.#queues[index] ?? 0 });
        this.#drafts(walkOf(index));
        if (!step.isEnabled) return;
        this.#rings[index] = this.#ring(step.size);
        this.#attach(index, true);
        this.#drafts(walkOf(index));
        this.#request(step.wanted, true);
        return;
      }
      case 'reset':
        this.#list.add('status', { session: this.#session, value: 0 });
        if (step.isSeen) this.#drafts([readStatus, readIsr, ...walkOf(0), ...walkOf(this.#rings.length - 1)]);
        if (!step.isReady) return;
        this.#list.add('negotiate', { session: this.#session, device: features });
        this.#attachAll();
        return;
      case 'break': {
        const queue = this.#queues.at(-1) ?? 0;
        const ring = this.#rings.at(-1) ?? 0;
        this.#list.add('chain', { queue, segments: [readableSegment(new Uint8Array(16)), writableSegment(513)] });
        const bytes = new Uint8Array(2 * this.#parts.size).fill(0xff);
        const isSplit = this.#shape.layout === 'split';
        this.#list.add('ring-write', { ring, area: isSplit ? 'driver' : 'descriptor', offset: isSplit ? 4 : 8, bytes });
        this.#list.add('kick', { queue });
        this.#drafts(step.drafts);
      }
    }
  }

  #attachAll(): void {
    const { rings, size, isEarly } = this.#parts;
    this.#rings = Array.from({ length: rings }, () => this.#ring(size));
    this.#queues = [];
    for (const index of this.#rings.keys()) this.#attach(index, !isEarly);
    if (!isEarly) return;
    for (const queue of this.#queues) {
      this.#list.add('chain', { queue, segments: [readableSegment(new Uint8Array(16)), writableSegment(513)] });
      this.#list.add('enable', { queue });
    }
    this.#drafts([readStatus]);
  }

  #ring(size: number): number {
    return this.#list.add('ring', { memory: this.#memory, layout: this.#shape.layout, size });
  }

  #attach(index: number, enable: boolean): void {
    const call = this.#parts.calls[index] ?? true;
    const ring = this.#rings[index] ?? 0;
    this.#queues[index] = this.#list.add('attach', { session: this.#session, ring, index, call, enable });
  }

  /** On a receive queue of a network device there is room alone. */
  #request({ readable, room }: Wanted, isLast: boolean): void {
    const at = isLast ? this.#queues.length - 1 : 0;
    const queue = this.#queues[at] ?? 0;
    const isReceiving = this.#shape.device === 'net' && at === 0;
    const segments = [
      ...(readable.length > 0 && !isReceiving ? [readableSegment(readable)] : []),
      ...(isReceiving ? [writableSegment(1600)] : room > 0 ? [writableSegment(room)] : []),
    ];
    this.#list.add('chain', { queue, segments });
    this.#list.add('kick', { queue });
    this.#list.add('wait', { queue, count: isReceiving ? 0 : 1 });
  }

  #drafts(drafts: readonly CallDraft[]): void {
    for (const { kind, values } of drafts) this.#list.add(kind, { ...values, session: this.#session });
  }
}
