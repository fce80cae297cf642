import type { ReplayWords } from '../../fuzz/campaign/bucket-store.ts';
import { shellLine } from '../shell-words.ts';

/** The command that runs a program of a bucket again on a target. @param words of the target, as it was named. */
export const replayLineOn =
  (words: readonly string[]): ReplayWords =>
  (path, before) =>
    shellLine([
      ...['npx', 'vhost-conformance', 'replay', path, ...words],
      ...before.flatMap((earlier) => ['--before', earlier]),
    ]);
