import type { CampaignProgress } from '../../fuzz/campaign/campaign-options.ts';

/** What each instance counts for itself; the rest is of the directory that they share. */
const own = ['runs', 'calls', 'judgedCalls', 'repeated', 'unconfirmed', 'restarts'] as const;

/** The progress of several instances as that of one campaign. */
export class SummedProgress {
  readonly #last = new Map<number, CampaignProgress>();

  /** @returns that of all, with this one's last. */
  with(instance: number, progress: CampaignProgress): CampaignProgress {
    this.#last.set(instance, progress);
    const all = [...this.#last.values()];
    const merged: Record<string, number> = {};
    for (const [name, value] of Object.entries(progress)) {
      const values = all.map((each) => each[name as keyof CampaignProgress]);
      merged[name] = own.some((one) => one === name) ? values.reduce((a, b) => a + b, 0) : Math.max(value, ...values);
    }
    return merged as unknown as CampaignProgress;
  }
}
