import { errorName } from '../../reference-impl/wire/errno.ts';
import { DriverUsageError } from '../errors.ts';
import type { FeatureWord, Fence, OfferWord, VhostCalls } from '../port/port.ts';
import { noAnswerOn } from './call-outcome.ts';
import type { SessionContext } from './session-context.ts';

/** A word of features, asked by the calls of a vhost device file. @throws DriverUsageError for protocol features. */
export function vhostWord(
  context: SessionContext,
  calls: Pick<VhostCalls, 'features' | 'backendFeatures'>,
  which: OfferWord,
  transport: string,
): FeatureWord {
  if (which === 'protocol-features') throw new DriverUsageError(`${transport} has no protocol features`);
  const answer = which === 'features' ? calls.features() : calls.backendFeatures();
  if (typeof answer === 'bigint') return { kind: 'word', word: answer };
  return (
    noAnswerOn(context, answer) ?? {
      kind: 'malformed',
      why: `the call for ${which} failed with ${errorName(answer)}`,
    }
  );
}

/** A call is handled before it returns: an answer to this question, of whatever form, says that the device is there. */
export const passedBy = (answer: FeatureWord): Fence =>
  answer.kind === 'word' || answer.kind === 'malformed' ? { kind: 'passed' } : answer;
