import type { IoctlObservation, RegionAccessObservation } from '../../reference-impl/observations/event.ts';
import { errorName } from '../../reference-impl/wire/errno.ts';
import { ioctlName } from '../../reference-impl/wire/ioctl-names.ts';

/** A call as the note that stands beside it in a trace, for readers that do not know calls. */
export function callInWords(call: RegionAccessObservation | IoctlObservation): string {
  switch (call.kind) {
    case 'region-access': {
      const { access, region, offset, length, result } = call;
      return `${access} of region ${region} at 0x${offset.toString(16)}, ${length} bytes: ${answerInWords(result)}`;
    }
    case 'ioctl':
      return `${ioctlName(call.request)} on the ${call.on}: ${answerInWords(call.result)}`;
  }
}

/** What a call returned: a number, or the name of an error. */
export function answerInWords(result: number | undefined): string {
  if (result === undefined) return 'no answer';
  return result < 0 ? errorName(result) : `${result}`;
}
