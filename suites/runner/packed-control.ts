import type { DriverPort } from '../../drivers/port/port.ts';
import { type Control, control } from '../../judging/control.ts';

/**
 * A request on a packed ring of a fresh session. Where it fails, it is tried on a fresh process: what ran before has no part
 * in that.
 */
export function packedControl(port: DriverPort, restart: () => void): Control {
  const tried = (): Control => {
    const found = control(port, 'packed');
    port.releaseAll();
    return found;
  };
  const first = tried();
  if (first.kind === 'completed') return first;
  restart();
  const again = tried();
  if (!port.iut.isAlive()) restart();
  return again;
}
