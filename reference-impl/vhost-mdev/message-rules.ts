import { ringLayoutOf } from '../virtqueue/feature-bits.ts';
import type { Codec } from '../wire/compile-layout.ts';
import { errno } from '../wire/errno.ts';
import { mdevMemoryTablePayload, mdevMessages } from '../wire/mdev-messages.ts';
import { type VhostRequest, vhostRequests } from '../wire/vhost-requests.ts';
import { u64Payload, vringAddressPayload, vringStatePayload } from '../wire/vhost-user-payloads.ts';
import type { Decoded, WireProblem } from '../wire/wire-problem.ts';
import type { MdevState } from './mdev-state.ts';
import type { RingRecord } from './ring-set.ts';

/** What came of a message: an error number, 0 for none, or the payload of its answer. */
export type MdevOutcome = number | Uint8Array;

/** What a device does at one message. */
export interface MdevMessageRule {
  readonly name: VhostRequest;
  readonly number: number;
  /** Whether a payload of so many bytes is one of this message. */
  readonly acceptsSize: (size: number) => boolean;
  /** `payload` is zero behind the `size` bytes that came. */
  readonly handle: (device: MdevState, payload: DataView, size: number) => MdevOutcome;
}

/** A payload of fixed size; the buffer holds one wherever the message ended. */
function fixed<Value>(codec: Codec<Value>, payload: DataView): Value {
  return (codec.decode(payload, 0, codec.size) as Extract<Decoded<Value>, { ok: true }>).value;
}

function answer<Value>(codec: Codec<Value>, value: Value): Uint8Array {
  const bytes = new Uint8Array(codec.size);
  codec.encode(value, new DataView(bytes.buffer), 0);
  return bytes;
}

const rule = (
  name: VhostRequest,
  handle: MdevMessageRule['handle'],
  acceptsSize: MdevMessageRule['acceptsSize'] = (size) => size === mdevMessages[name].payload.size,
): MdevMessageRule => ({ name, number: vhostRequests[name], acceptsSize, handle });

/** A change of a ring, for those that tell one. */
const onRing = <Value extends { readonly index: number }>(
  name: VhostRequest,
  codec: Codec<Value>,
  change: (device: MdevState, ring: RingRecord, value: Value) => number,
): MdevMessageRule =>
  rule(name, (device, payload) => {
    const value = fixed(codec, payload);
    const ring = device.rings.records[value.index];
    if (ring === undefined) return errno.ENOBUFS;
    if (device.isRunning && !device.rules.ring.changesWhileRunning) return errno.EBUSY;
    return change(device, ring, value);
  });

const setState: MdevMessageRule['handle'] = (device, payload) => {
  const { u64: state } = fixed(u64Payload, payload);
  if (state > 1n) return errno.EINVAL;
  return device.setRunning(state === 1n);
};

/** The messages that both layouts have. */
const common: readonly MdevMessageRule[] = [
  rule('VHOST_GET_FEATURES', (device) => answer(u64Payload, { u64: device.offeredFeatures })),
  rule('VHOST_SET_FEATURES', (device, payload) => device.setFeatures(fixed(u64Payload, payload).u64)),
  rule('VHOST_SET_OWNER', () => 0),
  rule('VHOST_RESET_OWNER', () => 0),
  rule('VHOST_SET_LOG_BASE', (device, payload) => {
    device.logBase = fixed(u64Payload, payload).u64;
    return 0;
  }),
  onRing('VHOST_SET_VRING_NUM', vringStatePayload, (device, ring, { num }) => {
    if (!device.rules.ring.acceptsSize(num, ringLayoutOf(device.parent.features))) return errno.EINVAL;
    ring.size = device.rules.ring.storedSize(num);
    return 0;
  }),
  onRing('VHOST_SET_VRING_BASE', vringStatePayload, (device, ring, { num }) => {
    if (!device.rules.ring.acceptsBase(num, ringLayoutOf(device.parent.features))) return errno.EINVAL;
    ring.base = device.rules.ring.storedBase(num, ringLayoutOf(device.parent.features));
    return 0;
  }),
  onRing('VHOST_SET_VRING_ADDR', vringAddressPayload, (_, ring, value) => {
    ring.addresses = { desc: value.descriptor, avail: value.available, used: value.used };
    ring.logAddress = value.log;
    return 0;
  }),
  rule('VHOST_GET_VRING_BASE', (device, payload) => {
    const { index } = fixed(vringStatePayload, payload);
    const base = device.rings.tellBase(index);
    return base === undefined ? errno.ENOBUFS : answer(vringStatePayload, { index, num: base });
  }),
  // The client of layout L1 sends a C int where a u64 belongs: what is missing is zero.
  rule('VHOST_DEVICE_SET_STATE', setState, (size) => size === 4 || size === 8),
];

/** Layout L2 has its memory from the container: the table of SET_MEM_TABLE is taken and not looked at. */
export const mdevMessagesL2: readonly MdevMessageRule[] = [
  ...common,
  rule(
    'VHOST_SET_MEM_TABLE',
    () => 0,
    () => true,
  ),
];

export const mdevMessagesL1: readonly MdevMessageRule[] = [
  ...common,
  rule(
    'VHOST_SET_MEM_TABLE',
    (device, payload, size) => {
      const decoded = mdevMemoryTablePayload.decode(payload, 0, size);
      if (!decoded.ok) {
        const [problem] = decoded.problems as [WireProblem];
        return problem.name === 'count-beyond-maximum' ? errno.E2BIG : errno.EINVAL;
      }
      if (decoded.remarks.length > 0) return errno.EINVAL;
      return device.setMemoryTable(decoded.value.regions);
    },
    () => true,
  ),
];
