const slowestDeadlineMs = 10_000;
const fastestDeadlineMs = 1_000;
const latenciesInDeadline = 2_000;

/** Milliseconds to wait for what is owed, scaled by the median latency that was measured. */
export function deadlineFor(latencyUs: number, scale: number): number {
  const scaled = Math.max(fastestDeadlineMs, (latencyUs / 1000) * latenciesInDeadline);
  return Math.min(slowestDeadlineMs, Math.round(scaled * scale));
}
