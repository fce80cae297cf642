import { requirementOf } from '../../reference-impl/catalogue/catalogue.ts';
import {
  type ReferenceDevice,
  referenceDeviceNames,
  type SharedDevice,
  sharedDeviceNames,
} from '../../reference-impl/devices/reference-devices.ts';
import { type Fault, type Showing, showings } from '../../reference-impl/faults/fault.ts';
import { transportOf } from '../faulty-reference.ts';

/** A reference that a fault is looked for in. */
export interface Arena {
  readonly name: string;
  readonly showing: Showing;
  readonly device: ReferenceDevice;
  /** Pairs of queues of a network device, where it has others than usual. */
  readonly pairs?: number;
  /** Of the programs that others get, the part that this one gets. */
  readonly share: number;
}

/**
 * Pairs of a network device with a queue for commands. It offers VIRTIO_NET_F_RSS from two pairs on; what is left to one of a
 * single pair is little.
 */
const pairsWithCommands = [
  { pairs: 2, share: 1 },
  { pairs: 1, share: 0.25 },
] as const;

/** Devices of which a fault of all devices is looked for. */
const plainDevices: readonly SharedDevice[] = ['block', 'net'];

/** What shows a fault: all showings of its transport; for one of rings and devices vhost-user, and vhost-vdpa for net. */
export function arenasOf(fault: Fault): Arena[] {
  const devices = devicesOf(fault);
  const shown: readonly Showing[] =
    fault.layer === 'transport'
      ? showings.filter((showing) => transportOf[showing] === fault.transport)
      : showingsOf(devices);
  return shown.flatMap((showing) =>
    devices.flatMap((device): Arena[] => {
      const name = `${showing}-${device}`;
      if (showing !== 'vhost-vdpa' || device !== 'net') return [{ name, showing, device, share: 1 }];
      return pairsWithCommands.map(({ pairs, share }) => ({ name: `${name}-${pairs}`, showing, device, pairs, share }));
    }),
  );
}

/** Of what programs have calls of, vhost-vdpa alone shows the queue for commands of a network device. */
const showingsOf = (devices: readonly ReferenceDevice[]): readonly Showing[] =>
  devices.every((device) => device === 'net') ? ['vhost-user', 'vhost-vdpa'] : ['vhost-user'];

/** The type of device that the requirement is about, or those that all faults are looked for in. */
function devicesOf({ requirement, layer }: Fault): readonly ReferenceDevice[] {
  const room = requirementOf(requirement).area.split('/').at(-1);
  const own = referenceDeviceNames.find((name) => name === room);
  if (own !== undefined) return [own];
  // A fault of a device may be one of any type.
  return layer === 'device' ? sharedDeviceNames : plainDevices;
}
