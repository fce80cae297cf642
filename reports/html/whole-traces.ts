import type { FeatureOwner } from '../../reference-impl/catalogue/features.ts';
import { tracedLines } from '../export/trace-text.ts';
import type { Trace } from '../trace/trace.ts';
import { visibleText } from '../visible-text.ts';
import { deflated, SharedTexts } from './shared-texts.ts';

/** A trace as the script of the page reads it, beside the texts that all traces of the page share. */
export interface WholeTrace {
  readonly data: string;
}

/** Of all traces of a page together, deflated: bounds its size for any number of findings. */
const mostCharacters = 1_000_000;
/** How much smaller a text is among all others than alone, about. */
const deflation = 4;

/** Whole traces as lines, so far as the page has room for them. What several events say is in the page once. */
export class WholeTraces {
  readonly texts = new SharedTexts();
  #left = mostCharacters;

  /** Undefined where there is no room left. */
  of(trace: Trace, owner: FeatureOwner | undefined, failing: number | undefined): WholeTrace | undefined {
    const lines = tracedLines(trace, { owner }).map(({ event, title }) => ({ event, title: visibleText(title) }));
    let added = 0;
    for (const title of new Set(lines.map(({ title }) => title))) {
      if (!this.texts.has(title)) added += title.length / deflation;
    }
    // Even without what it says it has one character for each event.
    if (added + lines.length > this.#left) return undefined;
    const data = deflated({
      failing: failing ?? -1,
      dropped: trace.dropped,
      seqs: differences(lines.map(({ event }) => event.seq)),
      times: differences(lines.map(({ event }) => Math.round(event.timeUs))),
      texts: lines.map(({ title }) => this.texts.place(title)),
    });
    this.#left -= added + data.length;
    return { data };
  }
}

/** Each number as its distance from the one before it. */
function differences(numbers: readonly number[]): number[] {
  return numbers.map((number, at) => number - (numbers[at - 1] ?? 0));
}
