import type { TargetRecord } from '../../reports/record/record.ts';
import type { Host, HostPlace } from '../host-conversation.ts';
import type { HostJob, HostMessage } from '../host-protocol.ts';
import { thisKernel } from '../host-supervisor.ts';
import { Interruption } from '../interruption.ts';
import { ScratchDirectory } from '../scratch-directory.ts';

/** How a host process ended that was given one job. */
export interface OneHostEnd {
  readonly kind: 'completed' | 'ended';
  /** Where it did not complete. */
  readonly why: string;
  /** It died, or was killed because it took too long: another host may go on. */
  readonly isDeath?: true;
  /** A signal ended the command. */
  readonly exitCode?: number;
}

export interface OneHostLimits {
  /** It is ended at this time, as `Date.now()`, and has then completed. */
  readonly endsAt?: number;
  /** Ends it, as though it had completed. */
  readonly stop?: AbortSignal;
  /** Told what serves. */
  readonly ready?: (target: TargetRecord) => void;
}

/** Gives one host process one job, and waits for its end. */
export async function oneHost(
  place: HostPlace,
  job: HostJob,
  message: (message: HostMessage) => void,
  { endsAt, stop, ready }: OneHostLimits = {},
): Promise<OneHostEnd> {
  let host: Host | undefined;
  let isStopped = false;
  const interruption = new Interruption(() => host?.stop());
  const timer = endsAt === undefined ? undefined : setTimeout(end, Math.max(endsAt - Date.now(), 0));
  stop?.addEventListener('abort', end);
  function end(): void {
    isStopped = true;
    host?.stop();
  }
  try {
    host = place.startHost(job, {
      ready: (target) => ready?.(target),
      wantsOrder: (_gaveUp, give) => give({ kind: 'run', results: [], deathsElsewhere: [] }),
      message,
      booted: () => undefined,
      note: () => undefined,
    });
    const ended = await host.ended;
    if (interruption.happened) return { kind: 'ended', why: 'interrupted', exitCode: interruption.exitCode };
    if (ended.kind === 'completed' || isStopped) return { kind: 'completed', why: '' };
    const why = 'why' in ended ? ended.why : ended.kind;
    return ended.kind === 'died' ? { kind: 'ended', why, isDeath: true } : { kind: 'ended', why };
  } finally {
    clearTimeout(timer);
    stop?.removeEventListener('abort', end);
    interruption.stopListening();
  }
}

/** Has a host of this kernel do one piece of work on a target, in a directory that goes with it. */
export async function onScratchHost(
  { target, work }: Pick<HostJob, 'target' | 'work'>,
  message: (message: HostMessage) => void,
): Promise<OneHostEnd> {
  const scratch = new ScratchDirectory();
  try {
    const { path } = scratch;
    return await oneHost(thisKernel, { target, scratch: path, root: path, parentPid: process.pid, work }, message);
  } finally {
    scratch.remove();
  }
}
