import {
  type ConfigRead,
  type ControlOutcome,
  type DeviceConfig,
  type DeviceStatus,
  DriverUsageError,
  type NumberRead,
  type Session,
} from '../../drivers/port/port.ts';
import { CaseEnded, type Check } from '../check.ts';

/** Parts of `session.device` that a case names in `needs`, and what it reads there. */

const missing = (part: string): never => {
  throw new DriverUsageError(`the session has no ${part}: say needs: ['${part}'] in applies`);
};

export const configOf = ({ device }: Session): DeviceConfig => device.config ?? missing('device.config');
export const statusOf = ({ device }: Session): DeviceStatus => device.status ?? missing('device.status');
export const resetOf = ({ device }: Session): (() => ControlOutcome) => device.reset ?? missing('device.reset');

/** The first bytes of configuration: some back-ends heed no offset. @throws CaseEnded after a recorded failure. */
export function configFrom(session: Session, check: Check, length: number): Uint8Array {
  const read = configOf(session).read(0, length);
  const what = `${length} bytes of configuration`;
  return read.kind === 'bytes' ? read.bytes : endsWith(check, read, what);
}

/** The status field. @throws CaseEnded after a recorded failure. */
export function statusIn(session: Session, check: Check): number {
  const read = statusOf(session).get();
  return read.kind === 'number' ? read.value : endsWith(check, read, 'the device status');
}

/** @throws CaseEnded where the device answers nothing. */
export function setStatus(session: Session, check: Check, status: number): boolean {
  return check.accepted(statusOf(session).set(status), `device status ${status}`);
}

function endsWith(
  check: Check,
  end: Exclude<ConfigRead, { kind: 'bytes' }> | Exclude<NumberRead, { kind: 'number' }>,
  what: string,
): never {
  switch (end.kind) {
    case 'unreadable':
      check.fails('wrong', what, 'it is told', end.why);
      throw new CaseEnded(what);
    case 'closed':
    case 'silent':
    case 'died':
      check.failsBy(end, what, 'an answer');
      throw new CaseEnded(what);
  }
}
