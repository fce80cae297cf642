import type { RequirementSlug } from '../../catalogue/catalogue.ts';
import type { Transport } from '../../catalogue/transport.ts';
import type {
  ConnectionObservation,
  DeviceLayoutName,
  IoctlObservation,
  ObservedEvent,
  RegionAccessObservation,
} from '../../observations/event.ts';
import { errno } from '../../wire/errno.ts';
import { decodeStructure } from '../../wire/structure.ts';
import { vdpaRequests } from '../../wire/vdpa-structures.ts';
import { vfioRegionInfo, vfioRequests } from '../../wire/vfio-structures.ts';
import { MdevModel } from '../model/mdev/mdev-model.ts';
import { type MdevShape, mdevShapes } from '../model/mdev/mdev-shape.ts';
import type { ModelFinding } from '../model/observation.ts';
import { VdpaModel } from '../model/vdpa/vdpa-model.ts';
import { breach, type Judgement, type Tell } from '../observed/judgement.ts';
import { shownByCalls } from './shown-by-calls.ts';

/** What is known of the device whose calls a trace has. */
export interface TracedDevice {
  /** Virtio's name of its type. */
  readonly device: string;
  /** Feature bits that it offers. */
  readonly offered: bigint;
  /** As many as it told in another trace. */
  readonly rings?: number;
}

/** Transports whose calls the models know: of others a trace shows nothing here, and no number of rings. */
export const tracedTransports: readonly Transport[] = ['vhost-mdev', 'vhost-vdpa'];

type DeviceCall = IoctlObservation | RegionAccessObservation;
type Model = MdevModel | VdpaModel;

/** Of machines that judge; a doorbell is a page. */
const pageSize = 4096;
/** Virtio 2.7 and 2.8. A vhost-vdpa that does not say how many it has refuses calls on others, by which nothing is judged. */
const mostRings = 0x8000;
/** Virtio 5. */
const deviceIds: Readonly<Record<string, number>> = { net: 1, block: 2, entropy: 4 };

const shapeOf = (layout: DeviceLayoutName): MdevShape | undefined =>
  layout === 'mdev-l1' ? mdevShapes.l1 : layout === 'mdev-l2' ? mdevShapes.l2 : undefined;

/** A write of which the trace has fewer bytes than were asked for: what the rest was, or whether it was memory, is not told. */
const isCut = (seen: DeviceCall): boolean =>
  seen.kind === 'region-access' && seen.access === 'write' && seen.bytes.length < seen.length;

/** Whether an access may have failed because the caller's own buffer is no memory, whatever error it names. */
const mayLackBuffer = (seen: DeviceCall): boolean => seen.kind === 'region-access' && seen.result === -errno.EFAULT;

/**
 * Calls on a device file and accesses to its regions, by the models of vhost-mdev and vhost-vdpa that campaigns use. What a
 * trace does not tell (whether memory or an event is behind a number) is taken to be as the device answered. One session is
 * judged at a time: behind a second one, nothing is claimed of either.
 */
export class TracedDevices {
  readonly #tell: Tell;
  readonly #known: TracedDevice;
  readonly #rings: number | undefined;
  readonly #models = new Map<number, Model | undefined>();
  readonly #closed = new Set<number>();
  /** Calls of sessions whose layout was not told yet. */
  readonly #early = new Map<number, DeviceCall[]>();
  #result = 0;

  constructor(tell: Tell, known: TracedDevice, events: readonly ObservedEvent[]) {
    this.#tell = tell;
    this.#known = known;
    this.#rings = ringsToldIn(events) ?? known.rings;
  }

  connection({ state, session }: ConnectionObservation): void {
    if (state === 'closed-by-us' || state === 'closed-by-iut') this.#closed.add(session);
  }

  called(seen: DeviceCall): void {
    const { session, layout } = seen;
    const early = this.#early.get(session) ?? [];
    this.#early.set(session, []);
    // The first call is the one that tells it.
    if (layout === 'unknown' && !this.#models.has(session)) this.#early.set(session, [...early, seen]);
    else for (const each of [...early, seen]) this.#judge(this.#modelOf(seen), each);
  }

  #judge(model: Model | undefined, seen: DeviceCall): void {
    const failed = (seen.result ?? 0) < 0;
    // What failed changed nothing.
    if (model === undefined || mayLackBuffer(seen) || (failed && isCut(seen))) return;
    if (isCut(seen)) {
      model.lose();
      return;
    }
    this.#result = seen.result ?? 0;
    if (seen.kind === 'region-access') model.access(seen);
    else if (model instanceof MdevModel) model.call(seen, () => this.#result >= 0);
    else model.call(seen);
  }

  /** Nothing is claimed of any device any more. */
  lose(): void {
    for (const model of this.#models.values()) model?.lose();
  }

  #modelOf({ session, layout }: DeviceCall): Model | undefined {
    if (this.#models.has(session)) return this.#models.get(session);
    const isSecond = [...this.#models.keys()].some((other) => !this.#closed.has(other));
    if (isSecond) this.lose();
    const model = isSecond ? undefined : this.#made(layout);
    this.#models.set(session, model);
    return model;
  }

  #made(layout: DeviceLayoutName): Model | undefined {
    const rings = this.#rings ?? (layout === 'vhost-vdpa' ? mostRings : undefined);
    if (rings === undefined) return undefined;
    const { device, offered } = this.#known;
    // Other rules are choices, or are seen elsewhere: what breaks one ends the judging, and is no breach.
    const tell = (requirement: RequirementSlug, judgement: Judgement): void => {
      if (shownByCalls.has(requirement)) this.#tell(requirement, judgement);
    };
    const kept = (requirement: RequirementSlug): void => tell(requirement, 'kept');
    const broken = ({ requirement, what, expected, actual }: ModelFinding): void =>
      tell(requirement, breach(what, expected, actual));
    const shape = shapeOf(layout);
    if (shape !== undefined) {
      return new MdevModel(
        { shape, device, rings, pageSize, offered, isMemory: () => this.#isMemory(shape) },
        broken,
        kept,
      );
    }
    if (layout !== 'vhost-vdpa') return undefined;
    const facts = { deviceId: deviceIds[device], rings, pageSize, range: undefined, isMemory: () => false };
    return new VdpaModel(facts, broken, kept);
  }

  /** A container says EINVAL and EEXIST of other mistakes of a mapping than its memory. */
  #isMemory({ memory }: MdevShape): boolean {
    const isOther = memory === 'container' && [-errno.EINVAL, -errno.EEXIST].includes(this.#result);
    return this.#result >= 0 || isOther;
  }
}

/** As many rings as a device has doorbells, or says it has. */
export function ringsToldIn(events: readonly ObservedEvent[]): number | undefined {
  for (const event of events) {
    if (event.kind !== 'ioctl' || event.on !== 'device' || event.result !== 0) continue;
    const { layout, request, after } = event;
    const shape = shapeOf(layout);
    if (shape !== undefined && request === vfioRequests.VFIO_DEVICE_GET_REGION_INFO) {
      const told = decodeStructure(vfioRegionInfo, after);
      if (told?.index === shape.doorbells) return Number(told.size / BigInt(pageSize));
    }
    const isCount = layout === 'vhost-vdpa' && request >>> 0 === vdpaRequests.VHOST_VDPA_GET_VQS_COUNT >>> 0;
    if (isCount && after.length >= 4) return new DataView(after.buffer, after.byteOffset, 4).getUint32(0, true);
  }
  return undefined;
}
