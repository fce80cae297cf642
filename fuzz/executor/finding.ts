import type { IutExit, SanitizerReport } from '../../drivers/port/port.ts';
import { exitText, reportText } from '../../judging/failure.ts';

/** What an IUT can hold more and more of. */
export type Held = 'descriptors' | 'mappings';

/** What a program showed of an IUT that none may show. `place`: the call behind which it was seen. */
export type Finding =
  | { readonly kind: 'crash'; readonly place: number; readonly exit: IutExit }
  | { readonly kind: 'hang'; readonly place: number; readonly why: string }
  /** The IUT wrote beside the memory that it was given. */
  | { readonly kind: 'stray-write'; readonly place: number; readonly what: string }
  /** What a sanitizer said while the process went on. */
  | { readonly kind: 'report'; readonly place: number; readonly report: SanitizerReport }
  /** A ring invariant that was broken while all calls had kept to the text. */
  | {
      readonly kind: 'invariant';
      readonly place: number;
      readonly requirement: string;
      readonly what: string;
      readonly actual: string;
    }
  /** What the model does not allow of a call that kept to the text. */
  | {
      readonly kind: 'model';
      readonly place: number;
      readonly requirement: string;
      readonly what: string;
      readonly expected: string;
      readonly actual: string;
    }
  | { readonly kind: 'leak'; readonly place: number; readonly held: Held; readonly what: string };

/** A finding that names a requirement. */
export type BrokenRule = Extract<Finding, { readonly requirement: string }>;

/** Whether the IUT goes on behind it as before: it has done something wrong, and needs no fresh process for that. */
export const isSoundBehind = ({ kind }: Finding): boolean =>
  kind === 'model' || kind === 'invariant' || kind === 'report';

/** One line. */
export function findingText(finding: Finding): string {
  switch (finding.kind) {
    case 'crash':
      return `the process ended by ${exitText(finding.exit)}`;
    case 'hang':
      return `it serves no longer: ${finding.why}`;
    case 'stray-write':
      return `it wrote outside of the memory that it was given: ${finding.what}`;
    case 'report':
      return reportText(finding.report);
    case 'invariant':
      return `${finding.requirement}: ${finding.what}: ${finding.actual}`;
    case 'model':
      return `${finding.requirement}: ${finding.what}: expected ${finding.expected}, seen ${finding.actual}`;
    case 'leak':
      return `it holds more with each repeat: ${finding.what}`;
  }
}
