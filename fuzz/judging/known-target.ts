import { type DriverPort, isOfIut } from '../../drivers/port/port.ts';
import {
  type FeatureName,
  type FeatureSet,
  featureSetOf,
  hasFeature,
} from '../../reference-impl/catalogue/catalogue.ts';
import { VSOCK_CONFIG_SIZE } from '../../reference-impl/devices/vsock-layout.ts';
import { isVhostUser } from '../executor/doors.ts';
import type { KnownSockets, KnownTarget } from '../program/known-state.ts';
import { configurationOf } from './model-target.ts';

const asked = [
  'VIRTIO_F_VERSION_1',
  'VHOST_USER_F_PROTOCOL_FEATURES',
  'VHOST_USER_PROTOCOL_F_MQ',
] as const satisfies readonly FeatureName[];

/** What a program may know of a target: what it offered, and how many queues it says it has. No session may be open. */
export function knownTarget(port: DriverPort, offer: FeatureSet): KnownTarget {
  const { transport, device, sharedObjects } = port.facts;
  const known = { transport, device, offer };
  const queues = queuesOf(port, known);
  const memorySlots = memorySlotsOf(port, known);
  const sockets = socketsOf(port, known);
  return {
    ...known,
    ...(queues === undefined ? {} : { queues }),
    ...(memorySlots === undefined ? {} : { memorySlots }),
    ...(sharedObjects === undefined ? {} : { sharedObjects }),
    ...(sockets === undefined ? {} : { sockets }),
  };
}

/** Undefined for another device, and where nothing is known to listen. */
function socketsOf(port: DriverPort, known: KnownTarget): KnownSockets | undefined {
  const { echoPort } = port.facts;
  if (known.device !== 'vsock' || echoPort === undefined) return undefined;
  const configuration = configurationOf(port, known);
  if (configuration === undefined || configuration.length < VSOCK_CONFIG_SIZE) return undefined;
  const { buffer, byteOffset } = configuration;
  return { guestCid: new DataView(buffer, byteOffset).getBigUint64(0, true), echoPort };
}

/** Regions that a session may have, as a back-end of vhost-user says. */
function memorySlotsOf(port: DriverPort, known: KnownTarget): number | undefined {
  if (!hasFeature(known.offer, 'VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS', known)) return undefined;
  const opened = port.connect();
  if (opened.kind === 'refused' || !isVhostUser(opened.session)) return undefined;
  try {
    const wanted = [...asked, 'VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS', ...port.facts.requiredFeatures] as const;
    opened.session.negotiate(featureSetOf(wanted, known));
    const answer = opened.session.messages.exchange({ request: 'VHOST_USER_GET_MAX_MEM_SLOTS' });
    if (answer.kind !== 'reply' || answer.message.payload.length !== 8) return undefined;
    const { buffer, byteOffset } = answer.message.payload;
    return Number(new DataView(buffer, byteOffset).getBigUint64(0, true));
  } catch (error) {
    if (isOfIut(error)) return undefined;
    throw error;
  } finally {
    port.releaseAll();
  }
}

function queuesOf(port: DriverPort, known: KnownTarget): number | undefined {
  const opened = port.connect();
  if (opened.kind === 'refused') return undefined;
  try {
    opened.session.negotiate(featureSetOf([...asked, ...port.facts.requiredFeatures], known));
    const count = opened.session.device.queues?.count();
    if (count?.kind !== 'number' || count.value < 1) return undefined;
    // Back-ends of vhost-user net count pairs of queues, or queues: no more than this either way.
    return known.transport === 'vhost-user' && known.device === 'net' ? 2 * count.value : count.value;
  } catch (error) {
    if (isOfIut(error)) return undefined;
    throw error;
  } finally {
    port.releaseAll();
  }
}
