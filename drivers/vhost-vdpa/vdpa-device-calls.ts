import type { Codec } from '../../reference-impl/wire/compile-layout.ts';
import { encodeStructure } from '../../reference-impl/wire/structure.ts';
import {
  iotlbBytes,
  u8Argument,
  u16Argument,
  u32Argument,
  type VdpaRequest,
  vdpaConfig,
  vdpaIovaRange,
  vdpaRequests,
  vringFile,
} from '../../reference-impl/wire/vdpa-structures.ts';
import { u64Payload, vringAddressPayload, vringStatePayload } from '../../reference-impl/wire/vhost-user-payloads.ts';
import type {
  VdpaCalls,
  VdpaFile,
  VdpaIotlbMessage,
  VdpaMapping,
  VdpaRange,
  VdpaRingAddresses,
} from '../port/vhost-vdpa-door.ts';
import { RecordedVdpaFile, storeDoorbell } from './recorded-vdpa-file.ts';

const none = new Uint8Array();
const eventRequests = {
  kick: 'VHOST_SET_VRING_KICK',
  call: 'VHOST_SET_VRING_CALL',
  err: 'VHOST_SET_VRING_ERR',
} as const satisfies Readonly<Record<string, VdpaRequest>>;

/** The calls of vhost-vdpa on an open file. */
export class VdpaDeviceCalls implements VdpaCalls {
  readonly file: VdpaFile;
  readonly #pageSize: number;

  constructor(file: VdpaFile, pageSize: number) {
    this.file = file;
    this.#pageSize = pageSize;
  }

  setOwner(): number {
    return this.#call('VHOST_SET_OWNER', none);
  }

  features(): bigint | number {
    return this.#word('VHOST_GET_FEATURES');
  }

  setFeatures(word: bigint): number {
    return this.#tell('VHOST_SET_FEATURES', u64Payload, { u64: word });
  }

  backendFeatures(): bigint | number {
    return this.#word('VHOST_GET_BACKEND_FEATURES');
  }

  setBackendFeatures(word: bigint): number {
    return this.#tell('VHOST_SET_BACKEND_FEATURES', u64Payload, { u64: word });
  }

  deviceId(): number {
    return this.#number('VHOST_VDPA_GET_DEVICE_ID');
  }

  status(): number {
    const answer = this.#ask('VHOST_VDPA_GET_STATUS', u8Argument);
    return typeof answer === 'number' ? answer : answer.u8;
  }

  setStatus(status: number): number {
    return this.#tell('VHOST_VDPA_SET_STATUS', u8Argument, { u8: status });
  }

  configSize(): number {
    return this.#number('VHOST_VDPA_GET_CONFIG_SIZE');
  }

  readConfig(offset: number, length: number): Uint8Array | number {
    const argument = configArgument(offset, new Uint8Array(length));
    const answer = this.#call('VHOST_VDPA_GET_CONFIG', argument);
    return answer < 0 ? answer : argument.subarray(vdpaConfig.size);
  }

  writeConfig(offset: number, bytes: Uint8Array): number {
    return this.#call('VHOST_VDPA_SET_CONFIG', configArgument(offset, bytes));
  }

  setConfigCall(fd: number): number {
    return this.#tell('VHOST_VDPA_SET_CONFIG_CALL', u32Argument, { u32: fd >>> 0 });
  }

  largestSize(): number {
    const answer = this.#ask('VHOST_VDPA_GET_VRING_NUM', u16Argument);
    return typeof answer === 'number' ? answer : answer.u16;
  }

  queueCount(): number {
    return this.#number('VHOST_VDPA_GET_VQS_COUNT');
  }

  groupCount(): number {
    return this.#number('VHOST_VDPA_GET_GROUP_NUM');
  }

  spaceCount(): number {
    return this.#number('VHOST_VDPA_GET_AS_NUM');
  }

  iovaRange(): VdpaRange | number {
    return this.#ask('VHOST_VDPA_GET_IOVA_RANGE', vdpaIovaRange);
  }

  groupOf(index: number): number {
    const answer = this.#ask('VHOST_VDPA_GET_VRING_GROUP', vringStatePayload, { index, num: 0 });
    return typeof answer === 'number' ? answer : answer.num;
  }

  setGroupSpace(group: number, space: number): number {
    return this.#tell('VHOST_VDPA_SET_GROUP_ASID', vringStatePayload, { index: group, num: space });
  }

  setSize(index: number, size: number): number {
    return this.#tell('VHOST_SET_VRING_NUM', vringStatePayload, { index, num: size });
  }

  setAddresses(index: number, { flags = 0, log = 0n, ...addresses }: VdpaRingAddresses): number {
    return this.#tell('VHOST_SET_VRING_ADDR', vringAddressPayload, { index, flags, log, ...addresses });
  }

  setBase(index: number, base: number): number {
    return this.#tell('VHOST_SET_VRING_BASE', vringStatePayload, { index, num: base });
  }

  base(index: number): { readonly index: number; readonly num: number } | number {
    return this.#ask('VHOST_GET_VRING_BASE', vringStatePayload, { index, num: 0 });
  }

  setEvent(use: 'kick' | 'call' | 'err', index: number, fd: number): number {
    return this.#tell(eventRequests[use], vringFile, { index, fd: fd >>> 0 });
  }

  setEnabled(index: number, enabled: boolean): number {
    return this.#tell('VHOST_VDPA_SET_VRING_ENABLE', vringStatePayload, { index, num: enabled ? 1 : 0 });
  }

  suspend(): number {
    return this.#call('VHOST_VDPA_SUSPEND', none);
  }

  resume(): number {
    return this.#call('VHOST_VDPA_RESUME', none);
  }

  iotlb(message: VdpaIotlbMessage): number {
    return this.file.write(iotlbBytes(message));
  }

  mapDoorbell(index: number): VdpaMapping | number {
    return this.file.map({ page: index, length: this.#pageSize });
  }

  store16(mapping: VdpaMapping, index: number, value: number): void {
    if (this.file instanceof RecordedVdpaFile) this.file.store16(mapping, index, value);
    else storeDoorbell(mapping, value);
  }

  #call(request: VdpaRequest, argument: Uint8Array): number {
    return this.file.ioctl(vdpaRequests[request], argument);
  }

  #tell<V>(request: VdpaRequest, codec: Codec<V>, value: V): number {
    return this.#call(request, encodeStructure(codec, value));
  }

  #ask<V>(request: VdpaRequest, codec: Codec<V>, value?: V): V | number {
    const argument = value === undefined ? new Uint8Array(codec.size) : encodeStructure(codec, value);
    const answer = this.#call(request, argument);
    if (answer < 0) return answer;
    const decoded = codec.decode(new DataView(argument.buffer), 0, codec.size);
    if (!decoded.ok) throw new RangeError(`${codec.name} has no fixed size`);
    return decoded.value;
  }

  #word(request: VdpaRequest): bigint | number {
    const answer = this.#ask(request, u64Payload);
    return typeof answer === 'number' ? answer : answer.u64;
  }

  #number(request: VdpaRequest): number {
    const answer = this.#ask(request, u32Argument);
    return typeof answer === 'number' ? answer : answer.u32;
  }
}

/** A vhost_vdpa_config with these bytes. */
export function configArgument(offset: number, bytes: Uint8Array): Uint8Array {
  const argument = new Uint8Array(vdpaConfig.size + bytes.length);
  argument.set(encodeStructure(vdpaConfig, { offset, length: bytes.length }));
  argument.set(bytes, vdpaConfig.size);
  return argument;
}
