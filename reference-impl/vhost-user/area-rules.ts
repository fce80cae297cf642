import { type ConfigRules, configRules } from './config-rules.ts';
import { type DescriptorRules, descriptorRules } from './descriptor-rules.ts';
import { type DeviceStateRules, deviceStateRules } from './device-state-rules.ts';
import { type LogRules, logRules } from './dirty-log.ts';
import { type FeatureRules, featureRules } from './feature-rules.ts';
import { type HostNotifierRules, hostNotifierRules } from './host-notifiers.ts';
import { type InflightRules, inflightRules } from './inflight-rules.ts';
import { type IotlbRules, iotlbRules } from './iotlb-rules.ts';
import { type MemoryRules, memoryRules } from './memory-rules.ts';
import { type NotificationRules, notificationRules } from './notification-rules.ts';
import { type PostcopyRules, postcopyRules } from './postcopy-rules.ts';
import { type ProgramRules, programRules } from './program-rules.ts';
import { type ReplyRules, replyRules } from './reply-rules.ts';
import { type RingStateRules, ringStateRules } from './ring-state.ts';
import { type SharedMemoryRules, sharedMemoryRules } from './shared-memory.ts';
import { type SharedObjectRules, sharedObjectRules } from './shared-objects.ts';
import { type StateTransferRules, stateTransferRules } from './state-transfer.ts';
import { type StreamRules, streamRules } from './stream-rules.ts';
import { type VringRules, vringRules } from './vring-rules.ts';

/** What a back-end does by choice beside its table of messages. Handlers of messages read these. */
export interface AreaRules {
  readonly stream: StreamRules;
  readonly ringState: RingStateRules;
  readonly reply: ReplyRules;
  readonly features: FeatureRules;
  readonly descriptors: DescriptorRules;
  readonly memory: MemoryRules;
  readonly iotlb: IotlbRules;
  readonly vring: VringRules;
  readonly notification: NotificationRules;
  readonly deviceState: DeviceStateRules;
  readonly config: ConfigRules;
  readonly log: LogRules;
  readonly inflight: InflightRules;
  readonly stateTransfer: StateTransferRules;
  readonly hostNotifier: HostNotifierRules;
  readonly postcopy: PostcopyRules;
  readonly program: ProgramRules;
  readonly sharedObjects: SharedObjectRules;
  readonly sharedMemory: SharedMemoryRules;
}

export const areaRules: AreaRules = {
  stream: streamRules,
  ringState: ringStateRules,
  reply: replyRules,
  features: featureRules,
  descriptors: descriptorRules,
  memory: memoryRules,
  iotlb: iotlbRules,
  vring: vringRules,
  notification: notificationRules,
  deviceState: deviceStateRules,
  config: configRules,
  log: logRules,
  inflight: inflightRules,
  stateTransfer: stateTransferRules,
  hostNotifier: hostNotifierRules,
  postcopy: postcopyRules,
  program: programRules,
  sharedObjects: sharedObjectRules,
  sharedMemory: sharedMemoryRules,
};
