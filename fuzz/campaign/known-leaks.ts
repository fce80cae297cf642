import { messageById } from '../../reference-impl/wire/vhost-user-messages.ts';
import { isLeakBucket } from '../executor/bucket.ts';
import type { Call, Program } from '../program/program.ts';
import { resolved } from '../program/references.ts';
import type { KnownBucket } from './bucket-store.ts';
import { Guard } from './guard.ts';

interface KnownLeak {
  readonly name: string;
  readonly guard: Guard;
  /** It keeps descriptors that a message does not take, whatever the message. */
  readonly isOfSurplus: boolean;
}

/** A program without what known leaks need, and the bucket of one of them. */
export interface Reduced {
  readonly program: Program;
  readonly bucket: string;
}

/**
 * Leaks that are known. What leaks is seen behind many programs, and mostly another one of them shows a known cause again: a
 * new cause is what still leaks without the calls that show a known one.
 */
export class KnownLeaks {
  readonly #leaks: KnownLeak[] = [];

  /** Takes a bucket; one of another kind is left out. */
  add({ name, program }: Pick<KnownBucket, 'name' | 'program'>): void {
    if (!isLeakBucket(name)) return;
    const whole = resolved(program);
    const isOfSurplus = whole.calls.some((call) => withoutSurplus(call) !== call);
    this.#leaks.push({ name, guard: new Guard(whole), isOfSurplus });
  }

  /** A resolved program without the calls that show known leaks; undefined where it has none of them. */
  without(program: Program): Reduced | undefined {
    let { calls } = program;
    let bucket: string | undefined;
    for (const { name, guard, isOfSurplus } of this.#leaks) {
      const before = calls;
      if (isOfSurplus) calls = calls.map(withoutSurplus);
      for (let place = guard.placeIn({ calls }); place !== undefined; place = guard.placeIn({ calls })) {
        calls = calls.toSpliced(place, 1);
      }
      const isLess = calls.length < before.length || calls.some((call, place) => call !== before[place]);
      if (isLess) bucket ??= name;
    }
    return bucket === undefined ? undefined : { program: resolved({ calls }), bucket };
  }
}

/** The call without descriptors that its message does not take. */
function withoutSurplus(call: Call): Call {
  if (call.kind === 'bytes' && call.descriptors.length > 0) return { ...call, descriptors: [] };
  if (call.kind !== 'message') return call;
  const most = messageById('front-end', call.request)?.requestDescriptors.maximum ?? 0;
  return call.descriptors.length > most ? { ...call, descriptors: call.descriptors.slice(0, most) } : call;
}
