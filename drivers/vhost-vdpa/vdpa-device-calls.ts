import { encodeStructure } from '../../reference-impl/wire/structure.ts';
import {
  u8Argument,
  u16Argument,
  u32Argument,
  vdpaConfig,
  vdpaIovaRange,
  vdpaRequests,
} from '../../reference-impl/wire/vdpa-structures.ts';
import { vringStatePayload } from '../../reference-impl/wire/vhost-user-payloads.ts';
import type { VdpaCalls, VdpaFile, VdpaMapping, VdpaRange } from '../port/vhost-vdpa-door.ts';
import { VhostDeviceCalls } from '../vhost-kernel/vhost-device-calls.ts';
import { RecordedVdpaFile, storeDoorbell } from './recorded-vdpa-file.ts';

const none = new Uint8Array();

/** The calls of vhost-vdpa on an open file. */
export class VdpaDeviceCalls extends VhostDeviceCalls<VdpaFile> implements VdpaCalls {
  readonly #pageSize: number;

  constructor(file: VdpaFile, pageSize: number) {
    super(file);
    this.#pageSize = pageSize;
  }

  deviceId(): number {
    return this.number(vdpaRequests.VHOST_VDPA_GET_DEVICE_ID);
  }

  status(): number {
    const answer = this.ask(vdpaRequests.VHOST_VDPA_GET_STATUS, u8Argument);
    return typeof answer === 'number' ? answer : answer.u8;
  }

  setStatus(status: number): number {
    return this.tell(vdpaRequests.VHOST_VDPA_SET_STATUS, u8Argument, { u8: status });
  }

  configSize(): number {
    return this.number(vdpaRequests.VHOST_VDPA_GET_CONFIG_SIZE);
  }

  readConfig(offset: number, length: number): Uint8Array | number {
    const argument = configArgument(offset, new Uint8Array(length));
    const answer = this.call(vdpaRequests.VHOST_VDPA_GET_CONFIG, argument);
    return answer < 0 ? answer : argument.subarray(vdpaConfig.size);
  }

  writeConfig(offset: number, bytes: Uint8Array): number {
    return this.call(vdpaRequests.VHOST_VDPA_SET_CONFIG, configArgument(offset, bytes));
  }

  setConfigCall(fd: number): number {
    return this.tell(vdpaRequests.VHOST_VDPA_SET_CONFIG_CALL, u32Argument, { u32: fd >>> 0 });
  }

  largestSize(): number {
    const answer = this.ask(vdpaRequests.VHOST_VDPA_GET_VRING_NUM, u16Argument);
    return typeof answer === 'number' ? answer : answer.u16;
  }

  queueCount(): number {
    return this.number(vdpaRequests.VHOST_VDPA_GET_VQS_COUNT);
  }

  groupCount(): number {
    return this.number(vdpaRequests.VHOST_VDPA_GET_GROUP_NUM);
  }

  spaceCount(): number {
    return this.number(vdpaRequests.VHOST_VDPA_GET_AS_NUM);
  }

  iovaRange(): VdpaRange | number {
    return this.ask(vdpaRequests.VHOST_VDPA_GET_IOVA_RANGE, vdpaIovaRange);
  }

  groupOf(index: number): number {
    const answer = this.ask(vdpaRequests.VHOST_VDPA_GET_VRING_GROUP, vringStatePayload, { index, num: 0 });
    return typeof answer === 'number' ? answer : answer.num;
  }

  setGroupSpace(group: number, space: number): number {
    return this.tell(vdpaRequests.VHOST_VDPA_SET_GROUP_ASID, vringStatePayload, { index: group, num: space });
  }

  setEnabled(index: number, enabled: boolean): number {
    return this.tell(vdpaRequests.VHOST_VDPA_SET_VRING_ENABLE, vringStatePayload, { index, num: enabled ? 1 : 0 });
  }

  suspend(): number {
    return this.call(vdpaRequests.VHOST_VDPA_SUSPEND, none);
  }

  resume(): number {
    return this.call(vdpaRequests.VHOST_VDPA_RESUME, none);
  }

  mapDoorbell(index: number): VdpaMapping | number {
    return this.file.map({ page: index, length: this.#pageSize });
  }

  store16(mapping: VdpaMapping, index: number, value: number): void {
    if (this.file instanceof RecordedVdpaFile) this.file.store16(mapping, index, value);
    else storeDoorbell(mapping, value);
  }
}

/** A vhost_vdpa_config with these bytes. */
export function configArgument(offset: number, bytes: Uint8Array): Uint8Array {
  const argument = new Uint8Array(vdpaConfig.size + bytes.length);
  argument.set(encodeStructure(vdpaConfig, { offset, length: bytes.length }));
  argument.set(bytes, vdpaConfig.size);
  return argument;
}
