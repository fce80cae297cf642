import fc from 'fast-check';
import type { Random } from '../mutators/random.ts';
import type { KnownTarget } from '../program/known-state.ts';
import type { Program } from '../program/program.ts';
import { isModelled, lawfulProgram } from './lawful-program.ts';

/** Programs that are made at once. */
const batch = 32;

/** Lawful programs for a target, without end. The same numbers give the same programs. */
export class LawfulDraw {
  readonly #programs: fc.Arbitrary<Program> | undefined;
  #drawn: Program[] = [];

  constructor({ device, offer }: KnownTarget) {
    this.#programs = isModelled(device)
      ? fc.oneof(lawfulProgram({ device, layout: 'split', offer }), lawfulProgram({ device, layout: 'packed', offer }))
      : undefined;
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
