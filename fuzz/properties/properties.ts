import fc from 'fast-check';
import type { DriverPort } from '../../drivers/port/port.ts';
import { commonFeatures, hasFeature } from '../../reference-impl/catalogue/catalogue.ts';
import { anyProgram } from '../arbitraries/any-program.ts';
import { inWhole, laidProgram, lawfulParts, lawfulProgram, withStopAt } from '../arbitraries/lawful-program.ts';
import type { LawfulShape } from '../arbitraries/lawful-shape.ts';
import type { ModelledDevice } from '../arbitraries/requests.ts';
import type { Examiner } from '../executor/examiner.ts';
import { findingText } from '../executor/finding.ts';
import type { KnownTarget } from '../program/known-state.ts';
import type { Program } from '../program/program.ts';
import { resolved } from '../program/references.ts';
import { intactProgram } from './intact-program.ts';
import { differenceOf, RequestResults, sectorsOf } from './request-results.ts';

export const propertyNames = [
  'agrees-with-the-model',
  'unlawful-calls-leave-the-rest-intact',
  'stop-and-start-change-nothing',
  'split-and-packed-give-the-same',
  'same-on-two-targets',
] as const;
export type PropertyName = (typeof propertyNames)[number];

/** A target that properties are tried on. */
export interface PropertyTarget {
  readonly port: DriverPort;
  readonly known: KnownTarget;
  readonly examiner: Examiner;
}

/** What is drawn for a property: the programs that are run, one after another. */
export interface Trial {
  readonly programs: readonly Program[];
  /** How they break the property; undefined where they do not. */
  readonly check: () => string | undefined;
}

/** Silences of one program may take more: what comes late is no difference. */
const patience = 20;

/**
 * What is drawn for a property on a target; what the target lacks, where it cannot be tried there.
 * @param other the second target of `same-on-two-targets`.
 */
export function trialsOf(
  name: PropertyName,
  target: PropertyTarget,
  device: ModelledDevice,
  other: PropertyTarget | undefined,
): fc.Arbitrary<Trial> | { readonly missing: string } {
  const { known, examiner } = target;
  const split: LawfulShape = { device, layout: 'split', offer: known.offer };
  const packed: LawfulShape = { ...split, layout: 'packed' };
  const hasPacked = hasFeature(known.offer, 'VIRTIO_F_RING_PACKED', known);
  const results = new RequestResults(target.port, patience);
  switch (name) {
    case 'agrees-with-the-model': {
      const lawful = hasPacked ? fc.oneof(lawfulProgram(split), lawfulProgram(packed)) : lawfulProgram(split);
      return fc
        .oneof({ weight: 3, arbitrary: lawful }, { weight: 1, arbitrary: anyProgram })
        .map((program) => ({ programs: [program], check: () => shownBy(examiner, program) }));
    }
    case 'unlawful-calls-leave-the-rest-intact':
      if (device !== 'block') return { missing: 'a device that stores data' };
      return intactProgram.map(({ program, stored }) => ({
        programs: [program],
        check: () => shownBy(examiner, program) ?? lostIn(results, program, stored),
      }));
    case 'stop-and-start-change-nothing':
      return fc.record({ parts: lawfulParts(device).map(inWhole), place: fc.nat() }).map(({ parts, place }) => {
        const programs = [laidProgram(split, parts), laidProgram(split, withStopAt(parts, place))] as const;
        return { programs, check: () => differenceIn(results, results, programs) };
      });
    case 'split-and-packed-give-the-same':
      if (!hasPacked) return { missing: 'VIRTIO_F_RING_PACKED' };
      return lawfulParts(device)
        .map(inWhole)
        .map((parts) => {
          const programs = [laidProgram(split, parts), laidProgram(packed, parts)] as const;
          return { programs, check: () => differenceIn(results, results, programs) };
        });
    case 'same-on-two-targets': {
      if (other === undefined) return { missing: 'a second target' };
      const offer = commonFeatures(known.offer, other.known.offer);
      const sectors = Math.min(sectorsOf(target.port), sectorsOf(other.port));
      const ours = new RequestResults(target.port, patience, sectors);
      const others = new RequestResults(other.port, patience, sectors);
      return lawfulParts(device)
        .map(inWhole)
        .map((parts) => {
          const program = laidProgram({ ...split, offer }, parts);
          return { programs: [program], check: () => differenceIn(ours, others, [program, program]) };
        });
    }
  }
}

/** What the examiner finds, of all that holds of every program. */
function shownBy(examiner: Examiner, program: Program): string | undefined {
  const finding = examiner.examine(resolved(program));
  if (finding === undefined) return undefined;
  examiner.restart();
  return `${finding.kind}: ${findingText(finding)}`;
}

function lostIn(results: RequestResults, program: Program, stored: Uint8Array): string | undefined {
  const last = results.of(resolved(program)).at(-1);
  if (last?.isUsed !== true) return 'a read on a new session is not answered';
  const at = stored.findIndex((byte, place) => byte !== last.written?.[place]);
  return last.written === undefined || at < 0 ? undefined : `byte ${at} of what was stored is another one`;
}

function differenceIn(
  one: RequestResults,
  other: RequestResults,
  [first, second]: readonly [Program, Program],
): string | undefined {
  return differenceOf(one.of(resolved(first)), other.of(resolved(second)));
}
