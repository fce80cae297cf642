import type { JSX } from 'preact';
import type { FeatureVerdict } from '../feature-verdicts.ts';
import type { RequirementVerdictKind } from '../requirement-verdicts.ts';

/** Names that the filter knows: the kinds of all marks of the page. */
export type MarkKind = RequirementVerdictKind | 'partial' | 'not-offered' | 'owned' | 'untestable' | 'elsewhere';

const words: Record<MarkKind, string> = {
  pass: 'pass',
  fail: 'fail',
  error: 'error',
  inconclusive: 'inconclusive',
  'not-run': 'not run',
  'not-applicable': 'not applicable',
  'no-result': 'not selected',
  'no-case': 'no case',
  partial: 'partial',
  'not-offered': 'not offered',
  owned: 'front-end',
  untestable: 'untestable',
  elsewhere: '',
};

export function markWord(kind: MarkKind): string {
  return words[kind];
}

/** A verdict as a sign and a word; the sign is drawn by the style sheet and never read aloud. */
export function VerdictMark({ kind, text }: { readonly kind: MarkKind; readonly text?: string }): JSX.Element {
  return <span class={`mark ${kind}`}>{text ?? words[kind]}</span>;
}

/** What a cell of the matrix shows, and the same as a sentence. */
interface FeatureMark {
  readonly text: string;
  /** Requirements that passed, of those that count: the same in every cell. */
  readonly counts?: string;
  readonly sentence: string;
}

export function featureMark(verdict: FeatureVerdict): FeatureMark {
  switch (verdict.kind) {
    case 'pass':
      return {
        text: 'pass',
        counts: `${verdict.of}/${verdict.of}`,
        sentence: `pass: all ${verdict.of} requirements`,
      };
    case 'partial':
      return {
        text: 'partial',
        counts: `${verdict.passed}/${verdict.of}`,
        sentence:
          verdict.unseen === undefined
            ? `partial: ${verdict.passed} of ${verdict.of} requirements passed, none failed`
            : `partial: all ${verdict.of} requirements passed, but the function of the bit was not seen to work: ${verdict.unseen}`,
      };
    case 'fail':
      return {
        text: 'fail',
        counts: `${verdict.passed}/${verdict.of}`,
        sentence: `${verdict.failed} of ${verdict.of} requirements failed, ${verdict.passed} passed`,
      };
    case 'not-offered':
      if (verdict.by === 'front-end') return { text: 'not taken', sentence: 'the front-end did not take this bit' };
      return { text: 'not offered', sentence: 'not offered' };
    case 'owned':
      return { text: verdict.by, sentence: `served by: ${verdict.by}` };
    case 'no-case':
      return { text: 'no case', sentence: 'nothing that hangs on this bit was judged here' };
    case 'untestable':
      return { text: 'untestable', sentence: `untestable: ${verdict.why}` };
    case 'elsewhere':
      return { text: '', sentence: '' };
  }
}
