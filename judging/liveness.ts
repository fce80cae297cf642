import { type DriverPort, isOfIut } from '../drivers/port/port.ts';

/** A new connection that answers GET_FEATURES. */
export function isServing(port: DriverPort): boolean {
  if (!port.iut.isAlive()) return false;
  const opened = port.connect();
  if (opened.kind === 'refused') return false;
  const { session } = opened;
  try {
    return session.fence().kind === 'passed';
  } catch (error) {
    if (isOfIut(error)) return false;
    throw error;
  } finally {
    session.close();
  }
}
