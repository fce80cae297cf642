import type { Observation, ObservedEvent } from '../../reference-impl/observations/event.ts';
import { encodeMdevMessage, mdevHeader } from '../../reference-impl/wire/mdev-messages.ts';
import { encodeStructure } from '../../reference-impl/wire/structure.ts';
import { vfioDeviceInfo, vfioIrqSet, vfioRegionInfo, vfioRequests } from '../../reference-impl/wire/vfio-structures.ts';
import { type VhostRequest, vhostRequests } from '../../reference-impl/wire/vhost-requests.ts';
import { u64Payload, vringAddressPayload, vringStatePayload } from '../../reference-impl/wire/vhost-user-payloads.ts';

const shared = { session: 0, layout: 'mdev-l2' } as const;
const nothing = new Uint8Array();

function access(of: {
  readonly access: 'read' | 'write' | 'map' | 'store';
  readonly region: number;
  readonly offset?: number;
  readonly bytes?: Uint8Array;
  readonly length?: number;
  readonly result?: number;
}): Observation {
  const bytes = of.bytes ?? nothing;
  const length = of.length ?? bytes.length;
  const done = of.access === 'map' ? 0 : bytes.length;
  return { ...shared, offset: 0, ...of, kind: 'region-access', bytes, length, result: of.result ?? done };
}

function call(request: keyof typeof vfioRequests, before: Uint8Array, after = before): Observation {
  const { length } = before;
  const on = request.startsWith('VFIO_IOMMU') ? ('container' as const) : ('device' as const);
  return { ...shared, kind: 'ioctl', on, request: vfioRequests[request], length, before, after, result: 0 };
}

function message(request: VhostRequest, payload: Uint8Array = nothing, result?: number): Observation {
  const bytes = encodeMdevMessage(request, payload);
  return access({ access: 'write', region: 0, bytes, ...(result === undefined ? {} : { result }) });
}

function answer(request: VhostRequest, payload: Uint8Array): Observation {
  const header = encodeStructure(mdevHeader, {
    request: BigInt(vhostRequests[request]),
    flags: 0,
    size: payload.length,
  });
  return access({ access: 'read', region: 0, bytes: Uint8Array.from([...header, ...payload]) });
}

const word = (u64: bigint): Uint8Array => encodeStructure(u64Payload, { u64 });
const state = (index: number, num: number): Uint8Array => encodeStructure(vringStatePayload, { index, num });

function regionInfo(index: number, told: { readonly flags: number; readonly size: bigint }): Observation {
  const asked = { argsz: vfioRegionInfo.size, flags: 0, index, capOffset: 0, size: 0n, offset: 0n };
  const offset = BigInt(index) << 40n;
  return call(
    'VFIO_DEVICE_GET_REGION_INFO',
    encodeStructure(vfioRegionInfo, asked),
    encodeStructure(vfioRegionInfo, { ...asked, ...told, offset }),
  );
}

/** A session of layout L2 that ends with the answer about the base of another ring. */
export function sampleMdevTrace(): { readonly events: ObservedEvent[]; readonly failing: number } {
  const info = { argsz: vfioDeviceInfo.size, flags: 0, numRegions: 0, numIrqs: 0 };
  const irqs = encodeStructure(vfioIrqSet, { argsz: vfioIrqSet.size + 4, flags: 0x24, index: 0, start: 1, count: 1 });
  const addresses = { index: 1, flags: 0, descriptor: 0x10_0000n, used: 0x10_2000n, available: 0x10_1000n, log: 0n };
  const told: Observation[] = [
    call(
      'VFIO_DEVICE_GET_INFO',
      encodeStructure(vfioDeviceInfo, info),
      encodeStructure(vfioDeviceInfo, { ...info, flags: 0x41, numRegions: 2, numIrqs: 1 }),
    ),
    { kind: 'connection', state: 'opened', session: 0, detail: 'layout l2' },
    regionInfo(0, { flags: 3, size: 0x100_0000n }),
    regionInfo(1, { flags: 7, size: 8192n }),
    message('VHOST_SET_OWNER'),
    message('VHOST_GET_FEATURES'),
    answer('VHOST_GET_FEATURES', word(0x1_3000_0000n)),
    message('VHOST_SET_FEATURES', word(0x1_0000_0000n)),
    message('VHOST_SET_VRING_NUM', state(1, 3), -22),
    message('VHOST_SET_VRING_NUM', state(1, 256)),
    message('VHOST_SET_VRING_ADDR', encodeStructure(vringAddressPayload, addresses)),
    call('VFIO_DEVICE_SET_IRQS', Uint8Array.from([...irqs, 37, 0, 0, 0])),
    message('VHOST_DEVICE_SET_STATE', word(1n)),
    access({ access: 'map', region: 1, offset: 4096, length: 4096 }),
    access({ access: 'store', region: 1, offset: 4096, bytes: Uint8Array.of(1, 0) }),
    access({ access: 'write', region: 1, offset: 4096, bytes: Uint8Array.of(1, 0, 0, 0) }),
    { kind: 'notification', what: 'call', session: 0, index: 1, count: 1 },
    message('VHOST_DEVICE_SET_STATE', word(0n)),
    message('VHOST_GET_VRING_BASE', state(1, 0)),
    answer('VHOST_GET_VRING_BASE', state(0, 1)),
    { kind: 'connection', state: 'closed-by-us', session: 0, detail: '' },
  ];
  const events = told.map((observation, seq): ObservedEvent => ({ seq, timeUs: 20 + seq * 13, ...observation }));
  return { events, failing: events.length - 2 };
}
