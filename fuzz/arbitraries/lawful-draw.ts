import fc from 'fast-check';
import { hasFeature } from '../../reference-impl/catalogue/catalogue.ts';
import type { Random } from '../mutators/random.ts';
import type { KnownTarget } from '../program/known-state.ts';
import type { Program } from '../program/program.ts';
import { isModelled, lawfulProgram } from './lawful-program.ts';

/** Programs that are made at once. */
const batch = 32;

/** Lawful programs for a target, without end. The same numbers give the same programs. */
export class LawfulDraw {
  readonly #programs: fc.Arbitrary<Program> | undefined = undefined;
  #drawn: Program[] = [];

  constructor(target: KnownTarget) {
    const { device, offer } = target;
    if (!isModelled(device)) return;
    const split = lawfulProgram({ device, layout: 'split', offer });
    const packed = lawfulProgram({ device, layout: 'packed', offer });
    this.#programs = hasFeature(offer, 'VIRTIO_F_RING_PACKED', target) ? fc.oneof(split, packed) : split;
  }

  /** Undefined for a type of device whose requests are not modelled. */
  next(random: Random): Program | undefined {
    if (this.#programs === undefined) return undefined;
    if (this.#drawn.length === 0) {
      this.#drawn = fc.sample(this.#programs, { numRuns: batch, seed: random.next() | 0 });
    }
    return this.#drawn.pop();
  }
}
