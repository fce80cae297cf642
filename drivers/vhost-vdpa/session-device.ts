import { errorName } from '../../reference-impl/wire/errno.ts';
import type { ControlOutcome } from '../port/outcome.ts';
import type { ConfigRead, NumberRead, SessionDevice } from '../port/session-device.ts';
import type { VdpaCalls } from '../port/vhost-vdpa-door.ts';
import { callOutcome, isDeviceGone } from '../session/call-outcome.ts';

const number = (what: string, answer: number): NumberRead => {
  if (answer >= 0) return { kind: 'number', value: answer };
  return isDeviceGone(-answer) ? { kind: 'closed' } : { kind: 'unreadable', why: `${what}: ${errorName(answer)}` };
};

/** The device behind a vhost-vdpa session. It is reset by its status. */
export class VdpaDeviceParts implements SessionDevice {
  readonly config: {
    read(offset: number, length: number): ConfigRead;
    write(offset: number, bytes: Uint8Array): ControlOutcome;
  };
  readonly status: { get(): NumberRead; set(status: number): ControlOutcome };
  readonly queues: { count(): NumberRead };
  readonly reset = undefined;

  /** @param setStatus writes the status, and lets the session know. */
  constructor(calls: VdpaCalls, setStatus: (status: number) => ControlOutcome) {
    this.config = {
      read: (offset, length) => {
        const answer = calls.readConfig(offset, length);
        if (typeof answer !== 'number') return { kind: 'bytes', bytes: answer };
        if (isDeviceGone(-answer)) return { kind: 'closed' };
        return { kind: 'unreadable', why: `VHOST_VDPA_GET_CONFIG: ${errorName(answer)}` };
      },
      write: (offset, bytes) => callOutcome(calls.writeConfig(offset, bytes)),
    };
    this.status = { get: () => number('VHOST_VDPA_GET_STATUS', calls.status()), set: setStatus };
    this.queues = { count: () => number('VHOST_VDPA_GET_VQS_COUNT', calls.queueCount()) };
  }
}
