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

/**
 * The first bytes of configuration. Fields are read from the start of the space, so that what a window of it holds is
 * judged by the cases about windows alone. @throws CaseEnded after a recorded failure.
 */
export function configFrom(session: Session, check: Check, length: number): Uint8Array {
  const read = configOf(session).read(0, length);
  const what = `${length} bytes of configuration`;
  if (read.kind !== 'bytes') return endsWith(check, read, what);
  if (read.bytes.length >= length) return read.bytes;
  check.fails('wrong', what, `${length} bytes`, `${read.bytes.length} bytes`);
  throw new CaseEnded(what);
}

/** A field of a configuration structure: where it begins, and its bytes, the least significant first. */
export interface ConfigField {
  readonly name: string;
  readonly at: number;
  readonly bytes: 1 | 2 | 4;
}

/** The value of a field. @throws CaseEnded after a recorded failure. */
export function fieldFrom(session: Session, check: Check, { at, bytes }: ConfigField): number {
  const config = configFrom(session, check, at + bytes);
  let value = 0;
  for (let n = bytes - 1; n >= 0; n--) value = value * 256 + (config[at + n] as number);
  return value;
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
