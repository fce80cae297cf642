import { BrokenDown } from '../../vhost-user/back-end-edge.ts';

/** The reason as it is, unless there is one and it is fatal. */
export function breakingDown<Reason>(
  how: 'abort' | 'hang' | undefined,
  reason: Reason | undefined,
): Reason | undefined {
  if (reason !== undefined && how !== undefined) throw new BrokenDown(how);
  return reason;
}
