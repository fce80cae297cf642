import type { DriverPort } from '../drivers/port/port.ts';

/** A new connection that answers GET_FEATURES. */
export function isServing(port: DriverPort): boolean {
  if (!port.iut.isAlive()) return false;
  const opened = port.connect();
  if (opened.kind === 'refused') return false;
  const answer = opened.session.fence();
  opened.session.close();
  return answer.kind === 'passed';
}
