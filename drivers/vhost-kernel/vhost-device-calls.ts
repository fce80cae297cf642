import type { Codec } from '../../reference-impl/wire/compile-layout.ts';
import { encodeStructure } from '../../reference-impl/wire/structure.ts';
import { type IotlbMessage, iotlbBytes, u32Argument, vringFile } from '../../reference-impl/wire/vdpa-structures.ts';
import { vhostCoreRequests as requests } from '../../reference-impl/wire/vhost-requests.ts';
import { u64Payload, vringAddressPayload, vringStatePayload } from '../../reference-impl/wire/vhost-user-payloads.ts';
import type { VhostCalls, VhostFile, VhostRingAddresses } from '../port/vhost-kernel-door.ts';

const none = new Uint8Array();
const eventRequests = {
  kick: 'VHOST_SET_VRING_KICK',
  call: 'VHOST_SET_VRING_CALL',
  err: 'VHOST_SET_VRING_ERR',
} as const;

/** The calls of every vhost device file, on an open one. */
export class VhostDeviceCalls<File extends VhostFile> implements VhostCalls {
  readonly file: File;

  constructor(file: File) {
    this.file = file;
  }

  setOwner(): number {
    return this.call(requests.VHOST_SET_OWNER, none);
  }

  features(): bigint | number {
    return this.word(requests.VHOST_GET_FEATURES);
  }

  setFeatures(word: bigint): number {
    return this.tell(requests.VHOST_SET_FEATURES, u64Payload, { u64: word });
  }

  backendFeatures(): bigint | number {
    return this.word(requests.VHOST_GET_BACKEND_FEATURES);
  }

  setBackendFeatures(word: bigint): number {
    return this.tell(requests.VHOST_SET_BACKEND_FEATURES, u64Payload, { u64: word });
  }

  setSize(index: number, size: number): number {
    return this.tell(requests.VHOST_SET_VRING_NUM, vringStatePayload, { index, num: size });
  }

  setAddresses(index: number, { flags = 0, log = 0n, ...addresses }: VhostRingAddresses): number {
    return this.tell(requests.VHOST_SET_VRING_ADDR, vringAddressPayload, { index, flags, log, ...addresses });
  }

  setBase(index: number, base: number): number {
    return this.tell(requests.VHOST_SET_VRING_BASE, vringStatePayload, { index, num: base });
  }

  base(index: number): { readonly index: number; readonly num: number } | number {
    return this.ask(requests.VHOST_GET_VRING_BASE, vringStatePayload, { index, num: 0 });
  }

  setEvent(use: 'kick' | 'call' | 'err', index: number, fd: number): number {
    return this.tell(requests[eventRequests[use]], vringFile, { index, fd: fd >>> 0 });
  }

  iotlb(message: IotlbMessage, type?: number): number {
    return this.file.write(iotlbBytes(message, type));
  }

  protected call(request: number, argument: Uint8Array): number {
    return this.file.ioctl(request, argument);
  }

  protected tell<V>(request: number, codec: Codec<V>, value: V): number {
    return this.call(request, encodeStructure(codec, value));
  }

  protected ask<V>(request: number, codec: Codec<V>, value?: V): V | number {
    const argument = value === undefined ? new Uint8Array(codec.size) : encodeStructure(codec, value);
    const answer = this.call(request, argument);
    if (answer < 0) return answer;
    const decoded = codec.decode(new DataView(argument.buffer), 0, codec.size);
    if (!decoded.ok) throw new RangeError(`${codec.name} has no fixed size`);
    return decoded.value;
  }

  protected word(request: number): bigint | number {
    const answer = this.ask(request, u64Payload);
    return typeof answer === 'number' ? answer : answer.u64;
  }

  protected number(request: number): number {
    const answer = this.ask(request, u32Argument);
    return typeof answer === 'number' ? answer : answer.u32;
  }
}
