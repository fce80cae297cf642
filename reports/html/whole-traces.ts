import { deflateRawSync } from 'node:zlib';
import type { FeatureOwner } from '../../reference-impl/catalogue/features.ts';
import { traceLines } from '../export/trace-text.ts';
import type { Trace } from '../trace/trace.ts';
import { visibleText } from '../visible-text.ts';

/** Deflated and in base 64. */
export interface CompressedText {
  readonly data: string;
}

/** Of all traces of a page together: bounds its size for any number of findings. */
const mostCharacters = 400_000;

/** Whole traces as lines, so far as the page has room for them. */
export class WholeTraces {
  #left = mostCharacters;

  /** Undefined where there is no room left. */
  of(trace: Trace, owner: FeatureOwner | undefined, failing: number | undefined): CompressedText | undefined {
    const lines = traceLines(trace, { owner, failing: new Set(failing === undefined ? [] : [failing]) });
    const data = deflateRawSync(visibleText(lines.join('\n')), { level: 9 }).toString('base64');
    if (data.length > this.#left) return undefined;
    this.#left -= data.length;
    return { data };
  }
}
