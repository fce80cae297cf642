import { kernelPageSize } from '../../drivers/port/page-size.ts';
import { type DriverPort, isOfIut, type TargetFacts } from '../../drivers/port/port.ts';
import { type FeatureName, featureSetOf } from '../../reference-impl/catalogue/catalogue.ts';
import type { KnownSharing, ModelTarget } from '../../reference-impl/oracle/model/model-target.ts';
import { type KnownTarget, pairsOf } from '../program/known-state.ts';

/** What the model may know of a target: its facts, and configuration space where it was read. */
export function modelTarget(known: KnownTarget, facts: TargetFacts, configuration?: Uint8Array): ModelTarget {
  const { transport, device, offer } = known;
  const pairs = pairsOf(known);
  const { sectors, returns, reflects } = facts.workload;
  const comesBack = returns === 'same-port' && (reflects === 'unchanged' || reflects === 'macs-swapped');
  return {
    transport,
    device,
    offer,
    ...(pairs === undefined ? {} : { pairs }),
    ...(transport === 'vhost-user' ? { sharing: sharingOf(facts) } : {}),
    tellsUsedPosition: facts.capabilities.includes('packed-used-position'),
    ...(typeof sectors === 'number' ? { capacity: BigInt(sectors) } : {}),
    ...(configuration === undefined ? {} : { configuration }),
    ...(facts.echoPort === undefined ? {} : { echoPort: facts.echoPort }),
    ...(comesBack ? { reflects } : {}),
  };
}

function sharingOf({ capabilities, sharedObjects = [] }: TargetFacts): KnownSharing {
  return {
    pageSize,
    hasNotifiers: capabilities.includes('host-notifiers'),
    hasMappings: capabilities.includes('shared-mappings'),
    objects: sharedObjects,
  };
}

const pageSize = BigInt(kernelPageSize());

const readable = [
  'VIRTIO_F_VERSION_1',
  'VHOST_USER_F_PROTOCOL_FEATURES',
  'VHOST_USER_PROTOCOL_F_CONFIG',
] as const satisfies readonly FeatureName[];
/**
 * Bytes of configuration that every field of a modelled device lies in, those of a disk without SECURE_ERASE, and those of a
 * file system and of sockets.
 */
const configurationBytes = [72, 60, 40, 8] as const;

/** What the target answers to a read of its configuration; undefined where it has none to read. No session may be open. */
export function configurationOf(port: DriverPort, owner: KnownTarget): Uint8Array | undefined {
  const opened = port.connect();
  if (opened.kind === 'refused') return undefined;
  try {
    opened.session.negotiate(featureSetOf(readable, owner));
    for (const length of configurationBytes) {
      const read = opened.session.device.config?.read(0, length);
      if (read?.kind === 'bytes') return read.bytes;
    }
    return undefined;
  } catch (error) {
    if (isOfIut(error)) return undefined;
    throw error;
  } finally {
    port.releaseAll();
  }
}
