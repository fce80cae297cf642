import type { Host, HostPlace } from '../host-conversation.ts';
import type { HostJob, HostMessage } from '../host-protocol.ts';
import { Interruption } from '../interruption.ts';

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

/**
 * Gives one host process one job, and waits for its end.
 * @param endsAt it is ended at this time, as `Date.now()`, and has then completed.
 */
export async function oneHost(
  place: HostPlace,
  job: HostJob,
  message: (message: HostMessage) => void,
  endsAt?: number,
): Promise<OneHostEnd> {
  let host: Host | undefined;
  let isTimeOver = false;
  const interruption = new Interruption(() => host?.stop());
  const timer = endsAt === undefined ? undefined : setTimeout(timeIsOver, Math.max(endsAt - Date.now(), 0));
  function timeIsOver(): void {
    isTimeOver = true;
    host?.stop();
  }
  try {
    host = place.startHost(job, {
      ready: () => undefined,
      wantsOrder: (_gaveUp, give) => give({ kind: 'run', results: [], deathsElsewhere: [] }),
      message,
      booted: () => undefined,
      note: () => undefined,
    });
    const end = await host.ended;
    if (interruption.happened) return { kind: 'ended', why: 'interrupted', exitCode: interruption.exitCode };
    if (end.kind === 'completed' || isTimeOver) return { kind: 'completed', why: '' };
    const why = 'why' in end ? end.why : end.kind;
    return end.kind === 'died' ? { kind: 'ended', why, isDeath: true } : { kind: 'ended', why };
  } finally {
    clearTimeout(timer);
    interruption.stopListening();
  }
}
