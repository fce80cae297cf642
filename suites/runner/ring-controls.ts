import type { DriverPort, RingLayout } from '../../drivers/port/port.ts';
import { type Control, control } from '../../judging/control.ts';
import type { RequirementSlug } from '../../reference-impl/catalogue/catalogue.ts';

/** That a ring serves what is put on it, of each transport, and of devices whose data we know. */
const ofService: ReadonlySet<RequirementSlug> = new Set([
  'vu-ring-state/enabled-ring-handles-every-request',
  'vu-ring-state/ring-starts-with-kick-descriptor',
  'vk-vring/ring-enabled-after-driver-ok-is-served',
  'vm-state/start-serves-rings',
  'pci/notification-serves-its-queue',
  'blk/read-returns-written-data',
  'net/frames-arrive-intact',
]);

/**
 * Whether rings of a layout serve a request at all, found out once for each: where they do not, each case on them would fail
 * for that one cause. It is told by cases about service on split rings, and of packed ones by those about the features that
 * are acknowledged, which take part in no layout.
 */
export class RingControls {
  readonly #port: DriverPort;
  readonly #restart: (() => void) | undefined;
  readonly #found = new Map<RingLayout, Control>();

  /** @param restart absent where the process is not ours to start afresh. */
  constructor(port: DriverPort, restart: (() => void) | undefined) {
    this.#port = port;
    this.#restart = restart;
  }

  /**
   * Why a case that proves these is not judged, since no ring of the layout serves a request; undefined where one does. On
   * split rings a request that nothing comes of counts alone: a device that ends at it, or refuses what leads to it, is judged
   * for that by each case.
   */
  whyNotJudged(layout: RingLayout, proven: readonly string[]): string | undefined {
    if (layout === 'split' && proven.some((slug) => ofService.has(slug as RequirementSlug))) return undefined;
    const found = this.#found.get(layout) ?? this.#tried(layout);
    this.#found.set(layout, found);
    if (found.kind === 'completed') return undefined;
    if (layout === 'split' && !found.isSilence) return undefined;
    return `no ${layout} ring serves a request: ${found.why}`;
  }

  /** Where it fails, it is tried on a fresh process: what ran before has no part in that. */
  #tried(layout: RingLayout): Control {
    const first = this.#once(layout);
    if (first.kind === 'completed' || this.#restart === undefined) return first;
    this.#restart();
    const again = this.#once(layout);
    if (!this.#port.iut.isAlive()) this.#restart();
    return again;
  }

  #once(layout: RingLayout): Control {
    const found = control(this.#port, layout);
    this.#port.releaseAll();
    return found;
  }
}
