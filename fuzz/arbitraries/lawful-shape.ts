import type { FeatureSet } from '../../reference-impl/catalogue/catalogue.ts';
import type { RingLayout } from '../../reference-impl/virtqueue/ring.ts';
import type { ModelledDevice } from './requests.ts';

/** What programs are made for. */
export interface LawfulShape {
  readonly device: ModelledDevice;
  readonly layout: RingLayout;
  /** What the device offers: nothing else is accepted. Everything without it. */
  readonly offer?: Pick<FeatureSet, 'device' | 'protocol'>;
  /** Queues that it has, where that is known. */
  readonly queues?: number;
  /** Of net over vhost-vdpa: pairs of queues that a session may have beside its queue for commands; 1 unless told. */
  readonly pairs?: number;
  /** UUIDs of objects that it exports, as UUIDs are written. */
  readonly sharedObjects?: readonly string[];
  /** vhost-user unless told. */
  readonly transport?: 'vhost-user' | 'vhost-mdev' | 'vhost-vdpa';
}

/** Of a target whose offer is not known. */
export const everything = { device: -1n, protocol: -1n };
